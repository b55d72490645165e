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

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp import centred

SAMPLE_RATE = 48000
WINDOW, HOP = 1024, 256
BIN_HZ = SAMPLE_RATE / WINDOW
STEP = 2  # frames of spectra from one frame of levels to the next: 10.7 ms
BANDS, SIZE = 54, 8  # bands of eight bins, from the second bin up to 20.3 kHz
BINS = slice(1, 1 + BANDS * SIZE)
WIDTH, NARROW, DENSE = 64, 8, 160
KERNEL, DILATIONS = 5, (1, 2, 4, 1)
AROUND = 94  # frames of levels to either side, one second, that the level around is taken over
FRAMES = 32  # that are worked on at a time
LAYERS = KERNEL // 2 * sum(DILATIONS)  # frames of levels to either side that its layers look at
REACH = AROUND + LAYERS  # and that an answer depends on
PHASORS = 8  # of the noise z, in each frame
DEPTH_DB = 85.0  # below the level around, the input counts as silence
USUAL_DB = -45.0  # against the level around: where an untrained network begins
SILENT_DB = -200.0
SCALE_DB = 20.0
NEPER = math.log(10) / 10
TINY = 1e-20


class BinLevels(nn.Module):
    """Maps the power of a damaged spectrum to the levels of the original.

    Args:
        phasors: of the noise z in each frame; 0 for the deterministic twin.
    """

    def __init__(self, phasors: int) -> None:
        super().__init__()
        self.enter = nn.Linear(SIZE + 1, WIDTH)
        self.place = nn.Parameter(0.3 * torch.randn(BANDS, WIDTH))
        self.chance = nn.Linear(2 * phasors, WIDTH, bias=False) if phasors else None
        self.blocks = nn.ModuleList(BandTimeBlock(dilation) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, 2 * SIZE + 1)
        nn.init.zeros_(self.leave.weight)

    def forward(self, power: Tensor, z: Tensor, near: slice = slice(None)) -> Tensor:
        """Predict levels.

        Args:
            power: shape (batch, frames, 513), of Hann windows of 21 ms every 10.7 ms at 48 kHz.
            z: random phasors, complex, shape (batch, frames, 8); the deterministic twin does not look at them.
            near: frames to answer for; the others count for the level around alone.

        Returns:
            The mean level of each bin in dB, shape (batch, frames near, 513).
        """
        around = torch.log(centred.around(power.mean(-1), AROUND)[:, near] + TINY)[..., None] / NEPER
        power = power[:, near]
        relative = (torch.log(power[..., BINS] + TINY) / NEPER - around).clamp(min=-DEPTH_DB) / SCALE_DB
        bins = relative.reshape(*relative.shape[:-1], BANDS, SIZE)
        band = bins.mean(-1, keepdim=True)
        x = self.enter(torch.cat([bins - band, band - USUAL_DB / SCALE_DB], dim=-1)) + self.place
        if self.chance is not None:
            x = x + self.chance(torch.view_as_real(z[:, near]).flatten(-2))[:, :, None]
        for block in self.blocks:
            x = block(x)
        fine, level, kept = self.leave(self.norm(x)).float().split((SIZE, 1, SIZE), dim=-1)
        share = torch.sigmoid(kept)
        predicted = share * bins + (1 - share) * (fine + level + USUAL_DB / SCALE_DB)
        levels = SCALE_DB * predicted.flatten(-2) + around
        return functional.pad(levels, (BINS.start, power.shape[-1] - BINS.stop), value=SILENT_DB)


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
