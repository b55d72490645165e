"""What all networks have in common that say how loud every bin of a damaged spectrum was."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp import centred

SAMPLE_RATE = 48000
WINDOW, HOP = 1024, 256
BIN_HZ = SAMPLE_RATE / WINDOW
STEP = 2  # frames of spectra from one frame of levels to the next: 10.7 ms
BINS = slice(1, 433)  # that levels are predicted of, up to 20.3 kHz
AROUND = 94  # frames of levels to either side, one second, that the level around is taken over
PHASORS = 8  # of the noise z, in each frame
DEPTH_DB = 85.0  # below the level around, the input counts as silence
USUAL_DB = -45.0  # against the level around: where an untrained network begins
SILENT_DB = -200.0
SCALE_DB = 20.0
NEPER = math.log(10) / 10
TINY = 1e-20


class LevelsNetwork(nn.Module):
    """Maps the power of a damaged spectrum to the levels of the original.

    Of each bin a network says how much of it is still there, and how loud it was where it is not.

    Args:
        phasors: of the noise z in each frame; 0 for a network that has none.
    """

    layers: ClassVar[int]
    """Frames to either side that its layers look at, the level around left out."""
    grid: ClassVar[int] = 1
    """Frames that it works on together; what begins elsewhere on this grid gets other levels."""

    def __init__(self, phasors: int) -> None:
        super().__init__()
        self.phasors = phasors

    @abstractmethod
    def predict(self, bins: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Predict how loud each bin was, and how much of it is still there, as a logit; shapes like that of `bins`.

        Args:
            bins: against the level around, in units of 20 dB; shape (batch, frames, 432).
            z: as below.
        """

    def forward(self, power: Tensor, z: Tensor, near: slice = slice(None)) -> Tensor:
        """Predict levels.

        Args:
            power: shape (batch, frames, 513), of Hann windows of 21 ms every 10.7 ms at 48 kHz.
            z: random phasors, complex, shape (batch, frames, 8); a network without a noise does not look at them.
            near: frames to answer for; the others count for the level around alone.

        Returns:
            The mean level of each bin in dB, shape (batch, frames near, 513).
        """
        around = torch.log(centred.around(power.mean(-1), AROUND)[:, near] + TINY)[..., None] / NEPER
        power = power[:, near]
        bins = (torch.log(power[..., BINS] + TINY) / NEPER - around).clamp(min=-DEPTH_DB) / SCALE_DB
        level, kept = self.predict(bins, z[:, near])
        share = torch.sigmoid(kept)
        predicted = share * bins + (1 - share) * (level + USUAL_DB / SCALE_DB)
        levels = SCALE_DB * predicted + around
        return functional.pad(levels, (BINS.start, power.shape[-1] - BINS.stop), value=SILENT_DB)
