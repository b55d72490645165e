"""Removes clicks: refills the few samples of each by autoregression from both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aural.dsp.autoregression import fill
from aural.dsp.segments import SegmentStream
from aural.measure.clicks import CONTEXT_S, SEGMENT_S, find_clicks
from aural.measure.defects import Defect
from aural.signals import Block, Format

WINDOW_S = 0.093
ORDERS = (32, 128)


class DeclickStream(SegmentStream):
    """Finds clicks and refills them, segment by segment; segments without any are not touched."""

    def __init__(self, source: Format, threshold_db: float) -> None:
        super().__init__(source, round(SEGMENT_S * source.sample_rate), round(CONTEXT_S * source.sample_rate))
        self.threshold_db, self.half = threshold_db, round(WINDOW_S * source.sample_rate / 2)

    def process(self, audio: Block) -> Block:
        clicks = find_clicks(audio, self.output.sample_rate, self.threshold_db)
        out = audio.copy()
        for group in _groups(clicks, self.half // 2):
            channel = out[group[0].channel]
            start = max(0, (group[0].start + group[-1].stop) // 2 - self.half)
            piece = channel[start : start + 2 * self.half].astype(np.float64)
            missing = np.unique(np.concatenate([np.arange(click.start, click.stop) for click in group])) - start
            fill(piece, missing, ORDERS)
            channel[start + missing] = piece[missing]
        return out


def _groups(clicks: Sequence[Defect], reach: int) -> Iterator[list[Defect]]:
    """Put clicks of a channel together that lie so close that one would spoil the model for the other."""
    group: list[Defect] = []
    for click in clicks:
        if group and (click.channel != group[0].channel or click.stop - group[0].start > reach):
            yield group
            group = []
        group.append(click)
    if group:
        yield group
