"""A recording over time, in a limited number of columns: waveform, true peak, loudness and spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.dsp.decibels import db_to_power
from aural.measure.loudness import PIECES, SHORT_TERM_S, LoudnessMeter
from aural.measure.true_peak import AHEAD, BEHIND, least_factor, oversampled_peaks, oversampling_taps
from aural.signals import Block, Format

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]

COLUMNS = 600
"""At least; twice as many at most. Short recordings have fewer: none is shorter than 20 ms."""
ROWS = 96
SLAB = 128  # columns transformed at once: bounds the memory
LOWEST_DB = -120.0
HEARD_DB = -75.0
"""A band whose mean level lies below is not heard."""
FAINT_DB, ADDED_DB = -95.0, 12.0
"""What is made up, and so loud, is marked, if so much louder than before."""
SPECK = 8
"""Fewer cells that hang together may differ by chance."""
LOUD = 90  # percentile of what is heard, above which nobody lowers anything but all of it


@dataclass(frozen=True, eq=False)
class Course:
    """A recording in columns of equal length; the last may be shorter."""

    duration_s: float
    column_s: float
    low: Floats32
    """Lowest sample of each column, over all channels."""
    high: Floats32
    true_peak_dbtp: Floats32
    loudness_lufs: Floats32
    """Loudness of the 3 s around the middle of each column; less at both ends."""
    edges_hz: Floats
    """Where the bands of the spectrum begin and end, evenly spaced on the mel scale."""
    levels_db: Floats32
    """Shape (bands, columns): mean level of a bin in each band, where a sine at full scale has 0 dB."""

    @property
    def times_s(self) -> Floats:
        """Return the middle of each column."""
        return (np.arange(len(self.low), dtype=np.float64) + 0.5) * self.column_s


class CourseMeter:
    """Measures a recording of any length in bounded memory: too many columns are merged in pairs.

    Spectra are those of Hann windows of 40 ms, the mean over channels.

    Args:
        source: what is measured.
        columns: the least that a long recording has; twice as many at most.

    References:
        S. S. Stevens, J. Volkmann, E. B. Newman, A scale for the measurement of the psychological magnitude pitch,
        JASA 8 (1937), in the form of O'Shaughnessy: mel = 2595 log10(1 + f / 700).
    """

    def __init__(self, source: Format, columns: int = COLUMNS) -> None:
        self.source, self.frames, self.least = source, 0, columns
        self.half = max(BEHIND + 1, AHEAD, round(source.sample_rate / 100))
        self.hop = 2 * self.half
        self.edges_hz = mel_edges(source.sample_rate / 2)
        self.taps = oversampling_taps(least_factor(source.sample_rate))
        self.loudness = LoudnessMeter(source)
        self.held = np.zeros((source.channels, self.half), np.float32)
        self.hops = 1  # in a column
        self.fresh = np.zeros((0, 3 + ROWS), np.float32)  # of a hop each: low, high, true peak, powers of the bands
        self.columns = self.fresh

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.frames += block.shape[-1]
        self.loudness.update(block)
        self._look(np.concatenate([self.held, block], axis=-1))

    def _look(self, audio: Block) -> None:
        count = max(0, (audio.shape[-1] - self.hop) // self.hop)
        for start in range(0, count, SLAB):
            stop = min(start + SLAB, count)
            self._take(self._rows(audio[:, start * self.hop : (stop + 1) * self.hop]))
        self.held = audio[:, count * self.hop :]

    def _rows(self, audio: Block) -> Floats32:
        """Measure hops; half a hop before the first and behind the last belongs to the windows."""
        middle = audio[:, self.half : -self.half]
        around = np.ascontiguousarray(audio[:, self.half - BEHIND : audio.shape[-1] - self.half + AHEAD], np.float32)
        peaks = oversampled_peaks(around, self.taps, 0.0)
        hops = middle.reshape(len(middle), -1, self.hop)
        columns = hops.min(axis=(0, 2)), hops.max(axis=(0, 2)), peaks.reshape(-1, self.hop).max(axis=1)
        return np.column_stack([*columns, self._powers(audio)]).astype(np.float32)

    def _powers(self, audio: Block) -> Floats:
        window = np.hanning(2 * self.hop).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(audio, 2 * self.hop, axis=-1)[:, :: self.hop]
        spectra = (fft.rfft(channel * window) for channel in windows)
        power = np.mean([np.square(np.abs(spectrum)) for spectrum in spectra], axis=0) * (2 / window.sum()) ** 2
        sums = np.pad(np.cumsum(power, axis=1), ((0, 0), (1, 0)))  # up to half a bin below each bin
        places = np.clip(self.edges_hz * 2 * self.hop / self.source.sample_rate + 0.5, 0, sums.shape[1] - 1)
        whole = np.minimum(places.astype(int), sums.shape[1] - 2)
        at = sums[:, whole] + (places - whole) * (sums[:, whole + 1] - sums[:, whole])
        means: Floats = np.diff(at, axis=1) / np.maximum(np.diff(places), 1e-9)
        return means

    def _take(self, rows: Floats32) -> None:
        rows = np.concatenate([self.fresh, rows])
        whole = len(rows) // self.hops * self.hops
        self.columns = np.concatenate([self.columns, _folded(rows[:whole], self.hops)])
        self.fresh = rows[whole:]
        while len(self.columns) >= 2 * self.least and len(self.columns) % 2 == 0:
            self.columns, self.hops = _folded(self.columns, 2), 2 * self.hops

    def compute(self) -> Course:
        """Return the course of all frames so far. Call once."""
        missing = -self.frames % self.hop
        self._look(np.pad(self.held, ((0, 0), (0, missing + self.half))))
        rest = _folded(self.fresh, max(1, len(self.fresh)))
        low, high, peak, *powers = np.concatenate([self.columns, rest]).T
        column_s = self.hops * self.hop / self.source.sample_rate
        with np.errstate(divide="ignore"):
            return Course(
                self.frames / self.source.sample_rate,
                column_s,
                low,
                high,
                true_peak_dbtp=20 * np.log10(peak),
                loudness_lufs=_loudness(self.loudness.powers, len(low), column_s),
                edges_hz=self.edges_hz,
                levels_db=np.maximum(10 * np.log10(np.array(powers)), LOWEST_DB).astype(np.float32),
            )


def added(before: Course, after: Course) -> NDArray[np.bool_]:
    """Return where `after` holds something that was not there before: shape (bands, columns) of `after`.

    First the gain of the loudest bands is removed from `after`. Bands that were far lower before were generated by a
    stage: in holes, in gaps, or above a cut-off.
    """
    known = _as_seen_by(after, before, before.levels_db, LOWEST_DB)
    change = after.levels_db - known
    audible = known[known > HEARD_DB]
    gain_db = np.median(change[known >= np.percentile(audible, LOUD)]) if audible.size else 0.0
    return _without_specks((after.levels_db > FAINT_DB) & (change - gain_db > ADDED_DB))


def missing(before: Course, after: Course) -> NDArray[np.bool_]:
    """Tell where in a recording something was added later: as `added`, in the bands and columns of `before`."""
    found: NDArray[np.bool_] = _as_seen_by(before, after, added(before, after), False)
    return found


def _as_seen_by(course: Course, other: Course, cells: NDArray[Any], outside: Any) -> NDArray[Any]:
    """Return cells of another course at the bands and columns of a course; it may have ended at a lower frequency."""
    middles_hz = (course.edges_hz[1:] + course.edges_hz[:-1]) / 2
    rows = np.searchsorted(other.edges_hz, middles_hz) - 1
    columns = np.minimum(course.times_s / other.column_s, cells.shape[1] - 1).astype(int)
    return np.where((rows < ROWS)[:, None], cells[np.minimum(rows, ROWS - 1)][:, columns], outside)


def _without_specks(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import label

    groups, _ = label(cells, np.ones((3, 3)))
    kept: NDArray[np.bool_] = cells & (np.bincount(groups.ravel()) >= SPECK)[groups]
    return kept


@cache
def mel_edges(highest_hz: float) -> Floats:
    """Return the edges of the bands from 0 Hz up, in Hz."""
    mels = np.linspace(0, 2595 * math.log10(1 + highest_hz / 700), ROWS + 1)
    edges: Floats = 700 * (10 ** (mels / 2595) - 1)
    return edges


def _folded(rows: Floats32, count: int) -> Floats32:
    """Make one row of so many: the lowest sample, the highest, the highest peak, the mean powers."""
    grouped = rows.reshape(len(rows) // count, count, rows.shape[1])
    lowest, highest = grouped[:, :, :1].min(axis=1, initial=np.inf), grouped[:, :, 1:3].max(axis=1, initial=-np.inf)
    return np.concatenate([lowest, highest, grouped[:, :, 3:].mean(axis=1)], axis=1)


def _loudness(powers: Floats, columns: int, column_s: float) -> Floats32:
    """Return the loudness of the 3 s around the middle of each column."""
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    middles = (np.arange(columns) + 0.5) * column_s
    first = np.clip(np.rint((middles - SHORT_TERM_S / 2) * PIECES), 0, len(powers)).astype(int)
    last = np.clip(np.rint((middles + SHORT_TERM_S / 2) * PIECES), 0, len(powers)).astype(int)
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    with np.errstate(divide="ignore"):
        return (10 * np.log10(np.where(means > db_to_power(LOWEST_DB), means, 0)) - 0.691).astype(np.float32)
