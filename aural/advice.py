"""What a stage advises for a recording (run, run with other values, or skip, and why), and what the user asks for
instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aural.parameters import check, param, parameters

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis
    from aural.stage import Effect

EVEN_DB = 9.0


@dataclass(frozen=True)
class Decision:
    """One stage of a preset: as it will run, or None if it is skipped, and the reason."""

    name: str
    effect: Effect | None
    reason: str
    minor: bool = False
    """Whether it is not worth a line, because it only follows from another decision."""
    unmet: str = ""
    """Why something that was asked for is not done, if so."""


@dataclass(frozen=True)
class Wishes:
    """What a user asks of `aural clean`, whatever the recording is like. None leaves it to the diagnosis.

    Raises:
        ParameterError: one is of the wrong kind or out of range.
    """

    target_lufs: float | None = param(None, "Loudness of the result, instead of the preset's", unit="LUFS",
                                      low=-50.0, high=-5.0, examples=(-16.0,))  # fmt: skip
    max_limiting_db: float | None = param(None, "Maximum limiting of peaks to reach the loudness, instead of the "
                                          "preset's 6 dB", unit="dB", low=0.0, high=24.0,
                                          examples=(6.0,))  # fmt: skip
    noise_reduction: float | None = param(None, "Maximum attenuation of noise; off leaves hum and rumble too, "
                                          "auto follows the diagnosis", unit="dB", low=0.0, high=60.0,
                                          words={"auto": None, "off": 0.0}, examples=(12.0,))  # fmt: skip
    dereverb: float | None = param(None, "Strength of dereverberation; auto follows the diagnosis",
                                   low=0.0, high=1.0, words={"auto": None, "off": 0.0}, examples=(0.5,))  # fmt: skip
    treble: float | None = param(None, "Strength of the treble that is added; auto follows the diagnosis",
                                 low=0.0, high=1.0, words={"auto": None, "off": 0.0}, examples=(0.5,))  # fmt: skip
    music: str | None = param(None, "What to do with music: keep it, or reduce it. It is separated and lowered where "
                              "it was found in speech, and of a song all but the voice; a chain without "
                              "music-reduction reduces it like noise. If not given, what was found is kept",
                              choices=("keep", "reduce"))  # fmt: skip
    music_db: float | None = param(None, "Attenuation of music that is separated; 15 dB if not given", unit="dB",
                                   low=0.0, high=60.0, when={"music": "reduce"}, examples=(10.0,))  # fmt: skip

    def __post_init__(self) -> None:
        check(self, "clean")

    def only(self, names: Collection[str]) -> Wishes:
        """Return the wishes of these names alone, and those that refine them, as `music_db` refines `music`."""
        wanted = (p.name for p in parameters(Wishes) if p.name in names or any(name in names for name in p.spec.when))
        return Wishes(**{name: getattr(self, name) for name in wanted})

    def named(self) -> list[str]:
        """Name the wishes that are given, without those that only refine others."""
        return [p.name for p in parameters(Wishes) if getattr(self, p.name) is not None and not p.spec.when]


NO_WISHES = Wishes()


def if_uneven(effect: Effect, diagnosis: Diagnosis) -> Decision:
    """Advise a stage that evens levels out: it runs where the level is uneven."""
    if diagnosis.apart_db <= EVEN_DB:
        return Decision(effect.name, None, f"an even level: {diagnosis.apart}")
    return Decision(effect.name, effect, f"an uneven level: {diagnosis.apart}")


def with_treble(effect: Effect, decision: Decision, wishes: Wishes) -> Decision:
    """Let a stage that adds treble add as much as a user wishes."""
    if not wishes.treble:
        return Decision(effect.name, None, "turned off, as asked for" if decision.effect else decision.reason)
    reason = f"treble added at {wishes.treble:g} where it is missing, as asked for"
    return Decision(effect.name, replace(effect, mix=wishes.treble), reason)
