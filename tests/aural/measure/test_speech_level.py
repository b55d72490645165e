"""How far the voices of a recording lie apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from aural.measure.loudness import PIECES, lufs_to_power
from aural.measure.speech_level import range_db

Floats = NDArray[np.float64]


def turns(*parts: tuple[float, float]) -> Floats:
    """Return the powers of words of 0.6 s with pauses of 0.4 s at -70 LUFS; parts are (LUFS, seconds)."""
    levels = np.concatenate([np.full(round(seconds * PIECES), lufs) for lufs, seconds in parts])
    levels[np.arange(levels.size) % PIECES >= 0.6 * PIECES] = -70.0
    return np.array([lufs_to_power(lufs) for lufs in levels])


def all_spoken(powers: Floats) -> list[float]:
    return [1.0] * math.ceil(powers.size / PIECES)


@pytest.mark.parametrize("apart_db", [0.0, 12.0, 20.0, 28.0])
@pytest.mark.parametrize("seconds", [2.0, 3.0, 6.0])
def test_two_voices_in_turn(seconds: float, apart_db: float) -> None:
    powers = turns(*[(-20.0, seconds), (-20.0 - apart_db, seconds)] * 8)
    assert range_db(powers, all_spoken(powers)) == pytest.approx(apart_db, abs=max(1.0, 0.2 * apart_db))


def test_noise_and_pauses_do_not_count() -> None:
    even = turns((-20.0, 20.0))
    noise = np.full(10 * PIECES, lufs_to_power(-32.0))
    assert range_db(np.concatenate([even, noise]), [1.0] * 20 + [0.0] * 10) < 1.5
    assert range_db(np.concatenate([even, noise * 1e-6, even]), [1.0] * 20 + [0.0] * 10 + [1.0] * 20) < 1.5


@pytest.mark.parametrize("speech", [[], [0.0] * 20, [1.0] + [0.0] * 19])
def test_hardly_any_speech_has_no_range(speech: list[float]) -> None:
    assert math.isnan(range_db(turns((-20.0, 20.0)), speech))


def test_level_and_an_unfinished_second_do_not_matter() -> None:
    powers = turns((-20.0, 10.0), (-35.0, 10.4))
    apart_db = range_db(powers, all_spoken(powers))
    assert range_db(powers * 100, all_spoken(powers)) == pytest.approx(apart_db)
    assert math.isfinite(range_db(powers, all_spoken(powers)[:-1]))
