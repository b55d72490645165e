"""What is marked in a picture of a recording: its cut-off, its short defects, and breaths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from aural.measure.clipping import MeasuredClipping
    from aural.measure.course import Course
    from aural.measure.diagnosis import Diagnosis

BREATHS = "breaths"
NEAR_S = 0.05
"""Defects closer than this are the same."""


@dataclass(frozen=True)
class Marks:
    """What is marked in a picture of a recording."""

    cutoff_hz: float | None
    """Where the spectrum is cut off; None if it is not."""
    places_s: dict[str, list[float]]
    """Where it has short defects, by their name, and breaths."""

    @property
    def defects_s(self) -> list[float]:
        """Return where it has defects; breaths are none."""
        return sorted({place for name, places in self.places_s.items() if name != BREATHS for place in places})

    def mended_s(self, after: Marks) -> list[float]:
        """Return where defects were repaired."""
        kinds = ((places, after.places_s.get(name, [])) for name, places in self.places_s.items() if name != BREATHS)
        return sorted({place for places, left in kinds for place in places if _far(place, left)})


def marks(diagnosis: Diagnosis, course: Course) -> Marks:
    """Find what is to be marked in a recording."""
    found = {"clipping": _clipped_s(diagnosis.clipping, course)}
    found |= {name: list(defects.places_s) for name, defects in diagnosis.defects().items()}
    if diagnosis.kind == "speech":
        found[BREATHS] = list(diagnosis.breaths.places_s)
    cutoff_hz = round(diagnosis.bandwidth.cutoff_hz, 1) if diagnosis.bandwidth.cut else None
    return Marks(cutoff_hz, {name: [round(p, 2) for p in places] for name, places in found.items() if places})


def _clipped_s(clipping: MeasuredClipping, course: Course) -> list[float]:
    """Return where the waveform is clipped."""
    clipped = np.zeros(len(course.low), bool)
    for low, high in clipping.rails:
        clipped |= -course.low >= low.reach if low else False
        clipped |= course.high >= high.reach if high else False
    return [float(time) for time in course.times_s[clipped]]


def _far(place: float, others: list[float]) -> bool:
    return all(abs(place - other) > NEAR_S for other in others)
