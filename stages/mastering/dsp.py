"""A true-peak limiter with look-ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit
from aural.measure.true_peak import AHEAD, BEHIND, SLAB, TAPS, least_factor, oversampled_peaks, oversampling_taps
from aural.signals import Block, Format
from aural.stream import Stream

Steps = NDArray[np.int64]
"""Attenuation, 1 - gain, in whole steps: sums of whole numbers are exact, so the envelope comes back to 0."""

STEP = 2.0**-30

Floats32 = NDArray[np.float32]


class LimiterStream(Stream):
    """Multiplies a signal by a gain, then keeps its true peaks below a ceiling; all channels alike.

    The attenuation that a peak needs is held over the look-ahead in front of it, released exponentially behind
    it, and smoothed by two moving averages that are together as long as the look-ahead: it arrives in time and
    without a step. Peaks are looked for at twice the oversampling of a meter, so that no meter finds higher ones.

    References:
        Structure: G. W. McNally, Dynamic range control of digital audio signals, JAES 32(5), 1984.
        Peaks: ITU-R BS.1770-5, Annex 2.
    """

    def __init__(
        self, source: Format, gain_db: float, ceiling_dbtp: float, lookahead_ms: float, release_ms: float
    ) -> None:
        super().__init__(source)
        self.gain = np.float32(10 ** (gain_db / 20))
        self.ceiling = 10 ** (ceiling_dbtp / 20)
        self.decay = float(np.exp(-1000 / (release_ms * source.sample_rate)))
        self.ahead = max(TAPS, round(lookahead_ms / 1000 * source.sample_rate))  # no faster than peaks are found
        self.taps = oversampling_taps(2 * least_factor(source.sample_rate))
        self.audio = np.zeros((source.channels, self.ahead + TAPS - 1), np.float32)
        self.needed = np.zeros(self.ahead + 1, np.int64)  # one frame more: a peak may lie behind its frame
        self.released = np.zeros(self.ahead, np.int64)
        self.early = self.ahead + AHEAD  # frames of output that lie before the signal

    def push(self, block: Block) -> Block:
        frames = block.shape[-1]
        dropped = min(self.early, frames)
        self.early -= dropped
        out = np.empty((block.shape[0], frames - dropped), np.float32)
        for start in range(0, frames, SLAB):
            limited = self._slab(block[:, start : start + SLAB] * self.gain)
            begin = start - dropped
            out[:, max(0, begin) : max(0, begin + limited.shape[-1])] = limited[:, max(0, -begin) :]
        return out

    def flush(self) -> Block:
        return self.push(np.zeros((self.output.channels, self.ahead + AHEAD), np.float32))

    def _slab(self, slab: Block) -> Block:
        audio = np.concatenate([self.audio, slab], axis=-1)
        self.audio = audio[:, slab.shape[-1] :]
        peaks = oversampled_peaks(np.ascontiguousarray(audio[:, self.ahead :]), self.taps, self.ceiling)
        gain = self._gain(attenuation(peaks, self.ceiling))
        return audio[:, BEHIND : BEHIND + gain.size] * gain

    def _gain(self, needed: Steps) -> Floats32:
        """Return as many gains as attenuations come in, `ahead` frames older."""
        waiting = np.concatenate([self.needed, needed])
        self.needed = waiting[needed.size :]
        if not (waiting.any() or self.released.any()):
            return np.ones(needed.size, np.float32)
        held = highest(waiting, self.ahead + 2)
        before = np.concatenate([self.released, release(held, self.decay, self.released[-1])])
        self.released = before[needed.size :]
        half = (self.ahead + 1) // 2
        smooth = sums(sums(before, half + 1), self.ahead + 1 - half)
        gain: Floats32 = (1 - smooth * (STEP / ((half + 1) * (self.ahead + 1 - half)))).astype(np.float32)
        return gain


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
