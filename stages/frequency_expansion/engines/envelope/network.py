"""The network that predicts the level of each band above a cut-off from those below.

Convolutions over frames of 11 ms, after the blocks of ConvNeXt [1]. Two answers: by how much the level of the new
bands lies above that of the octave below the cut-off in the same frame, and by how much the background differs from
the usual one. Levels are taken against those around, so that soft recordings are treated as loud ones.

References:
    [1] Liu and others: A ConvNet for the 2020s. CVPR 2022.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.stages.frequency_expansion.bands import BANDS

WIDTH, KERNEL = 64, 7
DROPOUT = 0.1
DILATIONS = (1, 2, 4, 1, 2)
AROUND = 188  # frames to either side, two seconds, that the levels around are taken over
REACH = AROUND + KERNEL // 2 * sum(DILATIONS)  # frames that an answer depends on to either side
FEATURES = 6  # of each band
DEEPEST_DB = 90.0  # below the level around, nothing is heard
FLOOR_DB = 25.0  # by which a background differs from the usual one at most
NEPER = math.log(10) / 10


class Envelope(nn.Module):
    """Maps levels below a cut-off to levels above."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.enter = nn.Conv1d(FEATURES * BANDS, width, 1)
        self.blocks = nn.ModuleList(LevelBlock(width, dilation) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, 2 * BANDS)
        nn.init.zeros_(self.leave.weight)

    def forward(self, levels: Tensor, standing: Tensor, floor: Tensor, known: Tensor, octave: Tensor) -> Tensor:
        """Predict levels.

        Args:
            levels, standing, floor: in dB, shape (batch, frames, bands): the level, by how much partials stand
                out, and the background, continued above the cut-off.
            known: 1 for bands below the cut-off, else 0, shape (batch, bands); the levels of others do not matter.
            octave: 1 for the bands of the octave below the cut-off, else 0.

        Returns:
            In dB, of the shape of the levels.
        """
        known, octave = known[:, None], octave[:, None] / octave.sum(-1, keepdim=True)[:, None]
        power = torch.exp(NEPER * levels) * known
        spectrum = _around(power)
        around = torch.log(spectrum.sum(-1, keepdim=True) / known.sum(-1, keepdim=True) + 1e-16) / NEPER
        there, under = ((x * octave).sum(-1, keepdim=True) for x in (levels, floor))
        features = [
            (levels - around).clamp(min=-DEEPEST_DB) / 20,
            (levels - floor).clamp(-10, DEEPEST_DB) / 20,
            (floor - under).clamp(-DEEPEST_DB, DEEPEST_DB) / 20,
            standing / 10,
            torch.ones_like(levels),
            (torch.log(spectrum + 1e-16) / NEPER - around).clamp(min=-DEEPEST_DB) / 20,
        ]
        x = self.enter(torch.cat([feature * known for feature in features], dim=-1).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        above, beside = (20 * self.leave(self.norm(x.transpose(1, 2)))).chunk(2, dim=-1)
        background = floor + FLOOR_DB * torch.tanh(beside / FLOOR_DB)
        return torch.logaddexp(NEPER * (there + above), NEPER * background) / NEPER


class LevelBlock(nn.Module):
    """A ConvNeXt block over frames, shape (batch, channels, frames)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        reach = KERNEL // 2 * dilation
        self.deep = nn.Conv1d(width, width, KERNEL, padding=reach, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.norm(self.deep(x).transpose(1, 2))
        wide = functional.dropout(functional.gelu(self.wide(branch)), DROPOUT, self.training)
        return x + self.narrow(wide).transpose(1, 2)


def _around(power: Tensor) -> Tensor:
    """Return the mean over two seconds to either side, less at the ends; shape (batch, frames, bands) as before."""
    mean = functional.avg_pool1d(power.transpose(1, 2), 2 * AROUND + 1, 1, AROUND, count_include_pad=False)
    return mean.transpose(1, 2)
