"""The noise behind a voice: how loud it is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aural.measure.content.bands import BandMeter, answers
from aural.measure.content.features import Bands

if TYPE_CHECKING:
    from aural.measure.room.network import RoomNetwork


@dataclass(frozen=True)
class NoiseEstimate:
    """The noise behind a voice, steady or not. It means nothing for music."""

    levels_db: tuple[float, ...]
    """Level of the noise in each second against that of the voice; about -45 dB where there is none."""

    @property
    def loud_s(self) -> tuple[int, ...]:
        """The seconds in which noise could be heard."""
        return tuple(second for second, level_db in enumerate(self.levels_db) if level_db > AUDIBLE_DB)


AUDIBLE_DB = -25.0


class NoiseMeter(BandMeter):
    """Estimates the noise behind a voice, second by second.

    Keeps a minute of the levels of bands, and 8 bytes for each second.
    """

    training: ClassVar[str | None] = "aural.measure.noise.training:NoiseTraining"
    evaluation: ClassVar[str | None] = None

    def answers(self, levels: Bands) -> Bands:
        """Return what the network says of each second between the margins."""
        return answers(_network(), levels)

    def compute(self) -> NoiseEstimate:
        """Return the noise in all frames so far."""
        return NoiseEstimate(tuple(np.round(10 * self.each_second()[:, 0], 1).tolist()))


@cache
def _network() -> RoomNetwork:
    from aural.learning import weights
    from aural.measure.noise.network import noise_network

    return weights.into(noise_network(), weights.shipped("aural.measure.noise", "noise"))
