"""The network that says how loud every bin of a damaged spectrum was.

After Apollo [1]: the spectrum in bands, each normalised by its own level, with the level as a further input, so that
a hole is visible whatever the loudness; layers over the bands of a frame by turns with layers over time. Unlike there
the answer is levels alone, and what is missing is noise at these levels: there is no one right waveform for what a
codec threw away. A noise z in each frame, after [2], gives other levels for other seeds; the deterministic twin has
none.

References:
    [1] Li, Luo: Apollo: Band-sequence modeling for high-quality audio restoration. ICASSP 2025.
    [2] Lattner, Nistal: Stochastic restoration of heavily compressed musical audio using generative adversarial
        networks. Electronics 10(11), 2021.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.stages.frequency_generation.levels.network import BINS, SCALE_DB, USUAL_DB, LevelsNetwork

SIZE = 8  # bins in a band
BANDS = (BINS.stop - BINS.start) // SIZE
WIDTH, NARROW, DENSE = 64, 8, 160
KERNEL, DILATIONS = 5, (1, 2, 4, 1)
FRAMES = 32  # that are worked on at a time


class BinLevels(LevelsNetwork):
    """Layers over the bands of a frame by turns with layers over time."""

    layers = KERNEL // 2 * sum(DILATIONS)

    def __init__(self, phasors: int) -> None:
        super().__init__(phasors)
        self.enter = nn.Linear(SIZE + 1, WIDTH)
        self.place = nn.Parameter(0.3 * torch.randn(BANDS, WIDTH))
        self.chance = nn.Linear(2 * phasors, WIDTH, bias=False) if phasors else None
        self.blocks = nn.ModuleList(BandTimeBlock(dilation) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, 2 * SIZE + 1)
        nn.init.zeros_(self.leave.weight)

    def predict(self, bins: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        bins = bins.reshape(*bins.shape[:-1], BANDS, SIZE)
        band = bins.mean(-1, keepdim=True)
        x = self.enter(torch.cat([bins - band, band - USUAL_DB / SCALE_DB], dim=-1)) + self.place
        if self.chance is not None:
            x = x + self.chance(torch.view_as_real(z).flatten(-2))[:, :, None]
        for block in self.blocks:
            x = block(x)
        fine, level, kept = self.leave(self.norm(x)).float().split((SIZE, 1, SIZE), dim=-1)
        return (fine + level).flatten(-2), kept.flatten(-2)


class BandTimeBlock(nn.Module):
    """All bands of a frame through a bottleneck, then a convolution over time and the bands next to each.

    The convolution is a block of ConvNeXt (Liu and others, CVPR 2022). Shape (batch, frames, bands, channels).
    """

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.down = nn.Linear(WIDTH, NARROW)
        self.join = nn.Linear(BANDS * NARROW, DENSE)
        self.part = nn.Linear(DENSE, BANDS * NARROW)
        self.up = nn.Linear(NARROW, WIDTH)
        reach = KERNEL // 2 * dilation
        self.deep = nn.Conv2d(WIDTH, WIDTH, (KERNEL, 3), padding=(reach, 1), dilation=(dilation, 1), groups=WIDTH)
        self.norm_deep = nn.LayerNorm(WIDTH)
        self.wide = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = _in_parts(self._across, x)
        with torch.autocast(x.device.type, enabled=False):  # in bfloat16 on the CPU, its gradient is wrong if dilated
            near = self.deep(x.float().permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + _in_parts(self._within, near)

    def _across(self, x: Tensor) -> Tensor:
        frame = functional.gelu(self.join(self.down(self.norm(x)).flatten(-2)))
        return x + self.up(functional.gelu(self.part(frame)).reshape(*frame.shape[:-1], BANDS, NARROW))

    def _within(self, near: Tensor) -> Tensor:
        wide: Tensor = self.narrow(functional.gelu(self.wide(self.norm_deep(near))))
        return wide


def _in_parts(layers: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply layers that treat each frame by itself to a few frames at a time, which fit into a processor's cache."""
    return torch.cat([layers(part) for part in torch.split(x, FRAMES, dim=1)], dim=1)
