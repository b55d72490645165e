"""The background: found where there is one, and continued as backgrounds go on."""

from __future__ import annotations

import numpy as np
import pytest

from aural.dsp.background import AROUND, BLOCK, CORNER_HZ, background, continued, quantiles_around, slope_db
from aural.dsp.spectra import Levels

HZ = np.geomspace(100, 20000, 30)


def levels(seconds: float = 10.0, floor_db: float = -60.0) -> Levels:
    """A voice of -20 dB, half of the time, over a floor, as frames of 11 ms; shape (1, frames, 30)."""
    rng = np.random.default_rng(0)
    frames = round(94 * seconds)
    sounds = (np.arange(frames) // 40 % 2)[:, None] * 40.0
    return (floor_db + sounds + rng.normal(0, 2, (1, frames, 30))).astype(np.float32)


def test_the_floor_beneath_a_voice_is_found() -> None:
    assert background(levels()) == pytest.approx(-60, abs=2)


def test_what_never_stops_is_no_background_and_neither_is_what_fades() -> None:
    rng = np.random.default_rng(0)
    steady = rng.normal(-30, 2, (1, 900, 30)).astype(np.float32)
    fading = steady - (np.arange(900) % 300 / 5)[:, None].astype(np.float32)
    assert background(steady).max() < -38
    assert background(fading)[:, 300:600].max() < -80


def test_what_is_gated_has_none() -> None:
    gated = levels()
    gated[gated < -40] = -150
    assert background(gated).max() <= -149


def test_a_level_depends_on_nothing_farther_away_than_it_says() -> None:
    audio = levels()
    other = audio.copy()
    other[:, 64 * BLOCK :] += 30
    same = (64 - AROUND) * BLOCK
    both = [background(x) for x in (audio, other)]
    np.testing.assert_array_equal(both[0][:, :same], both[1][:, :same])
    assert not np.array_equal(both[0][:, :400], both[1][:, :400])


def test_a_floor_goes_on_as_floors_usually_do() -> None:
    known = HZ < 4000
    usual = (slope_db(HZ) - 70).astype(np.float32)[None, None]
    cut = np.where(known, usual, np.float32(-150))
    np.testing.assert_allclose(continued(cut, HZ, known), usual, atol=1e-4)
    assert slope_db(np.array([CORNER_HZ])) == 0


@pytest.mark.parametrize("frames", [1, BLOCK - 1, BLOCK + 1])
def test_short_signals(frames: int) -> None:
    short = np.full((2, frames, 3), -50, np.float32)
    assert background(short).shape == short.shape


def test_quantiles_are_those_of_the_blocks_around() -> None:
    ranked = np.random.default_rng(0).normal(-60, 10, (2, 60, 3)).astype(np.float32)
    low, high = quantiles_around(ranked, (0.05, 0.9))
    for place in (0, 1, AROUND, 59):
        around = ranked[:, max(0, place - AROUND) : place + AROUND + 1]
        assert low[:, place] == pytest.approx(np.quantile(around, 0.05, axis=1), abs=1e-4)
        assert high[:, place] == pytest.approx(np.quantile(around, 0.9, axis=1), abs=1e-4)
