"""Ducking: a track that is lowered while others sound, such as music under a voice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from aural.dsp.decibels import db_to_power
from aural.mix.lowering import GainCourse, Lowered, Powers, stretched
from aural.parameters import GIVEN, param
from aural.signals import Block

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
class Ducked(Lowered):
    """The blocks of a track with the gain that makes room for others; they can be iterated over again.

    Args:
        blocks: of the track.
        fronts: the powers of each track in front, divided by that of its own loudness.
        ducking: what is asked for.
        sample_rate: of all, in Hz.
    """

    blocks: Iterable[Block]
    fronts: Sequence[Powers]
    ducking: Ducking
    sample_rate: int

    @property
    def course(self) -> GainCourse:
        asked = self.ducking
        return GainCourse(asked.duck_db, asked.duck_attack_ms, asked.duck_release_ms)

    def low(self) -> Iterator[bool]:
        """Say of each step whether a track in front sounds, soon sounds or has just sounded; without end."""
        least = db_to_power(-self.ducking.duck_sensitivity_db)
        sounds = [chain((powers > least).tolist(), repeat(False)) for powers in self.fronts]
        return stretched(
            map(any, zip(*sounds, strict=True)), self.ducking.duck_lookahead_ms, self.ducking.duck_hold_ms
        )
