"""U-Nets over the bands of a spectrogram, whose blocks follow a condition over time.

References:
    [1] Ronneberger, Fischer, Brox: U-Net. MICCAI 2015.
    [2] Perez and others: FiLM: visual reasoning with a general conditioning layer. AAAI 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class SharedBands(nn.Module):
    """Bands of a spectrum; each bin belongs to the nearest two.

    Args:
        centres: of the bands, in bins, rising; float64, shape (bands,).
        bins: of the spectrum.
    """

    share: Tensor

    def __init__(self, centres: Tensor, bins: int) -> None:
        super().__init__()
        places = torch.arange(bins, dtype=torch.float64)
        upper = torch.searchsorted(centres, places).clamp(1, len(centres) - 1)
        place = ((places - centres[upper - 1]) / (centres[upper] - centres[upper - 1])).clamp(0, 1)
        share = torch.zeros(len(centres), bins, dtype=torch.float64)
        share[upper - 1, places.long()] = 1 - place
        share[upper, places.long()] = place
        self.register_buffer("share", share.float(), persistent=False)

    def forward(self, power: Tensor) -> Tensor:
        """Return the power in bands, shape (..., bands), of power in bins, shape (..., bins)."""
        with torch.autocast(power.device.type, enabled=False):
            return power @ self.share.T

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean over the bins of each band, shape (..., bands), of any quantity, shape (..., bins)."""
        return self(x) / self.share.sum(dim=1)

    def to_bins(self, x: Tensor) -> Tensor:
        """Return gains or levels of bins, shape (..., bins), interpolated from those of bands, shape (..., bands)."""
        with torch.autocast(x.device.type, enabled=False):
            return x.float() @ self.share


class ConditionedBlock(nn.Module):
    """A residual block whose channels the condition scales and shifts over time [2]."""

    def __init__(self, channels: int, curves: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.condition = nn.Conv1d(curves, 2 * channels, 1)
        self.point = nn.Conv2d(channels, channels, 1)
        with torch.no_grad():
            self.point.weight.mul_(0.3)

    def forward(self, x: Tensor, curves: Tensor) -> Tensor:
        scale, shift = self.condition(curves)[..., None].chunk(2, dim=1)
        branch = torch.addcmul(shift, self.norm(self.wide(x)), 1 + scale)
        return x + self.point(functional.relu(branch))


class UnetEncoder(nn.Module):
    """The way down of a U-Net [1]: at every depth half the frames and half the bands.

    Args:
        inputs: maps, of shape (batch, inputs, frames, bands) together.
        channels: at each depth.
        curves: of the condition.
    """

    def __init__(self, inputs: int, channels: Sequence[int], curves: int) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, channels[0], 3, padding=1)
        halving = (nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(channels))
        self.enter = nn.ModuleList([first, *halving])
        self.blocks = nn.ModuleList(ConditionedBlock(width, curves) for width in channels)

    def forward(self, x: Tensor, conditions: Sequence[Tensor]) -> list[Tensor]:
        """Return the features of every depth."""
        seen = []
        x = x.contiguous(memory_format=torch.channels_last)
        for enter, block, curves in zip(self.enter, self.blocks, conditions, strict=True):
            x = block(enter(x), curves)
            seen.append(x)
        return seen


class UnetDecoder(nn.Module):
    """The way up of a U-Net [1], to as many outputs as `begin` has values, which they take before training."""

    def __init__(self, channels: Sequence[int], curves: int, begin: Sequence[float]) -> None:
        super().__init__()
        pairs = list(pairwise(channels))
        self.doubling = nn.ModuleList(nn.ConvTranspose2d(deep, flat, 2, 2) for flat, deep in pairs)
        self.blocks = nn.ModuleList(ConditionedBlock(width, curves) for width in channels[:-1])
        self.norm = nn.BatchNorm2d(channels[0])
        self.out = nn.Conv2d(channels[0], len(begin), 1)
        self.out.bias = nn.Parameter(torch.tensor(begin))
        with torch.no_grad():
            self.out.weight.mul_(0.3)

    def forward(self, seen: Sequence[Tensor], conditions: Sequence[Tensor]) -> Tensor:
        """Return as many maps as there are outputs, of full size."""
        x = seen[-1]
        for depth in reversed(range(len(self.blocks))):
            x = self.blocks[depth](self.doubling[depth](x) + seen[depth], conditions[depth])
        return self.out(functional.relu(self.norm(x)))


def on_grid(x: Tensor, grid: int) -> Tensor:
    """Repeat the last frame until their number is a multiple of the grid; shape (batch, channels, frames)."""
    return functional.pad(x, (0, -x.shape[-1] % grid), mode="replicate")


def pyramid(curves: Tensor, depths: int) -> list[Tensor]:
    """Return curves, shape (batch, curves, frames), at so many depths: at each half the frames of the last."""
    return [functional.avg_pool1d(curves, 2**depth) for depth in range(depths)]
