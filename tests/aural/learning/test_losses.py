"""Losses against the metrics they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.learning.losses import (
    Dullness,
    PerceptualDisturbance,
    Unintelligibility,
    deficit,
    rumble_db,
    sdr_db,
    si_sdr_db,
    spectral_distance,
    stft,
)
from aural.testing import SAMPLE_RATE, probe

VOICE = torch.from_numpy(probe("voice", 4.0, 1)[0].copy())
NOISE = torch.randn(VOICE.shape, generator=torch.Generator().manual_seed(0)) * VOICE.std()


def mos(disturbance: float) -> float:
    """Turn a disturbance into a score, as ITU-T P.862.2 does."""
    return float(0.999 + 4 / (1 + np.exp(-1.3669 * (4.5 - disturbance) + 3.8224)))


@pytest.mark.parametrize("snr_db", [0, 10, 20, 30])
def test_disturbance_is_that_of_pesq(snr_db: float) -> None:
    pesq, soxr = pytest.importorskip("pesq"), pytest.importorskip("soxr")
    noisy = VOICE + NOISE * 10 ** (-snr_db / 20)
    narrow = [soxr.resample(audio.numpy(), SAMPLE_RATE, 16000) for audio in (VOICE, noisy)]
    ours = PerceptualDisturbance(SAMPLE_RATE)(noisy[None], VOICE[None])
    assert mos(float(ours)) == pytest.approx(pesq.pesq(16000, *narrow, "wb"), abs=0.25)


@pytest.mark.parametrize("snr_db", [0, 10, 20, 30])
def test_unintelligibility_is_what_estoi_misses(snr_db: float) -> None:
    pystoi = pytest.importorskip("pystoi")
    noisy = VOICE + NOISE * 10 ** (-snr_db / 20)
    ours = float(Unintelligibility(SAMPLE_RATE)(noisy[None], VOICE[None]))
    assert 1 - ours == pytest.approx(pystoi.stoi(VOICE.numpy(), noisy.numpy(), SAMPLE_RATE, extended=True), abs=0.03)
    assert float(Unintelligibility(SAMPLE_RATE)(noisy[None, :20000], VOICE[None, :20000])) == 0  # too short to judge


def test_pauses_are_left_out_and_each_clip_of_a_batch_stands_for_itself() -> None:
    pystoi = pytest.importorskip("pystoi")
    half = len(VOICE) // 2
    paused = torch.cat([VOICE[:half], torch.zeros(half), VOICE[half:]])
    noisy = paused + NOISE.repeat(2)[: len(paused)] * 10 ** (-10 / 20)
    whole = VOICE.repeat(2)[: len(paused)]
    heard = torch.stack([noisy, whole + NOISE.repeat(2)[: len(paused)]])
    together = Unintelligibility(SAMPLE_RATE)(heard, torch.stack([paused, whole]))
    expected = pystoi.stoi(paused.numpy(), noisy.numpy(), SAMPLE_RATE, extended=True)
    assert 1 - float(together[0]) == pytest.approx(expected, abs=0.03)
    assert float(together[1]) == pytest.approx(
        float(Unintelligibility(SAMPLE_RATE)(heard[1:], whole[None])), abs=1e-6
    )


def test_hissing_counts_as_speech() -> None:
    """A hiss between the highest band and 5 kHz is no silence, as ESTOI has it: what noise does there counts."""
    pystoi = pytest.importorskip("pystoi")
    spectrum = torch.fft.rfft(NOISE)
    hz = torch.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    hiss = torch.fft.irfft(spectrum * ((hz > 4500) & (hz < 4900)), len(NOISE))
    half = len(VOICE) // 2
    clean = torch.cat([VOICE[:half], 2 * hiss[half:]])
    noisy = clean + 0.3 * NOISE
    ours = 1 - float(Unintelligibility(SAMPLE_RATE)(noisy[None], clean[None]))
    assert ours == pytest.approx(pystoi.stoi(clean.numpy(), noisy.numpy(), SAMPLE_RATE, extended=True), abs=0.05)


def test_dull_audio_falls_short_of_its_target_and_noisy_audio_does_not() -> None:
    dullness = Dullness(SAMPLE_RATE, 1024)
    clean, noisy, softer = (stft(audio[None], 1024, 512) for audio in (VOICE, VOICE + NOISE, 0.5 * VOICE))
    treble = torch.arange(513) * SAMPLE_RATE / 1024 > 2000
    assert float(dullness(clean, clean)) == pytest.approx(0, abs=1e-3)
    assert float(dullness(noisy, clean)) < 0.2
    assert float(dullness(softer, clean)) == pytest.approx(6.02, abs=0.3)
    assert 1 < float(dullness(torch.where(treble, 0.3 * clean, clean), clean)) < 5


def test_rumble_counts_below_the_voice_only() -> None:
    seconds = torch.arange(len(VOICE)) / SAMPLE_RATE
    clean = stft(VOICE[None], 1536, 768)
    levels = {
        hz: float(
            rumble_db(stft((VOICE + VOICE.std() * torch.sin(2 * torch.pi * hz * seconds))[None], 1536, 768), clean, 3)
        )
        for hz in (31.25, 500.0)
    }
    assert float(rumble_db(clean, clean, 3)) == 0
    assert levels[31.25] == pytest.approx(10 * np.log10(1 + 100 * 0.5), abs=1.0)
    assert levels[500.0] < 0.1


@pytest.mark.parametrize("loss", [PerceptualDisturbance, Unintelligibility])
def test_gradients_are_finite_even_for_silence(loss: type[PerceptualDisturbance | Unintelligibility]) -> None:
    for noisy in (VOICE + 0.1 * NOISE, torch.zeros_like(VOICE)):
        noisy = noisy[None].clone().requires_grad_()
        loss(SAMPLE_RATE)(noisy, VOICE[None]).sum().backward()
        assert noisy.grad is not None
        assert torch.isfinite(noisy.grad).all()


@pytest.mark.parametrize("gain", [0.01, 1.0, 50.0])
def test_si_sdr_is_the_ratio_and_knows_no_level(gain: float) -> None:
    noise = NOISE - (NOISE @ VOICE) / (VOICE @ VOICE) * VOICE
    noisy = gain * (VOICE + noise * (VOICE.norm() / noise.norm()) * 10 ** (-7 / 20))
    assert float(si_sdr_db(noisy[None], VOICE[None])) == pytest.approx(7, abs=0.01)


def test_sdr_counts_a_wrong_level() -> None:
    assert float(sdr_db(0.9 * VOICE[None], VOICE[None])) == pytest.approx(20, abs=0.01)


def test_spectral_distance_grows_with_the_difference() -> None:
    clean = stft(VOICE[None], 512, 256)
    distances = [
        float(spectral_distance(stft((VOICE + g * NOISE)[None], 512, 256), clean)) for g in (0, 0.01, 0.1, 1)
    ]
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances == sorted(distances)
    turned = torch.polar(torch.ones(()), torch.tensor(np.pi / 2, dtype=torch.float32))
    assert float(spectral_distance(clean * turned, clean, phase=0.0)) == pytest.approx(0, abs=1e-4)
    assert float(spectral_distance(clean * turned, clean, phase=1.0)) > 0.01


def test_only_what_is_missing_counts_as_a_deficit() -> None:
    target = torch.full((2, 5, 7), 1.0 + 0j)
    estimate = torch.stack([0.5 * target[0], 2.0 * target[1]])
    assert deficit(estimate, target).tolist() == pytest.approx([(1 - 0.5**0.3) ** 2, 0.0], abs=1e-6)
