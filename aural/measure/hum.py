"""Mains hum: lines at multiples of 50 or 60 Hz that never pause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.dsp.decibels import db_to_power
from aural.signals import Block, Format
from aural.stream import Queue

WINDOW_S = 2
HIGHEST_HZ = 1000.0
KEPT = 128  # windows that are kept, spread over the recording: bounds the memory
QUIET = 0.1  # hum is there in the quietest tenth of the windows too; notes and voices pause
LINE_DB = 10.0  # how far a line stands above its surroundings, where many windows were measured
FEW_DB = 6.0  # more than that for a single window, a half of it more for two ...
SILENT_PARTS, FEW_BROKEN = 32, 8
"""A window with digital silence in one of so many parts is broken: its hum stops there as well. Where there are no
others, so many of these are used."""
FAINT_DB = 7.0  # where hum is certain, this is enough for one more of its harmonics
SURE_DB = 10.0  # added to the threshold for a line that stands alone
MAINS_HZ = (50.0, 60.0)
DEVIATION_HZ = 0.3  # of the mains and the recorder's clock; notes of equal temperament stay outside
TOLERANCE_HZ = 0.2  # of a harmonic
LOW = (1, 2, 3)  # one of these harmonics is there, or it is something else

Powers = NDArray[np.float64]


@dataclass(frozen=True)
class MainsHum:
    """The mains hum of a recording."""

    frequency_hz: float
    """Fundamental; 0 where there is no hum."""
    harmonics: tuple[int, ...]
    """Multiples of the fundamental that stand out."""
    level_dbfs: float
    """Root mean square of all of them; -inf where there is no hum."""


NONE = MainsHum(0.0, (), -math.inf)


class HumMeter:
    """Finds lines that stand at 50 or 60 Hz and their multiples, even in the quietest parts.

    The level at each frequency is the lowest tenth over windows of two seconds: speech and notes pause, hum does
    not. A line counts where it rises above its surroundings; one of the first three multiples must, and either a
    second one or one that cannot be mistaken. Windows with digital silence do not count if there are others, and a
    recording shorter than a window is not judged.
    """

    def __init__(self, source: Format) -> None:
        self.sample_rate = source.sample_rate
        self.window = WINDOW_S * source.sample_rate
        self.queue = Queue()
        self.shape = np.hanning(self.window + 1)[:-1].astype(np.float32)
        self.bins = min(self.window // 2, round((HIGHEST_HZ + 10) * WINDOW_S))
        self.kept: list[Powers] = []
        self.broken: list[Powers] = []  # those with digital silence
        self.number, self.stride = 0, 1

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        start = 0
        while start < block.shape[-1]:  # windows lie at fixed places, whatever the blocks
            end = start + self.window - self.queue.frames
            self.queue.append(block[:, start:end])
            start = end
            if self.queue.frames == self.window:
                self._window(self.queue.take(self.window))

    def _window(self, audio: Block) -> None:
        if not all(part.any() for part in np.array_split(audio, SILENT_PARTS, axis=-1)):
            if len(self.broken) < FEW_BROKEN:
                self.broken.append(self._power(audio))
            return
        if self.number % self.stride == 0:
            self.kept.append(self._power(audio))
        if len(self.kept) > KEPT:
            self.kept = self.kept[::2]
            self.stride *= 2
        self.number += 1

    def _power(self, audio: Block) -> Powers:
        spectrum = fft.rfft(audio.astype(np.float64) * self.shape)[:, : self.bins]  # hum may lie at -110 dBFS
        return np.asarray(np.mean(np.abs(spectrum) ** 2, axis=0))

    def compute(self, frequency_hz: float | None = None) -> MainsHum:
        """Return the hum of all frames so far.

        Args:
            frequency_hz: the fundamental where it is known; it is then looked for nowhere else.
        """
        kept = self.kept or self.broken
        if not kept or frequency_hz == 0:
            return NONE
        power = np.quantile(kept, QUIET, axis=0)
        lines = _Lines(power, LINE_DB + FEW_DB / len(kept))
        trials = [frequency_hz] if frequency_hz else lines.fundamentals()
        found = [lines.harmonics_of(trial) for trial in trials]
        fundamental, bins = max(found, key=lambda one: lines.weight(one[1]), default=(0.0, {}))
        if not frequency_hz and not lines.convincing(bins):
            return NONE
        fundamental, bins = _Lines(power, FAINT_DB + FEW_DB / len(kept)).harmonics_of(frequency_hz or fundamental)
        level = sum(_sine_power(power, b, self.shape) for b in bins.values())
        return MainsHum(
            frequency_hz or round(fundamental, 3), tuple(bins), 10 * math.log10(level) if level else -math.inf
        )


class _Lines:
    """The lines of a spectrum: how far each bin stands above its surroundings, and where summits lie."""

    def __init__(self, power: Powers, least_db: float) -> None:
        self.least_db = least_db
        self.prominence = _prominence(power)
        left, centre, right = np.log(np.stack([power[:-2], power[1:-1], power[2:]]) + np.finfo(np.float64).tiny)
        curve = np.minimum(left - 2 * centre + right, -1e-9)
        summit = (centre >= left) & (centre >= right) & (self.prominence[1:-1] >= least_db)
        self.bins = np.flatnonzero(summit) + 1
        self.hz = (self.bins + (0.5 * (left - right) / curve)[summit]) / WINDOW_S

    def fundamentals(self) -> list[float]:
        """Return the mains frequencies that one of the lines may be a low multiple of."""
        trials = [float(hz) / number for hz in self.hz for number in LOW]
        return [hz for hz in trials if min(abs(hz - mains) for mains in MAINS_HZ) <= DEVIATION_HZ]

    def harmonics_of(self, fundamental_hz: float) -> tuple[float, dict[int, int]]:
        """Return the fundamental, fitted to its harmonics, and the bin of each by its number."""
        found = {}
        top = bottom = 0.0
        for number in range(1, int(HIGHEST_HZ / fundamental_hz) + 1):
            near = np.flatnonzero(np.abs(self.hz - number * fundamental_hz) <= TOLERANCE_HZ)
            if near.size:
                index = near[np.argmax(self.prominence[self.bins[near]])]
                found[number] = int(self.bins[index])
                weight = db_to_power(min(float(self.prominence[found[number]]), 40.0))
                top += weight * number * float(self.hz[index])
                bottom += weight * number**2
        return (top / bottom if bottom else fundamental_hz), found

    def weight(self, bins: dict[int, int]) -> float:
        return float(sum(self.prominence[b] for b in bins.values()))

    def convincing(self, bins: dict[int, int]) -> bool:
        low = [self.prominence[b] for number, b in bins.items() if number in LOW]
        return bool(low) and (len(bins) > 1 or max(low) >= self.least_db + SURE_DB)


def _prominence(power: Powers) -> Powers:
    """Return how far each bin stands above the median of its surroundings, in dB."""
    offsets = np.array([o for o in range(-14, 15) if abs(o) > 3])
    around = np.pad(power, 14, mode="reflect")
    median = np.median(np.stack([around[14 + o : 14 + o + power.size] for o in offsets]), axis=0)
    floor = 1e-15 * power.max() + np.finfo(np.float64).tiny
    return np.asarray(10 * np.log10((power + floor) / (median + floor)))


def _sine_power(power: Powers, b: int, window: NDArray[Any]) -> float:
    """Return the mean square of a sine from the main lobe of the window around its bin."""
    return float(power[b - 2 : b + 3].sum() / (len(window) * np.sum(window.astype(np.float64) ** 2)) * 2)
