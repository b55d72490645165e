"""Tracks that are lowered for a while: when, how far, and how the gain moves there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_gain
from aural.signals import Block
from aural.stream import Queue

STEPS = 100
"""So often in a second it is asked whether a track sounds: once for each power that a LoudnessMeter keeps."""

Powers = NDArray[np.float64]
"""The K-weighted mean power of a track in each step, as in its loudness."""


@dataclass(frozen=True)
class GainCourse:
    """How far a track is lowered, and in which time the gain falls and rises, linearly in dB."""

    depth_db: float
    attack_ms: float
    release_ms: float


class Lowered(ABC):
    """The blocks of a track with a gain that falls and rises; they can be iterated over again."""

    blocks: Iterable[Block]
    sample_rate: int

    @property
    @abstractmethod
    def course(self) -> GainCourse:
        """Say how the gain moves."""

    @abstractmethod
    def low(self) -> Iterator[bool]:
        """Say of each step whether the track is to be low; without end."""

    def __iter__(self) -> Iterator[Block]:
        gains, waiting = self._gains(), Queue()
        waiting.append(next(gains))
        for block in self.blocks:
            while waiting.frames < block.shape[-1]:
                waiting.append(next(gains))
            yield block * waiting.take(block.shape[-1])

    def _gains(self) -> Iterator[Block]:
        """Give the gain of each frame, a step at a time, without end."""
        depth_db = self.course.depth_db
        down_db, up_db = (
            depth_db * min(1.0, 1000 / STEPS / max(ms, 1e-9))
            for ms in (self.course.attack_ms, self.course.release_ms)
        )
        gain_db = None
        for step, low in enumerate(self.low()):
            size = self._begin(step + 1) - self._begin(step)
            wanted_db = -depth_db if low else 0.0
            before_db = wanted_db if gain_db is None else gain_db  # as if it had been so before
            gain_db = min(max(wanted_db, before_db - down_db), before_db + up_db)
            ramp_db = np.linspace(before_db, gain_db, size, endpoint=False, dtype=np.float32)
            yield db_to_gain(ramp_db[np.newaxis])

    def _begin(self, step: int) -> int:
        """Return the frame with which a step begins."""
        return -(-step * self.sample_rate // STEPS)


def stretched(flags: Iterable[bool], lookahead_ms: float, hold_ms: float) -> Iterator[bool]:
    """Say of each step whether a flag is set, soon is or has just been; the flags have no end."""
    ahead, hold = (round(ms / 1000 * STEPS) for ms in (lookahead_ms, hold_ms))
    left = 0
    for number, flag in enumerate(flags):
        left = ahead + hold + 1 if flag else left
        if number >= ahead:
            yield left > 0
        left = max(0, left - 1)
