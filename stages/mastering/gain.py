"""Finds the gain before a limiter that gives a loudness after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from aural.dsp.passages import Passages
from aural.measure.loudness import MOMENTARY_S, LoudnessMeter
from aural.signals import Block, Format
from aural.stages.mastering.stage import MOST_GAIN_DB, MOST_TRIALS

CLOSE_LU = 0.02
MOST_STEPS = 20  # to the gain without a limiter: the loudness rises by a little less than the gain, or by as much


def integrated_lufs(blocks: Iterable[Block], source: Format, apart_from: Passages = ()) -> float:
    """Measure the integrated loudness in LUFS, apart from some passages."""
    return measured(blocks, source).integrated_lufs(apart_from)


def measured(blocks: Iterable[Block], source: Format) -> LoudnessMeter:
    """Measure a signal; one that is shorter than one gating block is looped."""
    meter, enough = LoudnessMeter(source), math.ceil(MOMENTARY_S * source.sample_rate)
    start: list[Block] = []
    for block in blocks:
        meter.update(block)
        if meter.frames < enough:
            start.append(block)
    if 0 < meter.frames < enough:
        rounds, meter = -(-enough // meter.frames), LoudnessMeter(source)
        meter.update(np.tile(np.concatenate(start, axis=-1), rounds))
    return meter


def gain_for(
    target_lufs: float,
    before: Callable[[float], float],
    headroom_db: float,
    most_limiting_db: float,
    after: Callable[[float], float],
) -> tuple[float, float]:
    """Find the gain in dB in front of a limiter that gives a loudness behind it, and by how many LU it falls short.

    Silence gets no gain, and is not short of anything.

    Args:
        target_lufs: the loudness.
        before: the loudness without a limiter for a gain in dB.
        headroom_db: gain up to which the limiter does nothing.
        most_limiting_db: how far above that the gain may go.
        after: the loudness behind the limiter for a gain in dB. Called only where the limiter has to work: by
            the secant method, its slope kept between 0.1 and 1 LU/dB.
    """
    plain_lufs = before(0.0)
    if not math.isfinite(plain_lufs):
        return 0.0, 0.0

    def unlimited(gain_db: float) -> float:
        return lufs if math.isfinite(lufs := before(gain_db)) else plain_lufs + gain_db

    most, gain = min(MOST_GAIN_DB, headroom_db + most_limiting_db), 0.0
    for _ in range(MOST_STEPS):
        missing_lu = target_lufs - unlimited(gain)
        gain = min(gain + missing_lu, most)
        if abs(missing_lu) < CLOSE_LU:
            break
    if gain <= headroom_db:
        return gain, target_lufs - unlimited(gain)
    last_gain, last_lufs = headroom_db, unlimited(headroom_db)
    tried = []
    for _ in range(MOST_TRIALS):
        lufs = after(gain)
        tried.append((abs(target_lufs - lufs), gain, target_lufs - lufs))
        if tried[-1][0] < CLOSE_LU or (gain == most and lufs < target_lufs):
            break
        slope = min(1.0, max(0.1, (lufs - last_lufs) / (gain - last_gain)))
        last_gain, last_lufs = gain, lufs
        gain = min(gain + (target_lufs - lufs) / slope, most)
    return min(tried)[1:]
