"""A meter whose network looks at the levels of bands, in bounded memory."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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


class BandLevels:
    """Measures the levels of bands of a signal, at most a second at a time."""

    def __init__(self, source: Format) -> None:
        self.source, self.frames = source, 0
        self.down = resampler(source, SAMPLE_RATE)
        self.waiting = Queue()  # 16 kHz audio that the next window needs
        self.waiting.append(np.zeros((source.channels, AROUND), np.float32))

    def push(self, block: Block) -> Iterator[tuple[Block, Bands]]:
        """Take the next frames, shape (channels, frames); give them at 16 kHz, and the levels that they complete."""
        self.frames += block.shape[-1]
        audio = self.down.push(block)
        for start in range(0, audio.shape[-1], SAMPLE_RATE):
            piece = audio[:, start : start + SAMPLE_RATE]
            yield piece, self._levels(piece)

    def _levels(self, audio: Block) -> Bands:
        self.waiting.append(audio)
        count = max(0, (self.waiting.frames - WINDOW) // HOP + 1)
        levels = bands(self.waiting.peek((count - 1) * HOP + WINDOW if count else 0))
        self.waiting.take(count * HOP)
        return levels

    def rest(self) -> Bands:
        """Return the levels of what waits, as if silence followed."""
        return bands(np.pad(self.waiting.peek(self.waiting.frames), ((0, 0), (0, WINDOW))))

    @property
    def duration_s(self) -> float:
        """How long the frames so far last."""
        return self.frames / self.source.sample_rate


class BandMeter(ABC):
    """Gives a network the levels of bands, a minute at a time with margins; what lies outside counts as silence.

    Args:
        measured: where the levels come from.
    """

    def __init__(self, source: Format, measured: BandLevels | None = None) -> None:
        self.measured = measured or BandLevels(source)
        self.levels = np.full((MARGIN_S * PER_SECOND, BANDS), SILENCE_DB, np.float32)
        self.answered: list[Bands] = []

    @abstractmethod
    def answers(self, levels: Bands) -> Bands:
        """Return the output of the network for each second between the margins, shape (seconds, answers)."""

    @abstractmethod
    def compute(self) -> Any:
        """Return the measurement over all frames so far."""

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        for audio, levels in self.measured.push(block):
            self.take(audio, levels)

    def take(self, audio: Block, levels: Bands) -> None:
        """Take at most a second at 16 kHz, shape (channels, samples), and the levels that it completes."""
        self.levels = np.concatenate([self.levels, levels])
        slab = (SLAB_S + 2 * MARGIN_S) * PER_SECOND
        if len(self.levels) >= slab:
            self.answered.append(self.answers(self.levels[:slab]))
            self.levels = self.levels[SLAB_S * PER_SECOND :]

    def each_second(self) -> Bands:
        """Return the output of the network for each second so far, shape (seconds, answers)."""
        seconds = math.ceil(self.measured.duration_s)
        missing = seconds - SLAB_S * len(self.answered)
        return np.concatenate([*self.answered, *([self._rest(missing)] if missing > 0 or not self.answered else [])])[
            :seconds
        ]

    def _rest(self, seconds: int) -> Bands:
        """Return the answers for the last seconds: what has not come yet counts as silence."""
        levels = np.concatenate([self.levels, self.measured.rest()])[: (seconds + MARGIN_S) * PER_SECOND]
        missing = (seconds + 2 * MARGIN_S) * PER_SECOND - len(levels)
        return self.answers(np.pad(levels, ((0, missing), (0, 0)), constant_values=SILENCE_DB))


class BandMeters:
    """Several meters that look at the same levels of bands, which are measured once."""

    def __init__(self, source: Format, *kinds: type[BandMeter]) -> None:
        self.measured = BandLevels(source)
        self.meters = [kind(source, self.measured) for kind in kinds]

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        for audio, levels in self.measured.push(block):
            for meter in self.meters:
                meter.take(audio, levels)

    def compute(self) -> tuple[Any, ...]:
        """Return the measurement of each meter over all frames so far."""
        return tuple(meter.compute() for meter in self.meters)


def answers(network: nn.Module, levels: Bands) -> Bands:
    """Run a network on levels of bands, shape (frames, bands); return its output between the margins."""
    import torch

    with torch.inference_mode():
        found = network(torch.from_numpy(levels)[None])[0]
    return np.asarray(found[MARGIN_S:-MARGIN_S].numpy())
