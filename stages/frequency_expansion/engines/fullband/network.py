"""The network that extends a spectrum from any cut-off: amplitude and phase in two parallel streams.

After AP-BWE [1]: ConvNeXt blocks [2] over frames; after every block, each stream gets the output of the other. No
autoregression, no diffusion. Unlike there, one network serves every cut-off: the cut-off is an input, what lies above
it is not, and every bin is predicted. Levels are relative to those around, so that a soft recording is treated like a
loud one.

References:
    [1] Lu, Ai, Du, Ling: Towards high-quality and efficient speech bandwidth extension with parallel amplitude and
        phase prediction. IEEE/ACM Trans. ASLP 33, 2025.
    [2] Liu and others: A ConvNet for the 2020s. CVPR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp import centred
from aural.dsp.decibels import db_to_power

SAMPLE_RATE = 48000
WINDOW, HOP = 1024, 256
BINS = WINDOW // 2 + 1
BIN_HZ = SAMPLE_RATE / WINDOW
AROUND = 188  # frames to either side, one second, that a level is taken over
WIDTH, BLOCKS, KERNEL = 160, 7, 7
REACH = AROUND + BLOCKS * (KERNEL // 2) + 1  # frames that a result depends on to either side
analysis = partial(centred.analysis, window=WINDOW, hop=HOP)
synthesis = partial(centred.synthesis, window=WINDOW, hop=HOP)
DEPTH_DB = 80.0  # below the level around, inputs and targets count as silence
FLOOR = db_to_power(-DEPTH_DB)
TINY = 1e-24
HIGHEST = 2.0  # a new bin is at most so many nepers (17 dB) above the mean amplitude of the frame


@dataclass(frozen=True)
class Continued:
    """What the network predicts for each bin; shape (batch, frames, 513)."""

    log_amplitude: Tensor
    """Natural logarithm, at the level of the input."""
    phase: Tensor

    @property
    def spectra(self) -> Tensor:
        return torch.polar(torch.exp(self.log_amplitude), self.phase)


class Fullband(nn.Module):
    """Maps spectra that end at a cut-off to spectra that do not."""

    def __init__(self, width: int = WIDTH, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.amplitude_in = nn.Conv1d(2 * BINS, width, 1)
        self.phase_in = nn.Conv1d(2 * BINS, width, 1)
        self.amplitude = nn.ModuleList(ConvNextBlock(width) for _ in range(blocks))
        self.phase = nn.ModuleList(ConvNextBlock(width) for _ in range(blocks))
        self.amplitude_out = Out(width, BINS)
        self.phase_out = Out(width, 2 * BINS)

    def forward(self, spectra: Tensor, cutoff_hz: Tensor) -> Continued:
        """Continue spectra.

        Args:
            spectra: complex, shape (batch, frames, 513), Hann windows of 21 ms every 5.3 ms at 48 kHz.
            cutoff_hz: where each ends, shape (batch,). What is above it is ignored.
        """
        known = (torch.arange(BINS, device=spectra.device) * BIN_HZ < cutoff_hz[:, None])[:, None].float()
        power = (spectra.real.square() + spectra.imag.square()) * known
        around = centred.around(power.sum(-1) / known.sum(-1), AROUND) + TINY
        relative = torch.log(power / around[..., None] + FLOOR) / 2
        turned = torch.view_as_real(spectra * known / (power + TINY).sqrt()).flatten(2)
        known = known.expand_as(power)
        a = self.amplitude_in(torch.cat([relative * known, known], dim=-1).transpose(1, 2))
        p = self.phase_in(turned.transpose(1, 2))
        for amplitude, phase in zip(self.amplitude, self.phase, strict=True):
            a, p = amplitude(a + p), phase(p + a)
        level = self._level(power, known, around)
        predicted = self.amplitude_out(a).transpose(1, 2).float()
        real, imaginary = self.phase_out(p).float().transpose(1, 2).chunk(2, dim=-1)
        return Continued(level + predicted.clamp(max=HIGHEST), torch.atan2(imaginary, real + 1e-12))

    @staticmethod
    def _level(power: Tensor, known: Tensor, around: Tensor) -> Tensor:
        """Return the log amplitude of each frame below the cut-off: where that is silent, so is the prediction."""
        mean = functional.avg_pool1d((power.sum(-1) / known.sum(-1))[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
        return (torch.log(mean + 1e-3 * FLOOR * around + TINY) / 2)[..., None]


class ConvNextBlock(nn.Module):
    """A ConvNeXt block [2] over frames, shape (batch, channels, frames)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deep = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 3 * width)
        self.narrow = nn.Linear(3 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 1 / BLOCKS))

    def forward(self, x: Tensor) -> Tensor:
        branch = self.norm(self.deep(x).transpose(1, 2))
        branch = self.narrow(functional.gelu(self.wide(branch))) * self.scale
        return x + branch.transpose(1, 2)


class Out(nn.Module):
    """From channels to bins."""

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, bins, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x.transpose(1, 2)).transpose(1, 2))
