"""Long segments of a signal with context on both sides."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from aural.signals import Block, Format
from aural.stream import Queue, Stream


class SegmentStream(Stream):
    """Runs a non-causal method on long segments with real context on both sides, whose results are discarded.

    Segments lie at fixed places of the signal, whatever blocks it comes in. The first has no context before it; the
    last has none after it, and is as long as what remains: the method itself handles the ends.
    """

    def __init__(self, source: Format, segment: int, context: int, stems: int | None = None) -> None:
        super().__init__(source, stems)
        self.segment, self.context = segment, context
        self.queue = Queue()
        self.before = 0  # frames at the front of the queue that are context
        self.first = 0  # where the queue begins, in frames of the signal

    @abstractmethod
    def process(self, audio: Block) -> Block:
        """Process one segment with its context; return as many frames, leading axes as the stage has."""

    def push(self, block: Block) -> Block:
        self.queue.append(block)
        done = []
        while self.queue.frames >= self.before + self.segment + self.context:
            done.append(self._segment(self.before + self.segment + self.context, self.segment))
        return np.concatenate(done, axis=-1) if done else self.nothing()

    def flush(self) -> Block:
        rest = self.queue.frames - self.before
        return self._segment(self.queue.frames, rest) if rest else self.nothing()

    def _segment(self, frames: int, wanted: int) -> Block:
        result = self.process(self.queue.peek(frames))[..., self.before : self.before + wanted]
        spent = max(0, self.before + wanted - self.context)
        self.queue.take(spent)
        self.first += spent
        self.before = self.before + wanted - spent
        return result.astype(np.float32, copy=False)
