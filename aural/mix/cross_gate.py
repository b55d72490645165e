"""A cross-gate: of microphones that hear each other, those are lowered whose own voice does not sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from aural.dsp.decibels import db_to_power
from aural.mix.lowering import SILENCE_DB, STEP_S, GainCourse, Heard, Lowered, levels_db, stretched
from aural.parameters import GIVEN, param
from aural.signals import Block

SOUNDS_DB = -15.0
"""Level above a track's own loudness from which it sounds."""
AVERAGED_S = 0.05
GATED = {"cross_gate": GIVEN}


@dataclass(frozen=True, kw_only=True)
class CrossGate:
    """How microphones are gated against each other.

    One is lowered while another is nearer to its own loudness by `cross_gate_margin_db`: then it hears the other's
    voice, not its own. Where voices overlap, both stay open; in pauses all stay as they are.
    """

    cross_gate: tuple[str, ...] = param(
        (), "Microphone that hears the others of its kind: the name of its file, with or without suffix; once for "
        "each", examples=(("anna", "ben"),),
    )  # fmt: skip
    cross_gate_db: float = param(12.0, "Attenuation of a microphone while only another voice sounds", unit="dB",
                                 low=0.0, high=60.0, when=GATED)  # fmt: skip
    cross_gate_margin_db: float = param(4.0, "How much further below its own loudness a microphone must be than "
                                        "another to be lowered; less lowers it more often", unit="dB",
                                        low=0.0, high=40.0, when=GATED)  # fmt: skip
    cross_gate_attack_ms: float = param(50.0, "Attack: time in which the gain falls", unit="ms", low=0.0,
                                        high=10000.0, when=GATED)  # fmt: skip
    cross_gate_hold_ms: float = param(300.0, "Hold: time for which a microphone stays open after its own voice",
                                      unit="ms", low=0.0, high=30000.0, when=GATED)  # fmt: skip
    cross_gate_release_ms: float = param(30.0, "Release: time in which the gain rises again", unit="ms", low=0.0,
                                         high=10000.0, when=GATED)  # fmt: skip
    cross_gate_lookahead_ms: float = param(100.0, "Look-ahead: how long before its own voice a microphone opens",
                                           unit="ms", low=0.0, high=10000.0, when=GATED)  # fmt: skip


@dataclass(frozen=True)
class CrossGated(Lowered):
    """The blocks of a microphone, lowered while another one hears its own voice; they can be iterated over again.

    Args:
        blocks: of the microphone.
        own: the same and its integrated loudness in LUFS, to listen to.
        others: those that it hears, in the same way.
        gate: what is asked for.
        sample_rate: of all, in Hz.
    """

    blocks: Iterable[Block]
    own: Heard
    others: Sequence[Heard]
    gate: CrossGate
    sample_rate: int

    @property
    def course(self) -> GainCourse:
        return GainCourse(self.gate.cross_gate_db, self.gate.cross_gate_attack_ms, self.gate.cross_gate_release_ms)

    def low(self, size: int) -> Iterator[bool]:
        """Say of each step whether the microphone is closed; without end."""
        is_open = stretched(self._open(size), self.gate.cross_gate_lookahead_ms, self.gate.cross_gate_hold_ms)
        return (not opened for opened in is_open)

    def _open(self, size: int) -> Iterator[bool]:
        """Say of each step whether its own voice sounds: as before in pauses, and open at the beginning."""
        heard = [chain(averaged(levels_db(one, size)), repeat(SILENCE_DB)) for one in (self.own, *self.others)]
        opened = True
        for own_db, *others_db in zip(*heard, strict=True):
            most_db = max(others_db)
            if max(own_db, most_db) > SOUNDS_DB:
                opened = own_db >= most_db - self.gate.cross_gate_margin_db
            yield opened


def averaged(levels: Iterable[float]) -> Iterator[float]:
    """Smooth levels in dB by a running mean of the powers."""
    share, power = 1 - math.exp(-STEP_S / AVERAGED_S), 0.0
    for level in levels:
        power += share * (db_to_power(level) - power)
        yield 10 * math.log10(max(power, 1e-20))
