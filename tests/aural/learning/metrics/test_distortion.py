"""Distances and ratios against their equations, and the package of others."""

from __future__ import annotations

import numpy as np
import pytest
from channels import RATE, Audio, voice, white
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from aural.learning.metrics.distortion import lsd, si_sdr
from aural.learning.metrics.speech import pesq


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
