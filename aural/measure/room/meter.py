"""The room of a voice: how long its reverberation lasts, and how loud it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from aural.dsp.decibels import db_to_power
from aural.measure.content.bands import BandMeter, answers
from aural.measure.content.features import Bands

if TYPE_CHECKING:
    from aural.measure.room.network import RoomNetwork


@dataclass(frozen=True)
class RoomEstimate:
    """The room of a recorded voice. It means nothing for music."""

    decay_s: float
    """Time in which the sound of the room dies away by 60 dB."""
    decay_factor: float
    """Two of three times the true decay lies between decay_s divided and multiplied by this."""
    ratio_db: float
    """Level of the direct sound above all that the room adds; 25 where there is no room to hear."""
    ratio_error_db: float
    """Standard deviation of the ratio."""

    @property
    def clarity_db(self) -> float:
        """Level of what comes within 50 ms of the direct sound, above what comes later (C50 of ISO 3382-1).

        Computed from the decay and the ratio, for a room that dies away evenly.
        """
        room = db_to_power(-self.ratio_db)
        late = room * db_to_power(-60 * EARLY_S / self.decay_s)
        return 10 * math.log10((1 + room) / late - 1)

    @property
    def reverberant(self) -> bool:
        """Whether words blur: the voice was recorded far away, or in a kitchen or any more reverberant room."""
        return self.clarity_db < BLURRED_DB

    def __str__(self) -> str:
        if not self.ratio_db < FAINT_DB:
            return "none to hear"
        decay = f"dies away in {self.decay_s:.1f} s (within a factor of {self.decay_factor:.1f})"
        place = "below" if self.ratio_db > 0 else "above"
        return f"{decay}, {abs(self.ratio_db):.0f} dB {place} the direct sound (+-{self.ratio_error_db:.0f})"


EARLY_S = 0.05
BLURRED_DB = 11.0
FAINT_DB = 15.0
NARROW = 1.3  # by which the spread that the network predicts is too narrow, on voices held out for validation
NOTHING = RoomEstimate(math.nan, math.nan, math.nan, math.nan)


class RoomMeter(BandMeter):
    """Estimates the reverberation of the room in which a voice was recorded.

    Keeps a minute of the levels of bands, and 20 bytes for each second.
    """

    training: ClassVar[str | None] = "aural.measure.room.training:RoomTraining"
    evaluation: ClassVar[str | None] = None

    def answers(self, levels: Bands) -> Bands:
        """Return the output of the network for each second between the margins."""
        return answers(_network(), levels)

    def compute(self) -> RoomEstimate:
        """Return the room of all frames so far."""
        import torch

        from aural.measure.room.network import LONGEST_S, MOST_RATIO_DB, SHORTEST_S, joined

        seconds = self.each_second()
        if not len(seconds):
            return NOTHING
        decay, decay_spread, ratio, ratio_spread = joined(torch.from_numpy(seconds)[None])[0].tolist()
        return RoomEstimate(
            decay_s=min(max(2.0**decay, SHORTEST_S), LONGEST_S),
            decay_factor=2 ** (NARROW * math.exp(decay_spread)),
            ratio_db=min(10 * ratio, MOST_RATIO_DB),
            ratio_error_db=10 * NARROW * math.exp(ratio_spread),
        )


@cache
def _network() -> RoomNetwork:
    from aural.learning import weights
    from aural.measure.room.network import RoomNetwork

    return weights.into(RoomNetwork(), weights.shipped("aural.measure.room", "room"))
