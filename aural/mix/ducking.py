"""Ducking: a track that is lowered while others sound, such as music under a voice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

from aural.dsp.decibels import db_to_gain, db_to_power
from aural.parameters import GIVEN, param
from aural.signals import Block
from aural.stream import Queue

STEP_S = 0.01
"""So often it is asked whether a track sounds."""
UNDER = {"under": GIVEN}


@dataclass(frozen=True, kw_only=True)
class Ducking:
    """How a track is lowered while others sound.

    It is lowered by `duck_db` while one of the tracks `under` is louder than that track's own loudness minus
    `duck_sensitivity_db`, whatever its level in the mix. The gain changes linearly in dB.
    """

    under: tuple[str, ...] = param((), "Track under which this one is lowered: the name of its file, with or without "
                                   "suffix; may be given several times", examples=(("voice",),))  # fmt: skip
    duck_db: float = param(12.0, "Attenuation while the other track sounds", unit="dB", low=0.0, high=60.0,
                           when=UNDER)  # fmt: skip
    duck_attack_ms: float = param(200.0, "Attack: time in which the gain falls", unit="ms", low=0.0, high=10000.0,
                                  when=UNDER)  # fmt: skip
    duck_hold_ms: float = param(500.0, "Hold: time for which the gain stays low after the other track has ended, so "
                                "that it does not rise between words", unit="ms", low=0.0, high=30000.0,
                                when=UNDER)  # fmt: skip
    duck_release_ms: float = param(1000.0, "Release: time in which the gain rises again", unit="ms", low=0.0,
                                   high=30000.0, when=UNDER)  # fmt: skip
    duck_lookahead_ms: float = param(200.0, "Look-ahead: how long before the other track begins the gain starts to "
                                     "fall", unit="ms", low=0.0, high=10000.0, when=UNDER)  # fmt: skip
    duck_sensitivity_db: float = param(15.0, "How far below its own loudness the other track still counts as "
                                       "sounding", unit="dB", low=0.0, high=60.0, when=UNDER)  # fmt: skip


@dataclass(frozen=True)
class Ducked:
    """The blocks of a track with the gain that makes room for others; they can be iterated over again.

    Args:
        blocks: of the track.
        fronts: the tracks in front: the blocks of each, and its integrated loudness in LUFS.
        ducking: what is asked for.
        sample_rate: of all, in Hz.
    """

    blocks: Iterable[Block]
    fronts: Sequence[tuple[Iterable[Block], float]]
    ducking: Ducking
    sample_rate: int

    def __iter__(self) -> Iterator[Block]:
        gains, waiting = self._gains(), Queue()
        waiting.append(next(gains))
        for block in self.blocks:
            while waiting.frames < block.shape[-1]:
                waiting.append(next(gains))
            yield block * waiting.take(block.shape[-1])

    def _gains(self) -> Iterator[Block]:
        """Give the gain of each frame, a step at a time, without end."""
        size = max(1, round(STEP_S * self.sample_rate))
        down_db, up_db = (
            self.ducking.duck_db * min(1.0, 1000 * STEP_S / max(ms, 1e-9))
            for ms in (self.ducking.duck_attack_ms, self.ducking.duck_release_ms)
        )
        gain_db = None
        for sounds in self._sounding(size):
            wanted_db = -self.ducking.duck_db if sounds else 0.0
            before_db = wanted_db if gain_db is None else gain_db  # as if it had been so before
            gain_db = min(max(wanted_db, before_db - down_db), before_db + up_db)
            ramp_db = np.linspace(before_db, gain_db, size, endpoint=False, dtype=np.float32)
            yield db_to_gain(ramp_db[np.newaxis])

    def _sounding(self, size: int) -> Iterator[bool]:
        """Say of each step whether a track in front sounds, soon sounds or has just sounded; without end."""
        ahead, hold = (
            round(ms / 1000 / STEP_S) for ms in (self.ducking.duck_lookahead_ms, self.ducking.duck_hold_ms)
        )
        heard = [chain(self._loud(*front, size), repeat(False)) for front in self.fronts]
        left = 0
        for number, loud in enumerate(map(any, zip(*heard, strict=True))):
            left = ahead + hold + 1 if loud else left
            if number >= ahead:
                yield left > 0
            left = max(0, left - 1)

    def _loud(self, blocks: Iterable[Block], lufs: float, size: int) -> Iterator[bool]:
        """Say of each step of a track whether it sounds; the power of its channels is added, as in BS.1770."""
        least = db_to_power(lufs + 0.691 - self.ducking.duck_sensitivity_db) if math.isfinite(lufs) else math.inf
        waiting = Queue()
        for block in blocks:
            waiting.append(np.square(block).sum(axis=0, keepdims=True))
            steps = waiting.frames // size
            powers = waiting.take(steps * size).reshape(steps, size).mean(axis=1)
            yield from (powers > least).tolist()
