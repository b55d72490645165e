"""The upward compressor: its contract, curve and times."""

from __future__ import annotations

import numpy as np
import pytest

from aural import Block
from aural.stages.dynamic_compression.upward import UpwardCompression
from aural.testing import check_stage

RATE = 48000
STAGES = {
    "plain": UpwardCompression(),
    "unlinked": UpwardCompression(threshold_db=-10.0, link=0.0, ratio=4.0, mix=0.5, lookahead_ms=0.0),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: UpwardCompression) -> None:
    check_stage(stage)


def tone(*levels_db: float, seconds: float = 1.0) -> Block:
    """Return a square wave of one level after the other: its mean power is its level."""
    square = np.sign(np.sin(2 * np.pi * 1000.5 * np.arange(round(seconds * RATE)) / RATE) + 1e-9)
    return np.concatenate([10 ** (level / 20) * square for level in levels_db])[np.newaxis].astype(np.float32)


def gain_db(stage: UpwardCompression, audio: Block) -> Block:
    return 20 * np.log10(np.abs(stage(audio, RATE)) / np.abs(audio))[0]


def law(level: float, threshold: float, ratio: float, most: float, floor: float) -> float:
    """Return the gain without a knee."""
    wanted = (1 - 1 / ratio) * (threshold - level)
    return max(0.0, min(wanted, most, level - floor))


@pytest.mark.parametrize("ratio", [1.0, 2.0, 10.0])
def test_static_curve(ratio: float) -> None:
    stage = UpwardCompression(threshold_db=-20.0, ratio=ratio, knee_db=0.0, range_db=12.0, floor_db=-55.0,
                              sidechain_highpass_hz=0.0)  # fmt: skip
    for level in np.arange(-80.0, 0.0, 5.0):
        reached = gain_db(stage, tone(level, seconds=2.0))[-500]
        assert reached == pytest.approx(law(level, -20.0, ratio, 12.0, -55.0), abs=0.1), level


def test_knee_is_half_of_the_way_in_the_middle() -> None:
    stage = UpwardCompression(threshold_db=-20.0, ratio=2.0, knee_db=8.0, sidechain_highpass_hz=0.0)
    assert gain_db(stage, tone(-20.0))[-500] == pytest.approx(0.5 * 4 * 4 / 16, abs=0.05)  # slope u^2 / 2W


def test_times_are_those_stated() -> None:
    stage = UpwardCompression(threshold_db=-20.0, knee_db=0.0, range_db=40.0, floor_db=-90.0, rms_ms=0.1,
                              attack_ms=50.0, release_ms=100.0, lookahead_ms=0.0,
                              sidechain_highpass_hz=0.0)  # fmt: skip
    gains = gain_db(stage, tone(-20.0, -40.0, -20.0))
    assert gains[RATE + round(0.1 * RATE)] == pytest.approx(0.632 * 10, abs=0.15)
    assert gains[2 * RATE + round(0.05 * RATE)] == pytest.approx(0.368 * 10, abs=0.15)


def test_noise_below_the_floor_is_bit_true() -> None:
    noise = (1e-4 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32)
    assert np.array_equal(UpwardCompression(floor_db=-60.0)(noise, RATE), noise)
