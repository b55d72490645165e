"""Mains hum: lines at multiples of 50 or 60 Hz that never pause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.stage import Block, Format
from aural.streaming import Queue

WINDOW_S = 2
HIGHEST_HZ = 1000.0
KEPT = 128  # windows that are kept, spread over the recording: bounds the memory
QUIET = 0.25  # hum is there in the quietest quarter of the windows too; notes and voices pause
LINE_DB = 10.0  # how far a line stands above its surroundings
SURE_DB = 16.0  # the same, for one that stands alone
MAINS_HZ = (50.0, 60.0)
DEVIATION_HZ = 0.5  # a semitone is nearly six per cent: equal-tempered notes mostly stay outside

Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Hum:
    """What the mains has put into a recording."""

    frequency_hz: float
    """Fundamental; 0 where there is no hum."""
    harmonics: tuple[int, ...]
    """Multiples of the fundamental that stand out."""
    level_dbfs: float
    """Root mean square of all of them; -inf where there is no hum."""


NONE = Hum(0.0, (), -math.inf)


class HumMeter:
    """Finds lines that stand at 50 or 60 Hz and their multiples, even in the quietest parts.

    The level at each frequency is the lower quartile over windows of two seconds: speech and notes pause, hum
    does not. A line counts where it rises above its surroundings; one of the first three multiples must, and
    either a second one or one that cannot be mistaken. A recording shorter than a window is not judged.
    """

    def __init__(self, source: Format) -> None:
        self.sample_rate = source.sample_rate
        self.window = WINDOW_S * source.sample_rate
        self.queue = Queue()
        self.shape = np.hanning(self.window + 1)[:-1].astype(np.float32)
        self.bins = min(self.window // 2, round((HIGHEST_HZ + 10) * WINDOW_S))
        self.kept: list[Levels] = []
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
        if self.number % self.stride == 0:
            spectrum = np.fft.rfft(audio * self.shape)[:, : self.bins]
            self.kept.append(np.mean(np.abs(spectrum.astype(np.complex128)) ** 2, axis=0))
        if len(self.kept) > KEPT:
            self.kept = self.kept[::2]
            self.stride *= 2
        self.number += 1

    def compute(self, frequency_hz: float | None = None) -> Hum:
        """Return the hum of all frames so far.

        Args:
            frequency_hz: the fundamental where it is known; it is then looked for nowhere else.
        """
        if not self.kept or frequency_hz == 0:
            return NONE
        power = np.quantile(self.kept, QUIET, axis=0)
        prominence = _prominence(power)
        found = (self._lines(prominence, hz) for hz in ([frequency_hz] if frequency_hz else _candidates(prominence)))
        lines = max(found, key=lambda lines: sum(prominence[b] for b in lines.values()))
        if not frequency_hz and not _convincing(prominence, lines):
            return NONE
        fundamental = frequency_hz or _fundamental(power, prominence, lines)
        level = sum(_sine_power(power, b, self.shape) for b in lines.values())
        return Hum(fundamental, tuple(lines), 10 * math.log10(level) if level else -math.inf)

    def _lines(self, prominence: Levels, fundamental_hz: float) -> dict[int, int]:
        """Return the bins of the lines that are there, by the number of the harmonic."""
        lines = {}
        for number in range(1, int(HIGHEST_HZ / fundamental_hz) + 1):
            centre = number * fundamental_hz * WINDOW_S
            if centre + 2 >= len(prominence):
                break
            near = np.arange(round(centre) - 1, round(centre) + 2)
            peak = int(near[np.argmax(prominence[near])])
            summit = prominence[peak] >= prominence[peak - 1 : peak + 2].max()
            if summit and abs(peak - centre) <= 1 and prominence[peak] >= LINE_DB:
                lines[number] = peak
        return lines


def _prominence(power: Levels) -> Levels:
    """Return how far each bin stands above the median of its surroundings, in dB."""
    offsets = np.array([o for o in range(-14, 15) if abs(o) > 3])
    around = np.pad(power, 14, mode="reflect")
    median = np.median(np.stack([around[14 + o : 14 + o + power.size] for o in offsets]), axis=0)
    floor = 1e-15 * power.max() + np.finfo(np.float64).tiny
    return np.asarray(10 * np.log10((power + floor) / (median + floor)))


def _candidates(prominence: Levels) -> list[float]:
    """Return for either mains the fundamental whose multiples stand out most."""
    bins = np.arange(prominence.size)
    clipped = np.clip(prominence, 0, 2 * LINE_DB)
    found = []
    for mains in MAINS_HZ:
        trial = mains + np.arange(-DEVIATION_HZ, DEVIATION_HZ + 0.001, 0.01)
        multiples = np.arange(1, int(HIGHEST_HZ / mains))[:, None] * trial * WINDOW_S
        found.append(float(trial[np.argmax(np.interp(multiples, bins, clipped, right=0).sum(axis=0))]))
    return found


def _convincing(prominence: Levels, lines: dict[int, int]) -> bool:
    low = [prominence[b] for number, b in lines.items() if number <= 3]
    return bool(low) and (len(lines) > 1 or max(low) >= SURE_DB)


def _fundamental(power: Levels, prominence: Levels, lines: dict[int, int]) -> float:
    """Fit the fundamental to the summits of all lines, each interpolated by a parabola over the level."""
    top = bottom = 0.0
    for number, b in lines.items():
        left, centre, right = np.log(power[b - 1 : b + 2] + np.finfo(np.float64).tiny)
        curve = left - 2 * centre + right
        summit = (b + 0.5 * (left - right) / curve) / WINDOW_S if curve < 0 else b / WINDOW_S
        weight = 10 ** (min(float(prominence[b]), 40.0) / 10)
        top += weight * number * summit
        bottom += weight * number**2
    return round(top / bottom, 3)


def _sine_power(power: Levels, b: int, window: NDArray[Any]) -> float:
    """Return the mean square of a sine from the main lobe of the window around its bin."""
    return float(power[b - 2 : b + 3].sum() / (len(window) * np.sum(window.astype(np.float64) ** 2)) * 2)
