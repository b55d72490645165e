"""Peak, DC and the relation of two channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aural.dsp.decibels import power_to_db
from aural.signals import Block, Format


@dataclass(frozen=True)
class Levels:
    """Levels of a recording."""

    peak_dbfs: float
    """Largest sample; -inf for digital silence."""
    rms_dbfs: float
    softest_dbfs: float
    """Root mean square of the softest channel."""
    dc: float
    """Largest mean of a channel, as a share of full scale."""
    side_db: float | None
    """Level of the difference of two channels below their sum; None unless there are two."""

    @property
    def silent(self) -> bool:
        return self.peak_dbfs < -90

    @property
    def false_stereo(self) -> bool:
        """True where two channels carry the same."""
        return self.side_db is not None and self.side_db < -50

    @property
    def inverted(self) -> bool:
        """True where one of two channels is the other upside down, so that they cancel each other in mono."""
        return self.side_db is not None and self.side_db > 20

    @property
    def dead_channel(self) -> bool:
        """True where one of two channels holds nothing."""
        return self.side_db is not None and not self.silent and self.softest_dbfs < min(-90.0, self.rms_dbfs - 40)


class LevelMeter:
    """Measures levels."""

    def __init__(self, source: Format) -> None:
        self.frames = 0
        self.peak = 0.0
        self.sums = np.zeros(source.channels)
        self.power = np.zeros(source.channels)
        self.side_mid = np.zeros(2)

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        if not block.shape[-1]:
            return
        self.frames += block.shape[-1]
        self.sums += block.sum(axis=-1, dtype=np.float64)
        self.power += np.einsum("cf,cf->c", block, block, dtype=np.float64)
        if block.shape[0] == 2:
            for index, sign in enumerate((-1, 1)):
                combined = block[0] + sign * block[1]
                self.side_mid[index] += np.dot(combined, combined)
        self.peak = max(self.peak, float(np.abs(block).max()))

    def compute(self) -> Levels:
        """Return the levels of all frames so far."""
        side, mid = self.side_mid
        return Levels(
            peak_dbfs=power_to_db(self.peak**2),
            rms_dbfs=power_to_db(self.power.mean() / max(self.frames, 1)),
            softest_dbfs=power_to_db(self.power.min() / max(self.frames, 1)),
            dc=float(np.abs(self.sums).max() / max(self.frames, 1)),
            side_db=power_to_db(side / max(mid, 1e-20)) if len(self.sums) == 2 else None,
        )
