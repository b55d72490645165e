"""The meter of bandwidth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.measure.bandwidth.edges import HIGHEST, LOWEST_HZ, SURE_FALL_DB, end_hz, levels, smoothed
from aural.measure.bandwidth.images import mirror_hz
from aural.measure.bandwidth.lowpass import lowpass_hz
from aural.signals import Block, Format

Spectrum = NDArray[np.float64]

WINDOW = 4096
SLAB = 64  # windows a channel that are transformed at once: bounds the memory
LEVELS = 64  # steps into which windows are sorted by their level above LOWEST_HZ
STEP_DB, BOTTOM_DB = 2.0, -80.0  # against the mean square of a window; what is softer is silence
QUIET = 0.15  # of the windows that are not silent: background
LOUD = 0.3  # of them: foreground
HIDES = 3.0  # background hides an end if all that is heard above it is no more than so many times as loud
STANDS_OUT = 1.3  # and if what is heard just below it is so many times as loud: else the sound declines into it
FILTERED = 12.0  # a filter leaves less than one part in so many of the sound above its cut-off: 22 dB
MOVES = 1.8  # what is so many times as loud in the loudest windows as in the quietest is sound, not background
SMOOTHED = 0.03  # of the frequency, over which levels are averaged
FEWEST = 6  # windows
GENTLE_DB = 30.0  # instruments and singing fall by up to 26 dB, sound behind codecs and resamplers by 40 and more
EMPTIED = 1.15  # at most, between the cut-off and where a codec leaves nothing, as a ratio


@dataclass(frozen=True)
class Bandwidth:
    """Where the spectrum ends.

    Attributes:
        cutoff_hz: frequency at which the filter is 6 dB down; half the sample rate where nothing cuts it.
        steepness_db: fall of the level there, or at most, from just below a frequency to all that lies above it;
            infinite where that is an image of the band below.
        cut: whether a filter caused that fall; it can also be a natural decline.
        lowpass_hz: frequency above which nothing is left, as codecs do it; None where there is none.
    """

    cutoff_hz: float
    steepness_db: float
    cut: bool
    lowpass_hz: float | None = None

    @property
    def declines(self) -> bool:
        """Whether the spectrum falls so little that it may be a natural decline: filters leave less above."""
        return self.steepness_db < GENTLE_DB and not self.emptied

    @property
    def emptied(self) -> bool:
        """Whether nothing is left from about the cut-off on, as behind a codec."""
        return self.lowpass_hz is not None and 1 / EMPTIED < self.lowpass_hz / self.cutoff_hz < EMPTIED


class BandwidthMeter:
    """Finds where the mean magnitude spectrum ends: that of the sound above the background, or of everything.

    Magnitudes are averaged, not powers: a single click above the cut-off then hides it less, and rare consonants
    still count. Wherever the level falls by 13 dB or more, a small network, trained on the slopes of filters,
    resamplers and voices, decides whether a filter caused that, and where its cut-off is. The background is measured
    in the quietest windows, and its power is subtracted from that of the loudest, so that hiss above a dull voice
    does not hide where the voice ends. A fall above which the sound goes on, hardly softer, is not an end. Images of
    linear interpolation are found by their symmetry.
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
        if background is not None:
            voice = self._end(foreground)
            bins_per_hz = WINDOW / self.sample_rate
            above_hz = 1.15 * voice.cutoff_hz, min(1.6 * voice.cutoff_hz, 0.97 * found.cutoff_hz)
            below, above = (
                slice(*(round(hz * bins_per_hz) for hz in edges))
                for edges in ((0.8 * voice.cutoff_hz, 0.95 * voice.cutoff_hz), above_hz)
            )
            if above_hz[0] < above_hz[1]:  # where the recording ends just above, that is its end
                heard = everything[above].sum() / self.counts.sum()
                stands_out = np.median(foreground[below] / background[below]) > STANDS_OUT
                if heard < HIDES * background[above].sum() and stands_out:
                    found = voice
        mirror = mirror_hz(everything, self.sample_rate / 2)
        if mirror is not None and mirror < found.cutoff_hz:
            found = Bandwidth(mirror, math.inf, cut=True)
        elif mirror is None and background is not None and found.cut and self._goes_on(found, foreground, background):
            found = Bandwidth(self.sample_rate / 2, found.steepness_db, cut=False)
        return replace(found, lowpass_hz=self._lowpass_hz(found, everything))

    def _lowpass_hz(self, found: Bandwidth, everything: Spectrum) -> float | None:
        """Return above which frequency nothing is left, but for the images that some resamplers leave."""
        emptied_hz = lowpass_hz(everything, self.sample_rate / 2) or math.inf
        sure = found.cut and SURE_FALL_DB < found.steepness_db < math.inf
        if sure and emptied_hz > EMPTIED * found.cutoff_hz:
            return found.cutoff_hz
        return emptied_hz if math.isfinite(emptied_hz) else None

    def _goes_on(self, found: Bandwidth, foreground: Spectrum, background: Spectrum) -> bool:
        """Say whether the sound goes on above a cut-off: hardly softer, and not as steady as the background."""
        hz = np.arange(WINDOW // 2 + 1) * self.sample_rate / WINDOW / found.cutoff_hz
        below = (hz > 0.8) & (hz < 0.95)
        above = (hz > 1.15) & (hz < min(1.8, HIGHEST * self.sample_rate / 2 / found.cutoff_hz))
        return bool(
            above.any()
            and np.median(foreground[below]) < FILTERED * np.median(foreground[above])
            and np.median(foreground[above] / background[above]) > MOVES
        )

    def _parted(self) -> tuple[Spectrum, Spectrum | None]:
        """Return the mean magnitudes of the sound above the background, and of the background, if there is one.

        The power of the background is subtracted from that of the loudest windows; it also limits how low the
        result can be, since the difference of two random powers is never exactly zero.
        """
        ranks = np.cumsum(self.counts[1:])
        quiet = 1 + int(np.searchsorted(ranks, QUIET * ranks[-1]))
        loud = max(quiet + 1, 1 + int(np.searchsorted(ranks, (1 - LOUD) * ranks[-1])))
        parts = slice(loud, None), slice(1, quiet + 1)
        counts = [self.counts[part].sum() for part in parts]
        if min(counts) < FEWEST:
            return self.sums[0], None
        front, background = (
            smoothed(self.sums[part].sum(axis=0) / count) for part, count in zip(parts, counts, strict=True)
        )
        averaged = np.maximum(1, SMOOTHED * np.arange(background.size))
        chance = np.sqrt(sum(1 / count for count in counts) / averaged)  # of the background's power, one deviation
        return np.sqrt(np.maximum(front**2 - background**2, chance * background**2)), background

    def _end(self, magnitude: Spectrum) -> Bandwidth:
        found_hz, fall_db = end_hz(*levels(magnitude, self.sample_rate / 2))
        cut = found_hz is not None and found_hz < HIGHEST * self.sample_rate / 2
        return Bandwidth(found_hz if found_hz is not None and cut else self.sample_rate / 2, fall_db, cut)


@cache
def _shape() -> Any:
    """Return the four-term Blackman-Harris window: so leakage of a loud partial does not look like a slope."""
    turn = 2 * np.pi * np.arange(WINDOW) / WINDOW
    terms = (0.35875, -0.48829, 0.14128, -0.01168)
    return sum(a * np.cos(k * turn) for k, a in enumerate(terms)).astype(np.float32)  # type: ignore[union-attr]
