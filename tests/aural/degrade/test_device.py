"""Microphones, gain, limits: against the curve, the standard filter, the level asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, freqs
from takes import RATE, VOICE, generator, spectrum_db

from aural.degrade import BandLimit, Clipping, GainControl, HighPass, Level, Microphone, Take, active_db


def white() -> Take:
    return Take.of(generator(3).standard_normal(20 * RATE, np.float32), RATE)


def test_microphone_has_its_gains() -> None:
    gains_db = (-12.0, -6.0, 0.0, 0.0, 3.0, 0.0, 6.0, 0.0, -9.0)
    before, after = white(), Microphone(gains_db)(white(), generator())
    for hz, gain_db in zip((250, 1000, 4000, 16000), gains_db[2::2], strict=True):
        assert spectrum_db(after.noisy, hz) - spectrum_db(before.noisy, hz) == pytest.approx(gain_db, abs=0.3)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_high_pass_is_butterworth(order: int) -> None:
    hz = np.array([0, 40, 100, 300, 5000], np.float32)
    _, expected = freqs(*butter(order, 100, "highpass", analog=True), hz)
    np.testing.assert_allclose(HighPass(100, order).response(hz), expected, atol=1e-5)


def test_band_limit_leaves_nothing_above_and_all_below() -> None:
    before, after = white(), BandLimit(7900)(white(), generator())
    assert spectrum_db(after.noisy, 8000) < spectrum_db(before.noisy, 8000) - 60
    assert spectrum_db(after.noisy, 7400) == pytest.approx(spectrum_db(before.noisy, 7400), abs=0.1)
    np.testing.assert_allclose(BandLimit(96000)(before, generator()).noisy, before.noisy, atol=1e-5)


def test_gain_control_evens_out_and_lets_noise_rise() -> None:
    tone = np.sin(np.arange(4 * RATE) * 0.05).astype(np.float32)
    tone[2 * RATE :] *= 0.1
    take = Take.of(tone, RATE)
    even = GainControl(strength=0.5, attack_ms=10, release_ms=100, most_db=30)(take, generator()).noisy
    halves = [active_db(even[start : start + RATE], RATE) for start in (RATE, 3 * RATE)]
    assert halves[0] - halves[1] == pytest.approx(10, abs=0.5)
    held = GainControl(strength=1, attack_ms=10, release_ms=100, most_db=3)(take, generator()).noisy
    assert np.abs(held / np.where(tone, tone, 1)).max() < 1.42


def test_gain_control_turns_down_fast_and_up_slowly() -> None:
    steps = np.repeat(np.array([0.1, 1, 0.1], np.float32), 2 * RATE)
    take = Take.of(steps * np.sin(np.arange(6 * RATE, dtype=np.float32) * 0.05), RATE)
    even = GainControl(strength=0.5, attack_ms=5, release_ms=400)(take, generator()).noisy
    down, up = (
        [active_db(even[at : at + 2400], RATE) for at in (start, start + RATE)]
        for start in (2 * RATE + 2400, 4 * RATE)
    )
    assert down[0] - down[1] < 0.5
    assert up[1] - up[0] > 3


def test_fast_gain_control_takes_the_dynamics_away() -> None:
    over = GainControl(strength=0.9, attack_ms=1, release_ms=50, most_db=24)(Take.of(VOICE, RATE), generator())
    assert np.std([active_db(x, RATE) for x in np.split(over.noisy, 40)]) < 0.5 * np.std(
        [active_db(x, RATE) for x in np.split(VOICE, 40)]
    )


@given(peak_dbfs=st.floats(-60, 0))
@settings(max_examples=20, deadline=None)
def test_the_peak_is_where_it_was_asked(peak_dbfs: float) -> None:
    noisy = Level(peak_dbfs)(Take.of(VOICE, RATE), generator()).noisy
    assert 20 * np.log10(np.abs(noisy).max()) == pytest.approx(peak_dbfs, abs=0.01)


def test_clipping_cuts_the_tops() -> None:
    noisy = Clipping(level_db=-6.0)(Take.of(VOICE, RATE), generator()).noisy
    ceiling = np.abs(VOICE).max() * 10 ** (-6 / 20)
    assert np.abs(noisy).max() == pytest.approx(ceiling, rel=1e-6)
    below = np.abs(VOICE) < 0.99 * ceiling
    np.testing.assert_array_equal(noisy[below], VOICE[below])
