"""Peak, DC, clipping and the relation of two channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aural.dsp.decibels import power_to_db
from aural.signals import Block, Format

STEPS_PER_DB = 10
LOWEST_DBFS = -100


@dataclass(frozen=True)
class Levels:
    """Levels of a recording."""

    peak_dbfs: float
    """Largest sample; -inf for digital silence."""
    rms_dbfs: float
    dc: float
    """Largest mean of a channel, as a share of full scale."""
    clipped_samples: int
    """Samples that stand at the ceiling of a waveform whose top is cut off."""
    side_db: float | None
    """Levels of the difference of two channels below their sum; None unless there are two."""

    @property
    def silent(self) -> bool:
        return self.peak_dbfs < -90

    @property
    def false_stereo(self) -> bool:
        """True where two channels carry the same."""
        return self.side_db is not None and self.side_db < -50


class LevelMeter:
    """Measures levels. Clipping is read off the distribution of sample magnitudes, so it is found at any level:
    a waveform that is cut off has more samples in its topmost 0.3 dB than in the 1.5 dB below; a natural one
    has far fewer."""

    def __init__(self, source: Format) -> None:
        self.frames = 0
        self.peak = 0.0
        self.sums = np.zeros(source.channels)
        self.power = np.zeros(source.channels)
        self.side_mid = np.zeros(2)
        self.counts = np.zeros(STEPS_PER_DB * (20 - LOWEST_DBFS), np.int64)

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
        loudest = np.abs(block)
        top = float(loudest.max())
        self.peak = max(self.peak, top)
        loudest = loudest[loudest > 0.7 * top]  # the top of each block is all that clipping needs
        if loudest.size and top > 0:
            index = np.clip(20 * np.log10(loudest) - LOWEST_DBFS, 0, 119.9) * STEPS_PER_DB
            np.add.at(self.counts, index.astype(np.int64), 1)

    def compute(self) -> Levels:
        """Return the levels of all frames so far."""
        side, mid = self.side_mid
        return Levels(
            peak_dbfs=power_to_db(self.peak**2),
            rms_dbfs=power_to_db(self.power.mean() / max(self.frames, 1)),
            dc=float(np.abs(self.sums).max() / max(self.frames, 1)),
            clipped_samples=self._clipped(),
            side_db=power_to_db(side / max(mid, 1e-20)) if len(self.sums) == 2 else None,
        )

    def _clipped(self) -> int:
        used = np.flatnonzero(self.counts)
        if not used.size:
            return 0
        top = int(used[-1])
        ceiling = int(self.counts[max(0, top - 2) : top + 1].sum())
        below = int(self.counts[max(0, top - 17) : max(0, top - 2)].sum())
        return ceiling if ceiling >= 20 and ceiling > below else 0
