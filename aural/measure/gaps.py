"""Gaps: a sound breaks off and soon comes back, with digital zero between, or with what a codec made of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from aural.measure.defects import Defect, DefectMeter
from aural.signals import Block, Format

SEGMENT_S, CONTEXT_S = 2.0, 0.5
LONGEST_S = 0.06
SHORTEST_S = 0.001
EDGE_S, NEAR_S = 0.002, 0.02
ABRUPT = 0.1  # of the level nearby, needed at the edges: a fade is not a gap
FADED, SOFTER = 0.1, 0.3  # the last sample, against the edge, and the edge, against the level nearby: perhaps a fade
STEPS = 8.0  # of quantisation, at the edges: what is next to silent has moments of zero
SMEARED_S = 0.009  # the shortest behind a codec: deep tones have shorter dips
LONGEST_SMEARED_S = 0.05  # tones that are dialled pause for longer
WINDOW_S, HOP_S, SLOPE_S = 0.001, 0.00025, 0.0025  # of levels; in a slope a sound breaks off, and comes back
DEPTH_DB, INSIDE_DB = 24.0, 18.0  # by which it falls and rises, and by which all of the gap lies below its edges
SURE_DB = 26.0  # by which all of most gaps lies below its edges
AUDIBLE_DB, LOUDEST_DB = -35.0, 12.0  # an edge is no softer, against the mean; and against the loudest next to it

Gaps = list[tuple[int, int, float, bool]]
"""Of each, where it begins and ends, its strength in dB, and whether it is doubtful."""


class GapMeter(DefectMeter):
    """Counts gaps."""

    def __init__(self, source: Format) -> None:
        super().__init__(source, SEGMENT_S, CONTEXT_S)

    def find(self, audio: Block) -> list[Defect]:
        return find_gaps(audio, self.source.sample_rate, LONGEST_S)


def find_gaps(audio: Block, sample_rate: int, longest_s: float) -> list[Defect]:
    """Find the gaps of each channel of a piece of a signal, shape (channels, frames).

    The strength of a gap of zeros is the level of what it breaks off, in dB above a step of quantisation; that of
    one behind a codec is how far it falls. Doubtful are gaps of zeros where the sound seems to fade, and those behind
    a codec where it falls by little: one in five where packets are lost, and three in four of the silences that a
    synthetic voice has in its consonants.
    """
    found = []
    for number, channel in enumerate(audio):
        zeros = _zeros(channel, sample_rate, longest_s)
        smeared = _smeared(channel, sample_rate, min(longest_s, LONGEST_SMEARED_S))
        apart = [gap for gap in smeared if not any(gap[0] < stop and start < gap[1] for start, stop, *_ in zeros)]
        found += [Defect(number, *gap) for gap in sorted(zeros + apart)]
    return found


def _smeared(audio: NDArray[np.float32], sample_rate: int, longest_s: float) -> Gaps:
    """Find where the level falls by DEPTH_DB within a slope, and rises as much within another, before long."""
    hop = max(1, round(HOP_S * sample_rate))
    slope, near = (max(1, round(seconds * sample_rate / hop)) for seconds in (SLOPE_S, NEAR_S / 2))
    sound = audio - audio.mean(dtype=np.float64)  # an offset alone would make gaps where a deep tone crosses it
    power = uniform_filter1d(np.square(sound, dtype=np.float64), max(1, round(WINDOW_S * sample_rate)))[::hop]
    if power.size <= 2 * slope:
        return []
    step = float(np.abs(audio[audio != 0]).min(initial=np.inf))  # what is softer may be rounded to zero
    level = 10 * np.log10(np.maximum(power, min(step, 1.0) ** 2))
    least = 10 * np.log10(power.mean() + 1e-30) + AUDIBLE_DB
    before = maximum_filter1d(level, near, origin=(near - 1) // 2) - LOUDEST_DB
    behind = maximum_filter1d(level, near, origin=-(near // 2)) - LOUDEST_DB
    change = level[slope:] - level[:-slope]
    falls = np.flatnonzero((change <= -DEPTH_DB) & (level[:-slope] > np.maximum(before[:-slope], least)))
    rises = np.flatnonzero((change >= DEPTH_DB) & (level[slope:] > np.maximum(behind[slope:], least)))
    found = []
    for fall in np.split(falls, np.flatnonzero(np.diff(falls) > slope) + 1):
        if not fall.size:
            continue
        bottom = int(fall[-1]) + slope
        rise = int(np.searchsorted(rises, bottom))
        if rise == rises.size:
            continue
        start, stop = int(fall[0]), int(rises[rise]) + slope
        depth_db = min(level[start], level[stop]) - level[bottom : stop - slope + 1].max()
        if SMEARED_S <= (stop - start) * hop / sample_rate <= longest_s and depth_db > INSIDE_DB:
            spoilt = min(audio.size, stop * hop + round(WINDOW_S * sample_rate))
            found.append((start * hop, spoilt, float(depth_db), bool(depth_db < SURE_DB)))
    return found


def _zeros(audio: NDArray[np.float32], sample_rate: int, longest_s: float) -> Gaps:
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
        edge_levels, levels = ([_level(side[:frames]) for side in sides] for frames in (edge, near))
        abrupt = all(e > ABRUPT * level for e, level in zip(edge_levels, levels, strict=True))
        around = np.abs(np.concatenate(sides))
        step = float(around[around > 0].min(initial=np.inf))
        if abrupt and min(edge_levels) > STEPS * step:
            fades = any(
                abs(side[0]) < FADED * e or e < SOFTER * level
                for side, e, level in zip(sides, edge_levels, levels, strict=True)
            )
            found.append((start, stop, float(20 * np.log10(min(edge_levels) / step)), fades))
    return found


def _level(audio: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
