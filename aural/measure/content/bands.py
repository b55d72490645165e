"""A meter whose network looks at the levels of bands, in bounded memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from aural.dsp.resampling import resampler
from aural.measure.content.features import (
    AROUND,
    BANDS,
    HOP,
    MARGIN_S,
    PER_SECOND,
    SAMPLE_RATE,
    SILENCE_DB,
    WINDOW,
    Bands,
    bands,
)
from aural.signals import Block, Format
from aural.stream import Queue

if TYPE_CHECKING:
    from torch import nn

SLAB_S = 60


class BandMeter(ABC):
    """Gives a network the levels of bands, a minute at a time with margins; what lies outside counts as silence."""

    def __init__(self, source: Format) -> None:
        self.source, self.frames = source, 0
        self.down = resampler(source, SAMPLE_RATE)
        self.waiting = Queue()  # 16 kHz audio that the next window needs
        self.waiting.append(np.zeros((source.channels, AROUND), np.float32))
        self.levels = np.full((MARGIN_S * PER_SECOND, BANDS), SILENCE_DB, np.float32)
        self.answered: list[Bands] = []

    @abstractmethod
    def answers(self, levels: Bands) -> Bands:
        """Return the output of the network for each second between the margins, shape (seconds, answers)."""

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.frames += block.shape[-1]
        audio = self.down.push(block)
        for start in range(0, audio.shape[-1], SAMPLE_RATE):
            self.take(audio[:, start : start + SAMPLE_RATE])

    def take(self, audio: Block) -> None:
        """Take at most a second at 16 kHz, shape (channels, samples)."""
        self.waiting.append(audio)
        count = (self.waiting.frames - WINDOW) // HOP + 1
        if count > 0:
            levels = bands(self.waiting.peek((count - 1) * HOP + WINDOW))
            self.waiting.take(count * HOP)
            self.levels = np.concatenate([self.levels, levels])
        slab = (SLAB_S + 2 * MARGIN_S) * PER_SECOND
        if len(self.levels) >= slab:
            self.answered.append(self.answers(self.levels[:slab]))
            self.levels = self.levels[SLAB_S * PER_SECOND :]

    @property
    def duration_s(self) -> float:
        """How long the frames so far last."""
        return self.frames / self.source.sample_rate

    def each_second(self) -> Bands:
        """Return the output of the network for each second so far, shape (seconds, answers)."""
        seconds = math.ceil(self.duration_s)
        missing = seconds - SLAB_S * len(self.answered)
        return np.concatenate([*self.answered, *([self._rest(missing)] if missing > 0 or not self.answered else [])])[
            :seconds
        ]

    def _rest(self, seconds: int) -> Bands:
        """Return the answers for the last seconds: what has not come yet counts as silence."""
        waiting = np.pad(self.waiting.peek(self.waiting.frames), ((0, 0), (0, WINDOW)))
        levels = np.concatenate([self.levels, bands(waiting)])[: (seconds + MARGIN_S) * PER_SECOND]
        missing = (seconds + 2 * MARGIN_S) * PER_SECOND - len(levels)
        return self.answers(np.pad(levels, ((0, missing), (0, 0)), constant_values=SILENCE_DB))


def answers(network: nn.Module, levels: Bands) -> Bands:
    """Run a network on levels of bands, shape (frames, bands); return its output between the margins."""
    import torch

    with torch.inference_mode():
        found = network(torch.from_numpy(levels)[None])[0]
    return np.asarray(found[MARGIN_S:-MARGIN_S].numpy())
