"""The de-esser: its contract, what it lowers, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import firwin, oaconvolve

from aural import Block
from aural.stages.dynamic_compression.de_esser import DeEsser
from aural.testing import check_stage

RATE = 48000
STAGES = {
    "plain": DeEsser(threshold_db=-20.0),
    "unlinked": DeEsser(threshold_db=-25.0, link=0.0, split_hz=3000.0, mix=0.5),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: DeEsser) -> None:
    check_stage(stage)


def voice(hiss_db: float, seconds: float = 1.0) -> Block:
    """Return a vowel's noise, and from its half on a hiss above 6 kHz of this level against it."""
    rng = np.random.default_rng(0)
    frames = round(seconds * RATE)
    noise = rng.standard_normal((2, frames))
    low = oaconvolve(noise[0], firwin(301, 2000, fs=RATE), mode="same")
    high = oaconvolve(noise[1], firwin(301, 6000, fs=RATE, pass_zero=False), mode="same")
    high *= 10 ** (hiss_db / 20) * np.std(low) / np.std(high) * (np.arange(frames) >= frames // 2)
    return (0.1 * (low + high)).astype(np.float32)[np.newaxis]


def band_db(audio: Block, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(audio[0] * np.hanning(audio.shape[1]))) ** 2
    hz = np.fft.rfftfreq(audio.shape[1], 1 / RATE)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def test_a_hiss_is_lowered_and_the_vowel_is_not() -> None:
    audio = voice(10.0)
    out = DeEsser()(audio, RATE)
    vowel, hiss = slice(0, RATE // 2 - 500), slice(RATE // 2 + 2000, RATE)
    np.testing.assert_allclose(out[:, vowel], audio[:, vowel], atol=1e-4)
    np.testing.assert_allclose(out[:, RATE // 3 : vowel.stop], audio[:, RATE // 3 : vowel.stop], atol=1e-8)
    assert band_db(out[:, hiss], 6500, 20000) - band_db(audio[:, hiss], 6500, 20000) == pytest.approx(-6.5, abs=0.7)
    assert band_db(out[:, hiss], 100, 1900) == pytest.approx(band_db(audio[:, hiss], 100, 1900), abs=0.05)


@pytest.mark.parametrize("gain", [1e-3, 10.0])
def test_its_own_level_does_not_matter(gain: float) -> None:
    audio = voice(0.0)
    np.testing.assert_allclose(DeEsser()(np.float32(gain) * audio, RATE) / gain, DeEsser()(audio, RATE), atol=5e-4)


def test_a_voice_after_silence_is_not_taken_for_a_hiss() -> None:
    time = np.arange(RATE) / RATE
    sound = 0.2 * np.sin(2 * np.pi * 200 * time) + 0.02 * np.sin(2 * np.pi * 9000 * time)
    audio = np.concatenate([np.zeros(RATE), sound])[None].astype(np.float32)
    out = DeEsser()(audio, RATE)[:, RATE:]
    for start in (200, 1000, 4000):
        piece = slice(start, start + 960)
        assert band_db(out[:, piece], 8000, 10000) == pytest.approx(
            band_db(audio[:, RATE:][:, piece], 8000, 10000), abs=3
        )


def test_it_has_nothing_to_do_at_a_low_rate() -> None:
    audio = voice(10.0)
    np.testing.assert_array_equal(DeEsser(split_hz=5000.0)(audio, 8000), audio)


def test_no_more_than_the_range() -> None:
    audio = voice(30.0)
    lowered = DeEsser(range_db=3.0, ratio=100.0)(audio, RATE)[:, RATE // 2 + 2000 :]
    assert band_db(lowered, 6500, 20000) - band_db(audio[:, RATE // 2 + 2000 :], 6500, 20000) > -3.1
