"""Effective bandwidth: where a filter, a codec or a resampler has cut the spectrum off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.signals import Block, Format

Spectrum = NDArray[np.float64]

WINDOW = 4096
SLAB = 64  # windows a channel that are transformed at once: bounds the memory
LOWEST_HZ = 1800.0
HIGHEST = 0.97  # of half the sample rate: beyond it the file is full band
CLIFF_DB = 15.0
LEVELS = 64  # steps into which windows are sorted by their level above LOWEST_HZ
STEP_DB, BOTTOM_DB = 2.0, -80.0  # against the mean square of a window; what is softer is silence
QUIET = 0.15  # of the windows that are not silent: background
HIDES = 1.5  # background hides an end if all that is heard above it is no more than so many times as loud
RESIDUE = 0.05  # of the background's power: what is left of it where it changes
STEEP_DB = 15.0  # over 2 % of the frequency
SLOPE_DB = 8.0  # over 5 %: no sound declines so fast by itself
EDGES = 300
FEWEST = 6  # windows


@dataclass(frozen=True)
class Bandwidth:
    """Where the spectrum ends.

    Attributes:
        cutoff_hz: highest frequency that was left whole; half the sample rate where nothing cuts it.
        steepness_db: largest fall of the level from just below a frequency to all that lies above it.
        cut: that fall is a cliff, not a natural decline.
    """

    cutoff_hz: float
    steepness_db: float
    cut: bool


class BandwidthMeter:
    """Finds the cliff in the mean magnitude spectrum: of what stands out from the background, or of everything.

    Magnitudes are averaged, not powers: a lone click above the cut-off hides the cliff less, and rare
    consonants still show. The level below an edge is one that most of the band there reaches, the level
    above one that hardly anything there exceeds, so that neither a partial nor a whistle makes a cliff
    or hides one. Background is what the quietest windows hold: its power is taken from that of the others, so that
    hiss above a dull voice does not hide where the voice ends.
    """

    def __init__(self, source: Format) -> None:
        self.sample_rate = source.sample_rate
        self.sums: Spectrum = np.zeros((LEVELS, WINDOW // 2 + 1))
        self.counts = np.zeros(LEVELS)
        self.held = np.zeros((source.channels, 0), np.float32)

    def update(self, block: Block) -> None:
        """Take the next frames."""
        for start in range(0, block.shape[-1], SLAB * WINDOW):
            audio = np.concatenate([self.held, block[:, start : start + SLAB * WINDOW]], axis=-1)
            count = audio.shape[-1] // WINDOW
            self._windows(audio[:, : count * WINDOW].reshape(-1, WINDOW))
            self.held = audio[:, count * WINDOW :]

    def _windows(self, windows: Any) -> None:
        """Sort windows, shape (windows, frames), by their level."""
        magnitudes = np.abs(fft.rfft(windows * _shape()))
        first = min(round(2 * LOWEST_HZ / self.sample_rate * magnitudes.shape[1]), magnitudes.shape[1] // 2)
        power = np.square(magnitudes[:, first:], dtype=np.float64).sum(axis=1) / WINDOW**2
        steps = np.clip((10 * np.log10(power + 1e-30) - BOTTOM_DB) / STEP_DB, 0, LEVELS - 1).astype(int)
        for step in np.unique(steps):
            self.sums[step] += magnitudes[steps == step].sum(axis=0, dtype=np.float64)
        self.counts += np.bincount(steps, minlength=LEVELS)

    def compute(self) -> Bandwidth:
        """Return where the spectrum of all frames so far ends."""
        everything = self.sums.sum(axis=0)
        if not everything.any():
            rest = np.pad(self.held, ((0, 0), (0, WINDOW - self.held.shape[-1])))
            everything = np.abs(fft.rfft(rest * _shape())).sum(axis=0, dtype=np.float64)
        found = self._end(everything)
        foreground, background = self._parted()
        if background is None:
            return found
        voice = self._end(foreground)
        above = slice(*(round(factor * voice.cutoff_hz / self.sample_rate * WINDOW) for factor in (1.1, 1.5)))
        heard = everything[above].sum() / self.counts.sum()
        hides = heard < HIDES * background[above].sum()
        return voice if voice.cutoff_hz < found.cutoff_hz and hides else found

    def _parted(self) -> tuple[Spectrum, Spectrum | None]:
        """Return the mean magnitudes of what stands out from the background, and of that, if there is one."""
        ranks = np.cumsum(self.counts[1:])
        quiet = 1 + int(np.searchsorted(ranks, QUIET * ranks[-1]))
        parts = (slice(quiet + 1, None), slice(1, quiet + 1))
        loud, background = (
            _smoothed(self.sums[part].sum(axis=0) / max(1, self.counts[part].sum())) for part in parts
        )
        foreground = np.sqrt(np.maximum(loud**2 - background**2, RESIDUE * background**2))
        enough = min(self.counts[part].sum() for part in parts) >= FEWEST
        return foreground, background if enough else None

    def _end(self, magnitude: Spectrum) -> Bandwidth:
        level_db = 20 * np.log10(_smoothed(magnitude) + 1e-8 * magnitude.max() + 1e-300)
        hz = np.linspace(0, self.sample_rate / 2, level_db.size)
        last = int(HIGHEST * (level_db.size - 1))
        edges = np.unique(np.geomspace(min(LOWEST_HZ / hz[1], last), last, EDGES).astype(int))
        falls = np.array([_fall(level_db, edge) for edge in edges])
        steepest = float(falls.max(initial=0.0))
        if steepest < CLIFF_DB:
            return Bandwidth(float(hz[-1]), steepest, cut=False)
        return Bandwidth(float(hz[_knee(level_db, edges[falls.argmax()])]), steepest, cut=True)


@cache
def _shape() -> Any:
    """Return the four-term Blackman-Harris window: a loud partial leaks nothing that looks like a slope."""
    turn = 2 * np.pi * np.arange(WINDOW) / WINDOW
    terms = (0.35875, -0.48829, 0.14128, -0.01168)
    return sum(a * np.cos(k * turn) for k, a in enumerate(terms)).astype(np.float32)  # type: ignore[union-attr]


def _smoothed(magnitude: Spectrum, share: float = 0.015) -> Spectrum:
    """Average over `share` of the frequency to both sides."""
    total = np.concatenate([[0.0], np.cumsum(magnitude)])
    bins = np.arange(magnitude.size)
    half = (share * bins).astype(int)
    first, last = bins - half, np.minimum(bins + half + 1, magnitude.size)
    return (total[last] - total[first]) / (last - first)  # type: ignore[no-any-return]


def _fall(level_db: Spectrum, edge: int) -> float:
    """Return by how much the level falls from just below a bin to all that follows, near and far."""
    below = min(float(np.quantile(level_db[int(low * edge) : int(0.98 * edge)], 0.3)) for low in (0.75, 0.86))
    start = min(int(1.04 * edge) + 1, level_db.size - 8)
    near, all_above = level_db[start : int(1.5 * edge)], level_db[start:]
    return float(below - max(np.quantile(near, 0.8), np.quantile(all_above, 0.9)))


def _knee(level_db: Spectrum, edge: int) -> int:
    """Return the last bin around an edge that was left whole.

    A steep cliff begins where the level falls a third as fast as it does at most: what declines before it is the
    recording's own, unless it falls too fast for that. A gentle one, as of many resamplers, has no such point; it is
    where the level is 6 dB lower than further down.
    """
    bins = np.arange(int(0.8 * edge), min(int(1.15 * edge), level_db.size - 2))
    step = np.maximum(1, (0.01 * bins).astype(int))
    falls = level_db[bins - step] - level_db[np.minimum(bins + step, level_db.size - 1)]
    first = int(0.92 * edge) - int(bins[0])
    steepest = first + int(falls[first:].argmax())
    if falls[steepest] >= STEEP_DB:
        flat = np.flatnonzero(falls[:steepest] < falls[steepest] / 3)
        knee = int(bins[flat[-1] if flat.size else 0])
        if level_db[int(0.93 * knee)] - level_db[int(0.98 * knee)] < SLOPE_DB:
            return knee
        edge = knee
    knee = edge
    while knee > 0.75 * edge:  # a reference within the slope is too low: walk down until it lies before the slope
        below = np.median(level_db[int(0.75 * knee) : int(0.9 * knee)])
        first = int(0.7 * knee)
        lower = first + int(np.flatnonzero(level_db[first : int(1.1 * knee) + 1] > below - 6.0)[-1])
        if lower >= knee - 1:
            return max(lower, knee)
        knee = lower
    return knee
