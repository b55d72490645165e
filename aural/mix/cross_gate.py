"""A cross-gate: of microphones that hear each other, those are lowered whose own voice does not sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from aural.mix.lowering import STEPS, GainCourse, Lowered, Powers, stretched
from aural.parameters import GIVEN, param
from aural.signals import Block

Flags = NDArray[np.bool_]

SOUNDS_DB = -15.0
"""Level above that of its own voice from which a microphone counts."""
AVERAGED_S = 0.05
PASSAGE = STEPS // 2  # steps
TIED_DB = 5.0
"""Microphones that differ by less may hear the same voice."""
CLEAR_DB = 10.0
"""Level above the noise of a microphone from which it may be a voice."""
SELDOM = 0.01
"""Share of what a microphone hears from which there is a voice of its own in it."""
NOTHING = 1e-20  # power of digital silence
SILENCE_DB = -150.0  # below it there is only digital silence

GATED = {"cross_gate": GIVEN}


@dataclass(frozen=True, kw_only=True)
class CrossGate:
    """How microphones are gated against each other.

    One is lowered while another is nearer to the level of its own voice by `cross_gate_margin_db`: then it hears the
    other's voice. Where voices overlap, both stay open; in pauses all stay as they are. A microphone into which
    nobody speaks is lowered while any voice sounds.
    """

    cross_gate: tuple[str, ...] = param(
        (), "Microphone that hears the others of its kind: the name of its file, with or without suffix; once for "
        "each", examples=(("anna", "ben"),),
    )  # fmt: skip
    cross_gate_db: float = param(12.0, "Attenuation of a microphone while only another voice sounds", unit="dB",
                                 low=0.0, high=60.0, when=GATED)  # fmt: skip
    cross_gate_margin_db: float = param(4.0, "How much further below its own voice a microphone must be than "
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
        own_voice: whether it hears its own voice, in each step; shape (steps,).
        gate: what is asked for.
        sample_rate: in Hz.
    """

    blocks: Iterable[Block]
    own_voice: Flags
    gate: CrossGate
    sample_rate: int

    @property
    def course(self) -> GainCourse:
        return GainCourse(self.gate.cross_gate_db, self.gate.cross_gate_attack_ms, self.gate.cross_gate_release_ms)

    def low(self) -> Iterator[bool]:
        """Say of each step whether the microphone is closed; without end."""
        heard = chain(self.own_voice.tolist(), repeat(False))
        is_open = stretched(heard, self.gate.cross_gate_lookahead_ms, self.gate.cross_gate_hold_ms)
        return (not opened for opened in is_open)


def own_voices(microphones: Sequence[Powers], margin_db: float) -> Flags:
    """Say of each step which microphones hear their own voice: as before in pauses, and all at the beginning.

    Args:
        microphones: the powers of each.
        margin_db: how much nearer to its own voice another one must be for a microphone not to hear its own.

    Returns:
        Shape (microphones, steps).
    """
    from aural.dsp.biquads import Biquads

    steps = max(1, *(powers.size for powers in microphones))
    powers = np.stack([np.pad(powers, (0, steps - powers.size)) for powers in microphones])
    share = 1 - math.exp(-1 / (STEPS * AVERAGED_S))
    averaged = Biquads([[share, 0, 0, 1, share - 1, 0]], len(powers))(powers.astype(np.float32))
    levels_db = _db(averaged.astype(np.float64))
    above_db = levels_db - voices_db(powers, levels_db)
    nearest_db = above_db.max(axis=0)
    last = np.maximum.accumulate(np.where(nearest_db > SOUNDS_DB, np.arange(steps), -1))
    return np.where(last < 0, True, (above_db >= nearest_db - margin_db)[:, last])


def voices_db(powers: Powers, levels_db: Powers) -> Powers:
    """Return the level of the voice that speaks into each microphone; infinite where none does.

    It is the mean of the passages that belong to the microphone, each weighted by its power, so that pauses hardly
    count. A passage belongs to the microphone that is the nearest to its own loudest one. If several are about as
    near, as those are that hear one voice alone, it is the one in which the voice is the furthest above the noise.
    So neither the gains of the microphones matter, nor how seldom somebody speaks.

    Args:
        powers: shape (microphones, steps).
        levels_db: the same in dB, averaged.

    Returns:
        Shape (microphones, 1).
    """
    length = min(powers.shape[1], PASSAGE)
    sums = np.cumsum(np.pad(powers, ((0, 0), (1, 0))), axis=1)
    passages = np.maximum(sums[:, length:] - sums[:, :-length], NOTHING) / length
    clear_db = _db(passages) - np.array([[_noise_db(row)] for row in levels_db])
    near_db = _db(passages / passages.max(axis=1, keepdims=True))
    nearest = np.where(near_db > near_db.max(axis=0) - TIED_DB, clear_db, -np.inf).argmax(axis=0)
    is_own = (nearest == np.arange(len(powers))[:, np.newaxis]) & (clear_db > CLEAR_DB)
    own = np.where(is_own, passages, 0.0)
    total = own.sum(axis=1, keepdims=True)
    spoken = total > SELDOM * passages.sum(axis=1, keepdims=True)
    mean = np.square(own).sum(axis=1, keepdims=True) / np.maximum(total, NOTHING)
    return np.where(spoken, _db(mean), np.inf)


def _noise_db(levels_db: Powers) -> float:
    """Return the level of the softest hundredth; digital silence does not count."""
    heard = levels_db[levels_db > SILENCE_DB]
    return float(np.percentile(heard, 1)) if heard.size else math.inf


def _db(powers: Powers) -> Powers:
    return 10 * np.log10(np.maximum(powers, NOTHING))
