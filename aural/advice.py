"""What a stage advises for a recording: to run, to run with other values, or to do nothing; and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis
    from aural.stage import Effect

LEVEL_RANGE_LU = 9.0


@dataclass(frozen=True)
class Decision:
    """One stage of a preset: as it will run, or None if it is skipped, and the reason."""

    name: str
    effect: Effect | None
    reason: str
    minor: bool = False
    """Not worth a line: it only follows from another decision."""


def if_uneven(effect: Effect, diagnosis: Diagnosis) -> Decision:
    """Advise a stage that evens levels out: it runs where the level is uneven."""
    spread = f"loudness range {diagnosis.loudness.range_lu:.0f} LU"
    if diagnosis.loudness.range_lu <= LEVEL_RANGE_LU:
        return Decision(effect.name, None, f"an even level: {spread}")
    return Decision(effect.name, effect, f"an uneven level: {spread}")
