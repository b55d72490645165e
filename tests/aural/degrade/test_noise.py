"""Sounds beside the voice: their ratio to it, and what they are like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch
from takes import RATE, STREET, VOICE, arrays, generator, spectrum_db, voice_at

from aural.degrade import (
    Babble,
    Coloured,
    Floor,
    Handling,
    Hum,
    Machine,
    Noise,
    Ringing,
    Rumble,
    Take,
    Wind,
    active_db,
)

SOUNDS = [Noise(STREET), Babble([VOICE, VOICE[::-1]]), Coloured(), Hum(), Machine(), Rumble(), Wind(), Handling()]


@given(
    index=st.integers(0, len(SOUNDS) - 1),
    snr_db=st.floats(-30, 60),
    sample_rate=st.sampled_from([8000, 48000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_the_ratio_is_as_asked(index: int, snr_db: float, sample_rate: int, seed: int) -> None:
    take = Take.of(voice_at(sample_rate), sample_rate)
    degradation = replace(SOUNDS[index], snr_db=snr_db)
    noise = degradation(replace(take, noisy=np.zeros_like(take.noisy)), generator(seed)).noisy
    assert active_db(take.voice, sample_rate) - active_db(noise, sample_rate) == pytest.approx(snr_db, abs=0.1)


def test_pauses_do_not_count_in_the_active_level() -> None:
    talk = np.sin(np.arange(RATE) * 0.1).astype(np.float32)
    assert active_db(talk, RATE) == pytest.approx(-3.01, abs=0.02)
    assert active_db(np.concatenate([talk, np.zeros(9 * RATE, np.float32)]), RATE) == pytest.approx(-3.01, abs=0.02)
    assert active_db(np.concatenate([talk, 0.1 * talk]), RATE) == pytest.approx(-5.98, abs=0.02)
    assert active_db(np.zeros(99, np.float32), RATE) == -np.inf


def test_a_short_noise_goes_round_without_clicks() -> None:
    tone = np.sin(2 * np.pi * 100.3 * np.arange(9000) / RATE).astype(np.float32)
    looped = Noise(tone).sound(RATE, RATE, generator())
    assert np.abs(np.diff(looped)).max() < 0.03
    assert active_db(looped, RATE) == pytest.approx(-3, abs=1)


def test_a_long_noise_starts_anywhere() -> None:
    ramp = np.arange(10 * RATE, dtype=np.float32)
    starts = [Noise(ramp).sound(RATE, RATE, generator(seed))[0] for seed in range(50)]
    assert min(starts) < RATE
    assert max(starts) > 8 * RATE


@pytest.mark.parametrize("slope_db", [-6.0, 0.0, 3.0])
def test_the_slope_of_coloured_noise(slope_db: float) -> None:
    sound = Coloured(slope_db=slope_db).sound(20 * RATE, RATE, generator())
    assert spectrum_db(sound, 8000) - spectrum_db(sound, 500) == pytest.approx(4 * slope_db, abs=1.5)


def test_hum_lies_on_the_harmonics_below_half_the_rate() -> None:
    sound = Hum(60.0, harmonics=100).sound(8000, 8000, generator())
    levels = np.abs(np.fft.rfft(sound))
    assert levels[60::60].sum() > 0.99 * levels.sum()
    assert np.count_nonzero(levels > 1e-3 * levels.max()) > 20


@given(rate_hz=st.floats(5, 1000), wander=st.floats(0, 0.4), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_machine_buzzes_at_any_rate_without_an_offset(rate_hz: float, wander: float, seed: int) -> None:
    sound = Machine(rate_hz, wander, slope_db=0.0, rush_db=-60.0).sound(RATE, RATE, generator(seed))
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert sound.any()
    assert abs(sound.mean()) < 0.1 * np.std(sound)


def test_a_steady_machine_lies_on_its_harmonics_and_one_that_wanders_does_not() -> None:
    lines = []
    for wander in (0.0, 0.2):
        levels = np.abs(np.fft.rfft(Machine(100.0, wander, rush_db=-60.0).sound(RATE, RATE, generator()))) ** 2
        lines.append(levels[100::100].sum() / levels.sum())
    assert lines[0] > 0.99
    assert lines[1] < 0.5


def test_a_machine_is_louder_where_it_runs_faster() -> None:
    spreads = []
    for wander in (0.0, 0.3):
        sound = Machine(100.0, wander, rush_db=-60.0).sound(5 * RATE, RATE, generator())
        levels = [np.std(part) for part in np.split(sound, 50)]
        spreads.append(max(levels) / min(levels))
    assert spreads[0] < 1.1
    assert spreads[1] > 1.5


def test_the_rush_of_a_machine() -> None:
    buzz, both = (Machine(100.0, 0.0, rush_db=rush_db).sound(RATE, RATE, generator()) for rush_db in (-60.0, 0.0))
    assert active_db(both, RATE) - active_db(buzz, RATE) == pytest.approx(3, abs=1)


def test_ringing_has_the_tones_it_is_struck_with() -> None:
    sound = Ringing(1000.0, tones=3, per_s=4.0, decay_s=0.5, held=0.0).sound(4 * RATE, RATE, generator())
    frequencies, powers = welch(sound, RATE, nperseg=8192)
    loudest = frequencies[powers > 1e-3 * powers.max()]
    assert loudest[0] == pytest.approx(1000, abs=30)
    assert np.count_nonzero(np.diff(loudest) > 100) <= 2


def test_a_tone_beyond_half_the_rate_is_silent() -> None:
    assert not Ringing(5000.0, tones=3).sound(8000, 8000, generator()).any()


def test_a_struck_tone_decays() -> None:
    sound = np.abs(Ringing(1000.0, tones=3, per_s=0.1, decay_s=0.5, held=0.0).sound(10 * RATE, RATE, generator()))
    struck = int(np.argmax(sound > 1e-3 * sound.max()))
    assert sound[struck + RATE // 2 : struck + RATE].max(initial=0.0) < 2e-3 * sound.max()
    assert sound[struck : struck + RATE // 20].max() > 0.5 * sound.max()


def test_a_held_tone_is_on_or_off() -> None:
    sound = Ringing(500.0, tones=1, per_s=0.5, decay_s=0.5, held=1.0).sound(8 * RATE, RATE, generator(1))
    levels = np.array([np.abs(part).max() for part in np.split(sound, 8 * 50)])
    on = levels > 0.5 * levels.max()
    assert (on | (levels < 1e-3)).mean() > 0.9
    assert 0.15 < on.mean() < 0.35


def test_wind_rumbles() -> None:
    sound = Wind().sound(20 * RATE, RATE, generator())
    frequencies, powers = welch(sound, RATE, nperseg=4096)
    assert powers[frequencies < 500].sum() > 0.9 * powers.sum()
    seconds = [active_db(second, RATE) for second in np.split(sound, 20)]
    assert max(seconds) - min(seconds) > 4


def test_rumble_lies_below_a_voice() -> None:
    sound = Rumble(corner_hz=40.0, slope_db=-18.0).sound(20 * RATE, RATE, generator())
    assert spectrum_db(sound, 320) - spectrum_db(sound, 160) == pytest.approx(-18, abs=1.5)
    frequencies, powers = welch(sound, RATE, nperseg=4096)
    assert powers[frequencies < 80].sum() > 0.9 * powers.sum()


def test_handling_comes_in_thumps() -> None:
    few, many = (Handling(per_s=rate).sound(10 * RATE, RATE, generator()) for rate in (0.5, 20))
    assert np.mean(np.abs(few) < 1e-3) > 0.7
    assert np.mean(np.abs(many) < 1e-3) < np.mean(np.abs(few) < 1e-3) - 0.3


def test_babble_has_every_voice() -> None:
    tones = [np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32) for hz in (300, 1000, 3000)]
    sound = Babble([tone * gain for tone, gain in zip(tones, (1, 0.1, 10), strict=True)]).sound(
        RATE, RATE, generator()
    )
    levels = [20 * np.log10(np.abs(np.fft.rfft(sound))[hz]) for hz in (300, 1000, 3000)]
    assert max(levels) - min(levels) < 6.5


def test_babble_is_heard_through_the_room() -> None:
    """Two people from two places in turn: each through the response of its place."""
    at_once, late = np.zeros((2, RATE // 10), np.float32)
    at_once[0], late[480] = 0.5, 1.0
    dry, wet = (
        Babble([VOICE, STREET], responses).sound(RATE, RATE, generator()) for responses in ((), (at_once, late))
    )
    alone = Babble([VOICE], [at_once]).sound(RATE, RATE, generator())
    np.testing.assert_allclose((wet - alone)[480:], (dry - 2 * alone)[:-480], atol=1e-5)


def test_a_floor_belongs_to_the_recording() -> None:
    take = Take.of(VOICE, RATE)
    noisy = Noise(STREET, snr_db=0.0)(take, generator())
    floored = Floor(slope_db=-3.0, snr_db=30.0)(noisy, generator())
    floors = [after - before for after, before in zip(arrays(floored), arrays(noisy), strict=True)]
    for floor in floors:
        np.testing.assert_allclose(floor, floors[0], atol=1e-6)
    assert active_db(VOICE, RATE) - active_db(floors[0], RATE) == pytest.approx(30, abs=0.1)
