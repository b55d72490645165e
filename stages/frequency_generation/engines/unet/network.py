"""The U-Net that says how loud the bands of a damaged spectrum were.

The second of the two U-Nets of the AURAL paper, for codecs. Of each band it predicts how loud it was and how much of
it is still there; what is missing is noise at these levels. A noise z in each frame gives other levels for other
seeds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp import centred
from aural.dsp.decibels import db_to_power
from aural.learning.unet import SharedBands, UnetDecoder, UnetEncoder, on_grid, pyramid
from aural.stages.frequency_generation.levels.network import (
    BIN_HZ,
    BINS,
    PHASORS,
    SCALE_DB,
    USUAL_DB,
    LevelsNetwork,
)

BANDS, PLACES = 128, 4
CORNER_HZ = 4000.0  # far below it bands are equally wide, far above in equal ratios; on the mel scale it is 700 Hz
CHANNELS = (20, 32, 48, 64, 80)  # at each depth
GRID = 2 ** (len(CHANNELS) - 1)  # frames, and bands, that become one at the bottom
COARSE = 4  # bands that are one in the condition
LASTING = 47  # frames to either side, half a second, that the condition is the mean of
CURVES = BANDS // COARSE + 2 * PHASORS
CONVOLVED = 5 * GRID  # frames to either side that its convolutions look at, and what the grid adds


class LevelsUnet(LevelsNetwork):
    """A U-Net over bands that are 57 Hz wide at the bottom and 340 Hz at the top.

    Its condition is the spectrum of the second around, which shows where the codec has cut off, and the noise z.
    """

    layers = LASTING + CONVOLVED
    grid = GRID

    def __init__(self) -> None:
        super().__init__(PHASORS)
        self.bands = SharedBands(centres_hz() / BIN_HZ - BINS.start, BINS.stop - BINS.start)
        self.place = nn.Parameter(0.3 * torch.randn(PLACES, 1, BANDS))
        self.down = UnetEncoder(2 + PLACES, CHANNELS, CURVES)
        self.up = UnetDecoder(CHANNELS, CURVES, begin=(0.0, 0.0))

    def predict(self, bins: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        frames = bins.shape[1]
        loud = torch.log10(self.bands.mean(db_to_power(SCALE_DB * bins))) * 10 / SCALE_DB
        typical = self.bands.mean(bins)  # lower than the mean power in bands with partials, or holes
        seen = torch.cat([loud, typical], dim=-1) - USUAL_DB / SCALE_DB
        maps = on_grid(seen.transpose(1, 2), GRID).reshape(len(seen), 2, BANDS, -1).transpose(2, 3)
        place = self.place.expand(len(maps), -1, maps.shape[2], -1)
        conditions = pyramid(on_grid(self._condition(seen[..., BANDS:], z), GRID), len(CHANNELS))
        predicted = self.up(self.down(torch.cat([maps, place], dim=1), conditions), conditions)
        level, kept = self.bands.to_bins(predicted[:, :, :frames]).unbind(1)
        return level, kept

    def _condition(self, typical: Tensor, z: Tensor) -> Tensor:
        """Return the condition, shape (batch, 48, frames)."""
        coarse = functional.avg_pool1d(typical, COARSE).transpose(1, 2)
        lasting = centred.around(coarse.flatten(0, 1), LASTING).view(coarse.shape)
        return torch.cat([lasting, torch.view_as_real(z).flatten(-2).transpose(1, 2)], dim=1)


def centres_hz() -> Tensor:
    """Return the centres of the bands, evenly on a scale that bends at the corner; float64 of shape (128,)."""
    ends = torch.tensor([BINS.start, BINS.stop - 1], dtype=torch.float64) * BIN_HZ
    low, high = torch.log1p(ends / CORNER_HZ)
    return CORNER_HZ * torch.expm1(low + (high - low) * torch.linspace(0, 1, BANDS, dtype=torch.float64))
