"""Defects: short damaged places of a recording, and the meter that looks for them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aural.dsp.passages import Passages, inside
from aural.signals import Block, Format
from aural.stream import Queue

LISTED, SHOWN = 100, 4


@dataclass(frozen=True)
class Defect:
    """A place of a signal, in frames, in one channel."""

    channel: int
    start: int
    stop: int
    strength_db: float
    """How far it stands out of what is around it."""
    doubtful: bool = False
    """Whether it may be meant to be there. If most of a recording are, none of them counts."""


@dataclass(frozen=True)
class Defects:
    """The defects of one kind in a recording."""

    count: int = 0
    per_minute: float = 0.0
    strength_db: float = 0.0
    """Median."""
    places_s: tuple[float, ...] = ()
    """Where they begin; the first hundred at most."""

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        places = ", ".join(f"{int(place // 60)}:{place % 60:04.1f}" for place in self.places_s[:SHOWN])
        more = ", ..." if self.count > SHOWN else ""
        return (
            f"{self.count}, {self.strength_db:.0f} dB above what is around them, at {places}{more}"
            if self
            else "none"
        )


class DefectMeter:
    """Looks for defects in segments at fixed places of the signal, with context on both sides."""

    def __init__(self, source: Format, segment_s: float, context_s: float) -> None:
        self.source = source
        self.segment, self.context = (round(seconds * source.sample_rate) for seconds in (segment_s, context_s))
        self.queue = Queue()
        self.first = self.done = 0  # frames of the signal: where the queue begins, and up to where was looked
        self.found: list[tuple[float, Defect]] = []  # where it begins in seconds, and itself
        self.queue.append(np.zeros((source.channels, 0), np.float32))

    @abstractmethod
    def find(self, audio: Block) -> Sequence[Defect]:
        """Find the defects of a piece of the signal, shape (channels, frames)."""

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.queue.append(block)
        while self.first + self.queue.frames >= self.done + self.segment + self.context:
            self.found += self._look(self.done + self.segment, self.done + self.segment + self.context)
            self.done += self.segment
            self.queue.take(max(0, self.done - self.context - self.first))
            self.first = max(self.first, self.done - self.context)

    def compute(self, apart_from: Passages = ()) -> Defects:
        """Return the defects of all frames so far, without those that begin in some passages."""
        end = self.first + self.queue.frames
        found = self.found + (self._look(end, end) if end > self.done else [])
        found = [one for one in found if not inside(one[0], apart_from)]
        if not found or 2 * sum(defect.doubtful for _, defect in found) > len(found):
            return Defects()
        return Defects(
            count=len(found),
            per_minute=60 * len(found) * self.source.sample_rate / end,
            strength_db=float(np.median([defect.strength_db for _, defect in found])),
            places_s=tuple(sorted(place for place, _ in found)[:LISTED]),
        )

    def _look(self, until: int, end: int) -> list[tuple[float, Defect]]:
        """Look at the queue up to a frame of the signal; return what begins between what was done and another."""
        defects = self.find(self.queue.peek(end - self.first))
        here = (d for d in defects if self.done <= self.first + d.start < until)
        return [((self.first + d.start) / self.source.sample_rate, d) for d in here]
