"""Figures of merit against their equations, known values and each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from aural.audio.files import read
from aural.errors import AudioError, AuralError
from aural.learning import metrics
from aural.learning.metrics import SPEECH, dnsmos, estoi, lsd, pesq, si_sdr
from aural.signals import Block
from aural.testing import probe

Audio = NDArray[np.float32]
RATE = 48000
MEMO = Path(__file__).parents[3] / "examples" / "phone_memo.m4a"
MEASURED = [metric for metric in SPEECH if not metric.optional]


def white(seed: int = 0, frames: int = 2 * RATE) -> Audio:
    return np.random.default_rng(seed).standard_normal(frames).astype(np.float32)


def voice() -> Audio:
    return probe("voice", 3.0, 1)[0]


def orthogonal(reference: Audio) -> Audio:
    """Return noise of the power of the reference without a share of it."""
    noise = white(1, reference.size).astype(np.float64)
    noise -= np.dot(noise, reference) / np.dot(reference, reference) * reference
    return (noise * np.linalg.norm(reference) / np.linalg.norm(noise)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 40), st.floats(1e-3, 1e3), st.sampled_from([-1, 1]))
def test_si_sdr_is_the_snr_whatever_the_level(snr_db: float, gain: float, sign: int) -> None:
    clean = voice()
    noisy = clean + np.float32(10 ** (-snr_db / 20)) * orthogonal(clean)
    assert si_sdr(clean, np.float32(sign * gain) * noisy, RATE) == pytest.approx(snr_db, abs=0.01)


def test_si_sdr_agrees_with_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    audio = pytest.importorskip("torchmetrics.functional.audio")
    clean, noisy = voice(), voice() + 0.02 * white(2, voice().size)
    theirs = audio.scale_invariant_signal_distortion_ratio(torch.from_numpy(noisy), torch.from_numpy(clean.copy()))
    assert si_sdr(clean, noisy, RATE) == pytest.approx(float(theirs), abs=1e-3)


def test_si_sdr_at_its_ends() -> None:
    clean = voice()
    assert si_sdr(clean, clean, RATE) == np.inf
    assert si_sdr(clean, np.zeros_like(clean), RATE) == -np.inf
    assert si_sdr(clean, np.roll(clean, 48), RATE) < 10, "a delay is not looked for"


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_lsd_of_a_band_that_is_lowered(rate: int) -> None:
    """Half of the band 20 dB down: the level is matched by g = <r, e> / <e, e> = 0.55 / 0.505."""
    reference = white(frames=2 * rate)
    spectrum = np.fft.rfft(reference)
    spectrum[spectrum.size // 2 :] *= 0.1
    matched = 20 * np.log10(0.55 / 0.505)
    expected = np.sqrt(((20 - matched) ** 2 + matched**2) / 2)
    assert lsd(reference, np.fft.irfft(spectrum).astype(np.float32), rate) == pytest.approx(expected, rel=0.02)


def test_lsd_of_one_band_sees_no_other() -> None:
    spectrum = np.fft.rfft(reference := white())
    spectrum[spectrum.size // 2 :] = 0
    lower, upper = (0.0, 0.49 * RATE / 2), (0.51 * RATE / 2, np.inf)
    cut = np.fft.irfft(spectrum).astype(np.float32)
    assert lsd(reference, cut, RATE, lower) < 0.1
    assert lsd(reference, cut, RATE, upper) > 40


def test_lsd_of_silence_is_the_depth_of_the_floor() -> None:
    """R / c of white noise is exponential about 60 dB: 57.49 dB on average, with a deviation of 5.57 dB."""
    assert lsd(white(), np.zeros(2 * RATE, np.float32), RATE) == pytest.approx(np.hypot(57.49, 5.57), abs=0.2)


def test_lsd_does_not_hear_what_lies_below_the_floor() -> None:
    clean = voice()
    assert lsd(clean, -3 * clean, RATE) == pytest.approx(0, abs=1e-3)
    assert lsd(clean, clean + 1e-6 * white(3, clean.size), RATE) < 0.1


def test_lsd_sees_the_top_band() -> None:
    noise = white()
    cut = sosfilt(butter(8, 16000, fs=RATE, output="sos"), noise).astype(np.float32)
    assert lsd(noise, cut, RATE) > 10
    assert abs(pesq(voice(), sosfilt(butter(8, 16000, fs=RATE, output="sos"), voice()), RATE) - 4.64) < 0.1


def test_lsd_counts_the_end() -> None:
    reference = white(frames=2048 + 2000)  # a fourth whole hop would begin 48 frames later
    broken = reference.copy()
    broken[-400:] = 0
    assert lsd(reference, broken, RATE) > 0.1
    assert lsd(reference[:100], reference[:100], RATE) == 0


def test_known_values() -> None:
    clean = voice()
    assert pesq(clean, clean, RATE) == pytest.approx(4.644, abs=0.001)
    assert estoi(clean, clean, RATE) == pytest.approx(1, abs=1e-6)
    assert abs(estoi(clean, white(4, clean.size), RATE)) < 0.2
    assert pesq(clean, np.zeros_like(clean), RATE) == metrics.PESQ_LOWEST
    assert abs(estoi(clean, np.zeros_like(clean), RATE)) < 0.05


def test_pesq_of_a_long_recording_is_the_mean_of_its_pieces() -> None:
    """Its package ends the whole process at more than fifty utterances."""
    clean = np.tile(np.concatenate([voice()[: RATE // 2], np.zeros(RATE // 2, np.float32)]), 110)
    noisy = clean + np.float32(0.01) * white(6, clean.size)
    assert pesq(clean, noisy, RATE) == pytest.approx(pesq(clean[: 10 * RATE], noisy[: 10 * RATE], RATE), abs=0.3)


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
def test_more_noise_is_worse_and_level_is_not(metric: metrics.Metric) -> None:
    measure: Any = metric.measure
    clean, noise = voice(), white(5, voice().size)
    noisy = [measure(clean, clean + level * noise, RATE) for level in (0.003, 0.01, 0.03)]
    assert noisy == sorted(noisy, reverse=metric.rising)
    assert noisy[0] != noisy[-1]
    quiet = measure(clean, np.float32(1e-3) * (clean + np.float32(0.01) * noise), RATE)
    assert quiet == pytest.approx(noisy[1], rel=1e-2)


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
def test_what_cannot_be_compared_is_refused(metric: metrics.Metric) -> None:
    measure: Any = metric.measure
    clean = voice()
    with pytest.raises(AudioError, match="the reference is silent"):
        measure(np.zeros_like(clean), clean, RATE)
    with pytest.raises(AudioError, match="must have one shape"):
        measure(clean, clean[:-1], RATE)
    with pytest.raises(AudioError, match="must have one shape"):
        measure(clean[np.newaxis], clean[np.newaxis], RATE)
    with pytest.raises(AudioError, match="NaN"):
        measure(clean, np.full_like(clean, np.nan), RATE)


@pytest.mark.parametrize("metric", [pesq, estoi], ids=lambda metric: metric.__name__)
def test_too_short(metric: metrics.Measure) -> None:
    with pytest.raises(AudioError, match="cannot be measured"):
        metric(voice()[:5000], voice()[:5000], RATE)


@pytest.mark.parametrize(("metric", "package"), [(pesq, "pesq"), (estoi, "pystoi"), (dnsmos, "speechmos")])
def test_a_missing_package_names_the_cure(
    metric: metrics.Measure, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics.dnsmos_network.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AuralError, match=r'pip install "aural\[eval\]"'):
        metric(voice(), voice(), RATE)


def test_dnsmos_hears_noise_without_the_reference() -> None:
    pytest.importorskip("speechmos")
    audio, sample_rate = read(MEMO)
    noisy = audio[0] + 0.1 * white(2, audio.shape[1])
    assert 5 > dnsmos(audio[0], audio[0], sample_rate) > 0.1 + dnsmos(audio[0], noisy, sample_rate) >= 1


@pytest.mark.parametrize("seconds", [4.0, 9.5])
def test_dnsmos_is_that_of_its_package(seconds: float) -> None:
    pytest.importorskip("requests")
    published = pytest.importorskip("speechmos.dnsmos")
    audio = np.resize(voice(), round(seconds * 16000)) / 4
    assert dnsmos(audio, audio, 16000) == pytest.approx(published.run(audio, 16000)["ovrl_mos"], abs=1e-4)


def test_dnsmos_turns_down_what_lies_above_full_scale() -> None:
    pytest.importorskip("speechmos")
    clean = voice()
    loudest = clean / np.abs(clean).max()
    assert dnsmos(clean, 10 * loudest, RATE) == pytest.approx(dnsmos(clean, loudest, RATE), abs=0.05)


def stereo(seconds: float, seed: int = 0) -> Block:
    return np.random.default_rng(seed).standard_normal((2, int(seconds * 8000))).astype(np.float32)


def test_sdr_of_a_stem_is_the_median_over_seconds() -> None:
    wanted = stereo(5.5)
    error = stereo(5.5, seed=1) * np.repeat([0.1, 0.1, 0.1, 1.0, 1.0, 1.0], [8000] * 5 + [4000]).astype(np.float32)
    assert metrics.sdr_of_stem(wanted, wanted + error, wanted, 8000) == pytest.approx(20, abs=0.2)
    wanted[:, :16000] = 0  # silent seconds do not count
    assert metrics.sdr_of_stem(wanted, wanted + error, wanted, 8000) == pytest.approx(0, abs=0.2)
    assert np.isnan(metrics.sdr_of_stem(0 * wanted, error, wanted, 8000))
    assert metrics.sdr_of_stem(wanted, 0.5 * wanted, wanted, 8000) == pytest.approx(6.02, abs=0.01)


def test_sdr_of_a_stem_is_that_of_museval() -> None:
    museval = pytest.importorskip("museval")
    wanted, made = stereo(5.5), stereo(5.5) + 0.3 * stereo(5.5, seed=1)
    theirs = museval.metrics.bss_eval(wanted.T[None], made.T[None], window=8000, hop=8000)[0]
    assert metrics.sdr_of_stem(wanted, made, wanted, 8000) == pytest.approx(np.nanmedian(theirs), abs=0.01)


def test_si_sdr_of_a_stem_has_one_scale_for_all_channels() -> None:
    wanted = stereo(1)
    assert metrics.si_sdr_of_stem(wanted, 3 * wanted, wanted, 8000) > 100
    panned = wanted * np.array([[1], [0.5]], np.float32)
    assert metrics.si_sdr_of_stem(wanted, panned, wanted, 8000) == pytest.approx(9.5, abs=0.2)
    assert np.isnan(metrics.si_sdr_of_stem(0 * wanted, wanted, wanted, 8000))


def test_leakage_is_what_is_left_while_a_stem_is_silent() -> None:
    heard, wanted = stereo(4), stereo(4)
    wanted[:, 16000:] = 0
    made = wanted + np.float32(0.01) * heard
    assert metrics.leakage(wanted, made, heard, 8000) == pytest.approx(-40, abs=0.1)
    assert metrics.leakage(wanted, heard, heard, 8000) == pytest.approx(0, abs=0.1)
    assert metrics.leakage(0 * wanted, made, heard, 8000) < -1
    assert metrics.leakage(wanted, wanted, heard, 8000) == pytest.approx(-120)
    heard[:, 16000:] = 0  # silence of all tells nothing
    assert np.isnan(metrics.leakage(wanted, made, heard, 8000))
