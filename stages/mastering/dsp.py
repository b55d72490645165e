"""The envelope of a limiter: attenuation held, released and smoothed in whole steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit

Steps = NDArray[np.int64]
"""Attenuation, 1 - gain, in whole steps: sums of whole numbers are exact, so the envelope comes back to 0."""

STEP = 2.0**-30

Floats32 = NDArray[np.float32]


@njit()
def attenuation(peaks: Floats32, ceiling: float) -> Steps:
    """Return what each peak needs to come down to the ceiling."""
    out = np.zeros(peaks.size, np.int64)
    for n in range(peaks.size):
        if peaks[n] > ceiling:
            out[n] = np.ceil((1 - ceiling / peaks[n]) / STEP)
    return out


@njit()
def highest(steps: Steps, size: int) -> Steps:
    """Return the maximum of every window of this size, windows of 1, 2, 4 ... frames at a time."""
    done = 1
    while done < size:
        more = min(done, size - done)
        steps = np.maximum(steps[:-more], steps[more:])
        done += more
    return steps


@njit()
def sums(steps: Steps, size: int) -> Steps:
    """Return the sum of every window of this size."""
    out = np.empty(steps.size - size + 1, np.int64)
    out[0] = steps[:size].sum()
    for n in range(1, out.size):
        out[n] = out[n - 1] + steps[n + size - 1] - steps[n - 1]
    return out


@njit()
def release(held: Steps, decay: float, last: int) -> Steps:
    """Let attenuation fall exponentially, never below what is held; `last` is the value before the first."""
    out = np.empty_like(held)
    for n in range(held.size):
        last = max(held[n], int(last * decay))
        out[n] = last
    return out
