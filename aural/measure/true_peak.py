"""Peaks of the signal between its samples, after ITU-R BS.1770-5 Annex 2."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit
from aural.signals import Block, Format

Floats32 = NDArray[np.float32]

TAPS = 32  # of each phase; half of them lie ahead of the frame
AHEAD, BEHIND = TAPS // 2, TAPS // 2 - 1
SLAB = 8192  # frames oversampled in one call: bounds the memory
TILE = 128  # frames that are looked at, or left alone, together


class TruePeakMeter:
    """Measures the highest peak of a signal, between the samples too, whatever blocks it comes in.

    References:
        ITU-R BS.1770-5, Annex 2: four-fold oversampling (less at high rates). Changed: a longer filter, flat
        to 0.44 of the sample rate.
    """

    def __init__(self, source: Format) -> None:
        self.taps = oversampling_taps(least_factor(source.sample_rate))
        self.before = np.zeros((source.channels, TAPS - 1), np.float32)
        self.peak = 0.0

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        for start in range(0, block.shape[-1], SLAB):
            slab = np.concatenate([self.before, block[:, start : start + SLAB]], axis=-1, dtype=np.float32)
            self.peak = max(self.peak, float(oversampled_peaks(slab, self.taps, self.peak).max()))
            self.before = slab[:, 1 - TAPS :]

    def compute(self) -> float:
        """Return the true peak of the signal so far in dBTP; -inf for silence."""
        rest = np.pad(self.before, ((0, 0), (0, AHEAD)))
        peak = max(self.peak, float(oversampled_peaks(rest, self.taps, self.peak).max()))
        return 20 * math.log10(peak) if peak else -math.inf


def least_factor(sample_rate: int) -> int:
    """Return the oversampling that the standard asks for: to about 192 kHz."""
    return max(1, min(4, 192000 // sample_rate))


def oversampling_taps(factor: int) -> Floats32:
    """Design a polyphase interpolator, shape (factor - 1, TAPS): one row for each time between two frames.

    A sinc under a Kaiser window; at the frames themselves it would change nothing.
    """
    fractions = np.arange(1, factor)[:, None] / factor
    times = np.arange(-BEHIND, AHEAD + 1) - fractions
    window = np.i0(7.0 * np.sqrt(1 - (times / AHEAD) ** 2)) / np.i0(7.0)
    taps = np.sinc(times) * window
    normal: Floats32 = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return normal


@njit()
def oversampled_peaks(audio: Block, taps: Floats32, least: float) -> Floats32:
    """Find, for each frame n and over all channels, the highest magnitude from n up to n+1.

    Args:
        audio: shape (channels, frames + TAPS - 1), contiguous: BEHIND frames before and AHEAD after those asked for.
        taps: from `oversampling_taps`.
        least: a peak of interest; where no higher one is possible, nothing is looked for between the frames.

    Returns:
        shape (frames,).
    """
    frames = audio.shape[1] - TAPS + 1
    peaks = np.zeros(frames, np.float32)
    between = np.empty(TILE, np.float32)
    overshoots = np.abs(taps).sum(axis=1)
    for start in range(0, frames, TILE):
        tile = peaks[start : start + TILE]
        for channel in range(audio.shape[0]):
            row = audio[channel, start : start + tile.size + TAPS - 1]
            for n in range(tile.size):
                tile[n] = max(tile[n], abs(row[n + BEHIND]))
            loudest = np.abs(row).max()
            for phase in range(taps.shape[0]):
                if loudest * overshoots[phase] <= least:
                    continue
                between[:] = 0
                h = taps[phase]
                for k in range(0, TAPS, 8):
                    h0, h1, h2, h3 = h[k], h[k + 1], h[k + 2], h[k + 3]
                    h4, h5, h6, h7 = h[k + 4], h[k + 5], h[k + 6], h[k + 7]
                    for n in range(tile.size):
                        between[n] += (
                            h0 * row[n + k]
                            + h1 * row[n + k + 1]
                            + h2 * row[n + k + 2]
                            + h3 * row[n + k + 3]
                            + h4 * row[n + k + 4]
                            + h5 * row[n + k + 5]
                            + h6 * row[n + k + 6]
                            + h7 * row[n + k + 7]
                        )
                for n in range(tile.size):
                    tile[n] = max(tile[n], abs(between[n]))
    return peaks
