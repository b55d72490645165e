"""The gate: its contract, curve, times, hysteresis and hold."""

from __future__ import annotations

import numpy as np
import pytest

from aural import Block
from aural.stages.dynamic_compression.gate import Gate
from aural.testing import check_stage

RATE = 48000
STAGES = {
    "as it is": Gate(),
    "plain": Gate(threshold_db=-30.0),
    "unlinked": Gate(threshold_db=-25.0, link=0.0, ratio=2.0, mix=0.5),
    "late": Gate(threshold_db=-30.0, lookahead_ms=0.0, hold_ms=0.0, hysteresis_db=0.0, sidechain_highpass_hz=0.0),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Gate) -> None:
    check_stage(stage)


def tone(*levels_db: float, seconds: float = 0.5) -> Block:
    """Return a square wave of one level after the other: its mean power is its level."""
    square = np.sign(np.sin(2 * np.pi * 1000.5 * np.arange(round(seconds * RATE)) / RATE) + 1e-9)
    return np.concatenate([10 ** (level / 20) * square for level in levels_db])[np.newaxis].astype(np.float32)


def gain_db(stage: Gate, audio: Block) -> Block:
    return 20 * np.log10(np.abs(stage(audio, RATE)) / np.abs(audio))[0]


@pytest.mark.parametrize("ratio", [1.0, 2.0, 5.0])
def test_static_curve(ratio: float) -> None:
    stage = Gate(threshold_db=-40.0, ratio=ratio, range_db=30.0, sidechain_highpass_hz=0.0)
    for level_db in np.arange(-60.0, -20.0, 4.0):
        lowered = gain_db(stage, tone(level_db, seconds=2.0))[-500]
        assert lowered == pytest.approx(-min(30.0, max(0.0, (ratio - 1) * (-40.0 - level_db))), abs=0.1)


def test_between_the_thresholds_it_stays_as_it_was() -> None:
    stage = Gate(threshold_db=-30.0, hysteresis_db=6.0, hold_ms=0.0, sidechain_highpass_hz=0.0)
    gains = gain_db(stage, tone(-34.0, -20.0, -34.0, -40.0, -34.0, seconds=1.0))
    closed, opened, still, shut, again = (gains[(n + 1) * RATE - 500] for n in range(5))
    assert opened == pytest.approx(0, abs=0.01)
    assert still == pytest.approx(0, abs=0.01)
    assert closed == pytest.approx(-12, abs=0.1)
    assert shut == pytest.approx(-20, abs=0.1)
    assert again == pytest.approx(-12, abs=0.2)


def test_it_is_held_and_closes_in_the_stated_time() -> None:
    stage = Gate(threshold_db=-30.0, hold_ms=200.0, release_ms=100.0, rms_ms=0.1, lookahead_ms=0.0, ratio=100.0,
                 sidechain_highpass_hz=0.0)  # fmt: skip
    gains = gain_db(stage, tone(-20.0, -60.0))
    since = gains[RATE // 2 :]
    start = int(np.flatnonzero(since < -0.05)[0])
    assert start / RATE == pytest.approx(0.2, abs=0.01)
    reached = int(np.flatnonzero(since < -20 * (1 - np.exp(-1)))[0])
    assert (reached - start) / RATE == pytest.approx(0.1, rel=0.05)


def test_look_ahead_saves_the_attack() -> None:
    audio = tone(-60.0, -10.0)
    cut = [gain_db(Gate(lookahead_ms=ms), audio)[RATE // 2 : RATE // 2 + 20].mean() for ms in (0.0, 10.0)]
    assert cut[0] < -10
    assert cut[1] > -0.5


@pytest.mark.parametrize("range_db", [20.0, 60.0])
def test_neither_an_onset_nor_the_beginning_is_cut(range_db: float) -> None:
    stage = Gate(threshold_db=-45.0, range_db=range_db)
    gains = gain_db(stage, tone(-20.0, -80.0, -20.0, seconds=1.0))
    assert gains[: RATE // 2].min() > -0.01
    assert gains[2 * RATE - 400 - RATE // 10] < -range_db + 1
    assert gains[2 * RATE :].min() > -0.5
