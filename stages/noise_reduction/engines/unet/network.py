"""The network of the unet engine: two U-Nets over a mel spectrogram, one against noise, one for studio sound.

The AURAL paper's dual-stage U-Net autoencoder. It predicts a gain for every mel band and frame, which is applied
to the spectrum of the input; the phase stays. Nothing is vocoded, so no word can be changed or made up, and what
noise masks entirely is not restored.

References:
    [1] Ronneberger, Fischer, Brox: U-Net. MICCAI 2015.
    [2] Perez and others: FiLM: visual reasoning with a general conditioning layer. AAAI 2018.
    [3] Isola and others: Image-to-image translation with conditional adversarial networks. CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp.decibels import db_to_power
from aural.stages.noise_reduction.engines.unet.curves import (
    BANDS,
    CURVES,
    PITCHES,
    Curves,
    MelBands,
    log_mel,
    running_level,
)

CLEANING = (32, 48, 64, 80, 96)  # channels at each depth of stage one
STUDIO = (16, 24, 32, 48, 64)  # of stage two
DEPTH = len(CLEANING) - 1
GRID = 2**DEPTH  # frames, and bands, that become one at the bottom of the U-Net
REACH = 416  # frames that a result depends on to either side, level and rhythm included
MOST_CHARACTER_DB = 12.0
LEVEL_FLOOR = 1e-20


@dataclass(frozen=True)
class Restored:
    """What the network predicts for each frame; bands have shape (batch, frames, 80)."""

    mel: Tensor
    """The input in mel bands; its running level is 1."""
    voice: Tensor
    """Stage one: gains, 0 where there is noise."""
    noise: Tensor
    """Its second output, the separation: gains that leave the noise alone."""
    pitch: Tensor
    """Likelihoods of no pitch and of each pitch, as logits; shape (batch, frames, 49)."""
    character_db: Tensor
    """Stage two: gains in dB that give the voice a studio sound."""
    curves: Tensor
    """The conditioning, shape (batch, 7, frames)."""

    @property
    def clean(self) -> Tensor:
        """The mel spectrogram behind stage one."""
        return self.mel * self.voice.square()

    @property
    def studio(self) -> Tensor:
        """The mel spectrogram behind stage two. Stage one does not learn from it."""
        return self.clean.detach() * db_to_power(self.character_db)


class Unet(nn.Module):
    """Maps power spectra of noisy speech at 48 kHz to gains, one set for all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.bands, self.conditioning = MelBands(), Curves()
        self.down = UnetEncoder(1, CLEANING)
        self.up = UnetDecoder(CLEANING, begin=(2.0, -2.0))
        self.pitch = nn.Conv1d(CLEANING[1] * (BANDS // 2), PITCHES + 1, 1)
        self.studio_down = UnetEncoder(2, STUDIO)
        self.studio_up = UnetDecoder(STUDIO, begin=(0.0,))

    def forward(self, power: Tensor) -> Restored:
        """Predict gains for spectra of any length.

        Args:
            power: squared magnitudes, shape (batch, frames, 769); windows of 32 ms every 16 ms.
        """
        with torch.no_grad():
            mel = self.bands(power) / (running_level(power)[..., None] + LEVEL_FLOOR)
            curves = self.conditioning(power, mel)
        frames = power.shape[1]
        conditions = _pyramid(_on_grid(curves))
        level = _on_grid(log_mel(mel).transpose(1, 2))[:, None].transpose(2, 3)
        seen = self.down(level, conditions)
        gains = self.up(seen, conditions)[:, :, :frames].float().sigmoid()
        voice, noise = gains.unbind(1)
        clean = functional.pad(log_mel(mel * voice.detach().square()), (0, 0, 0, level.shape[2] - frames))
        twice = torch.cat([level, clean[:, None]], dim=1)
        character = self.studio_up(self.studio_down(twice, conditions), conditions)[:, 0, :frames].float()
        return Restored(
            mel, voice, noise, self._pitch(seen[1], frames), MOST_CHARACTER_DB * torch.tanh(character), curves
        )

    def _pitch(self, seen: Tensor, frames: int) -> Tensor:
        """Predict the pitch from the encoder's features at half the frames and half the bands."""
        logits = self.pitch(seen.transpose(2, 3).flatten(1, 2))
        return logits.float().repeat_interleave(2, dim=-1)[..., :frames].transpose(1, 2)


class ConditionedBlock(nn.Module):
    """A residual block whose channels the conditioning scales and shifts over time [2]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.condition = nn.Conv1d(CURVES, 2 * channels, 1)
        self.point = nn.Conv2d(channels, channels, 1)
        with torch.no_grad():
            self.point.weight.mul_(0.3)

    def forward(self, x: Tensor, curves: Tensor) -> Tensor:
        scale, shift = self.condition(curves)[..., None].chunk(2, dim=1)
        branch = torch.addcmul(shift, self.norm(self.wide(x)), 1 + scale)
        return x + self.point(functional.relu(branch))


class UnetEncoder(nn.Module):
    """The way down of a U-Net [1]: at every depth half the frames and half the bands."""

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, channels[0], 3, padding=1)
        halving = (nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(channels))
        self.enter = nn.ModuleList([first, *halving])
        self.blocks = nn.ModuleList(map(ConditionedBlock, channels))

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

    def __init__(self, channels: Sequence[int], begin: Sequence[float]) -> None:
        super().__init__()
        pairs = list(pairwise(channels))
        self.doubling = nn.ModuleList(nn.ConvTranspose2d(deep, flat, 2, 2) for flat, deep in pairs)
        self.blocks = nn.ModuleList(map(ConditionedBlock, channels[:-1]))
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


class Discriminator(nn.Module):
    """Distinguishes studio mel spectrograms from those the network made of the input these curves belong to.

    It judges patches of half a second, not the whole [3].
    """

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        widths = (1, channels, 2 * channels, 3 * channels)
        self.halving = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.condition = nn.Conv1d(CURVES, channels, 2, 2)
        self.judge = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, mel: Tensor, curves: Tensor) -> list[Tensor]:
        """Judge mel spectrograms of shape (batch, frames, 80).

        Returns:
            What each layer saw, last the verdicts: towards 1 for a studio, 0 for the network.
        """
        x = log_mel(mel)[:, None].contiguous(memory_format=torch.channels_last)
        shift: Tensor | float = self.condition(curves)[..., None]
        seen = []
        for layer in self.halving:
            x = functional.leaky_relu(layer(x) + shift, 0.2)
            shift = 0.0
            seen.append(x)
        return [*seen, self.judge(x)]


def _on_grid(x: Tensor) -> Tensor:
    """Repeat the last frame until their number is one that can be halved at every depth; shape (..., frames)."""
    return functional.pad(x, (0, -x.shape[-1] % GRID), mode="replicate")


def _pyramid(curves: Tensor) -> list[Tensor]:
    """Return the curves at every depth."""
    return [functional.avg_pool1d(curves, 2**depth) for depth in range(DEPTH + 1)]
