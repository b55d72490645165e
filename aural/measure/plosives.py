"""Plosives: bursts of air on a microphone, deep, short and without a period."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from aural.dsp import fir
from aural.measure.defects import Defect, DefectMeter
from aural.signals import Block, Format

Signal = NDArray[np.floating[Any]]

SEGMENT_S, CONTEXT_S = 4.0, 1.0
DEEP_HZ = 60.0  # below any tone of a voice
FILTER_S = 0.08
FRAME_S = 0.01
AGAINST_VOICE = 0.5  # of the level of the voice within VOICE_S
VOICE_S = 0.3
AGAINST_REST = 8.0  # times the median level below DEEP_HZ
LONGEST_S = 0.25
GROWN = 0.05  # of its peak, where a burst begins and ends


class PlosiveMeter(DefectMeter):
    """Counts plosives."""

    def __init__(self, source: Format) -> None:
        super().__init__(source, SEGMENT_S, CONTEXT_S)

    def find(self, audio: Block) -> list[Defect]:
        return find_plosives(audio, self.source.sample_rate)


def find_plosives(audio: Block, sample_rate: int) -> list[Defect]:
    """Find the plosives of each channel of a piece of a signal, shape (channels, frames).

    In a plosive there is nearly as much below the lowest tone of a voice as there is of the voice around it, far more
    than usually, for no more than a quarter of a second. Their strength is against what is usual.
    """
    return [
        Defect(number, *found) for number, channel in enumerate(audio) for found in _plosives(channel, sample_rate)
    ]


def deep(audio: Signal, sample_rate: int, cutoff_hz: float) -> Signal:
    """Return what lies below a frequency, in time with the signal."""
    return fir.filtered(audio, _filter(sample_rate, cutoff_hz)).astype(np.float32)


@cache
def _filter(sample_rate: int, cutoff_hz: float) -> NDArray[np.float64]:
    window = np.hamming(2 * round(FILTER_S / 2 * sample_rate) + 1)
    return fir.low_pass(2 * cutoff_hz / sample_rate, window)


def _plosives(audio: Signal, sample_rate: int) -> list[tuple[int, int, float]]:
    frame = round(FRAME_S * sample_rate)
    count = audio.size // frame
    if count < 2 or audio.size <= 2 * round(FILTER_S * sample_rate) or not audio.any():
        return []
    low = deep(audio, sample_rate, DEEP_HZ)
    lows, all_else = (_levels(part[: count * frame], frame) for part in (low, audio - low))
    usual = float(np.median(lows))
    voice = maximum_filter1d(all_else, 2 * round(VOICE_S / FRAME_S) + 1)
    loud = (lows > AGAINST_VOICE * voice) & (lows > AGAINST_REST * usual)
    found: list[tuple[int, int, float]] = []
    edges = np.flatnonzero(np.diff(np.r_[0, loud.astype(np.int8), 0]))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        peak = float(lows[first:last].max())
        least = max(GROWN * peak, 2 * usual)
        while first > 0 and lows[first - 1] > least:
            first -= 1
        while last < count and lows[last] > least:
            last += 1
        if found and first * frame < found[-1][1]:
            continue
        if first > 0 and last < count and (last - first) * FRAME_S <= LONGEST_S:
            found.append(
                (int(first) * frame, int(last) * frame, float(20 * np.log10(peak / max(usual, 1e-9 * peak))))
            )
    return found


def _levels(audio: Signal, frame: int) -> Signal:
    return np.sqrt(np.mean(np.square(audio.reshape(-1, frame)), axis=1))
