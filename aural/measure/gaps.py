"""Gaps: short stretches of digital zero in the middle of a sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.measure.defects import Defect, DefectMeter
from aural.signals import Block, Format

SEGMENT_S, CONTEXT_S = 2.0, 0.5
LONGEST_S = 0.06
SHORTEST_S = 0.001
EDGE_S, NEAR_S = 0.002, 0.02
ABRUPT = 0.1  # of the level nearby, needed at the edges: a fade is not a gap
STEPS = 8.0  # of quantisation, at the edges: what is next to silent has moments of zero


class GapMeter(DefectMeter):
    """Counts gaps."""

    def __init__(self, source: Format) -> None:
        super().__init__(source, SEGMENT_S, CONTEXT_S)

    def find(self, audio: Block) -> list[Defect]:
        return find_gaps(audio, self.source.sample_rate, LONGEST_S)


def find_gaps(audio: Block, sample_rate: int, longest_s: float) -> list[Defect]:
    """Find the gaps of each channel of a piece of a signal, shape (channels, frames); their strength is
    the level of what they break off, in dB above a step of quantisation."""
    return [
        Defect(number, start, stop, strength_db)
        for number, channel in enumerate(audio)
        for start, stop, strength_db in _gaps(channel, sample_rate, longest_s)
    ]


def _gaps(audio: NDArray[np.float32], sample_rate: int, longest_s: float) -> list[tuple[int, int, float]]:
    edges = np.flatnonzero(np.diff((audio == 0).astype(np.int8)))
    if edges.size < 2:
        return []
    starts, stops = edges[:-1] + 1, edges[1:] + 1
    lengths = stops - starts
    right = (lengths >= SHORTEST_S * sample_rate) & (lengths <= longest_s * sample_rate) & (audio[starts] == 0)
    edge, near = round(EDGE_S * sample_rate), round(NEAR_S * sample_rate)
    found = []
    for start, stop in zip(starts[right].tolist(), stops[right].tolist(), strict=True):
        sides = audio[max(0, start - near) : start][::-1], audio[stop : stop + near]
        edge_levels = [_level(side[:edge]) for side in sides]
        abrupt = all(e > ABRUPT * _level(side) for e, side in zip(edge_levels, sides, strict=True))
        around = np.abs(np.concatenate(sides))
        step = float(around[around > 0].min(initial=np.inf))
        if abrupt and min(edge_levels) > STEPS * step:
            found.append((start, stop, float(20 * np.log10(min(edge_levels) / step))))
    return found


def _level(audio: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
