"""The network of the unet engine: two U-Nets over a mel spectrogram, one against noise, one for studio sound.

The AURAL paper's dual-stage U-Net autoencoder. It predicts a gain for every mel band and frame, which is applied
to the spectrum of the input; the phase stays. Nothing is vocoded, so no word can be changed or made up, and what
noise masks entirely is not restored.

References:
    [1] Isola and others: Image-to-image translation with conditional adversarial networks. CVPR 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.dsp.decibels import db_to_power
from aural.learning.unet import UnetDecoder, UnetEncoder, on_grid, pyramid
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
GRID = 2 ** (len(CLEANING) - 1)  # frames, and bands, that become one at the bottom of the U-Net
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
        self.down = UnetEncoder(1, CLEANING, CURVES)
        self.up = UnetDecoder(CLEANING, CURVES, begin=(2.0, -2.0))
        self.pitch = nn.Conv1d(CLEANING[1] * (BANDS // 2), PITCHES + 1, 1)
        self.studio_down = UnetEncoder(2, STUDIO, CURVES)
        self.studio_up = UnetDecoder(STUDIO, CURVES, begin=(0.0,))

    def forward(self, power: Tensor) -> Restored:
        """Predict gains for spectra of any length.

        Args:
            power: squared magnitudes, shape (batch, frames, 769); windows of 32 ms every 16 ms.
        """
        with torch.no_grad():
            mel = self.bands(power) / (running_level(power)[..., None] + LEVEL_FLOOR)
            curves = self.conditioning(power, mel)
        frames = power.shape[1]
        conditions = pyramid(on_grid(curves, GRID), len(CLEANING))
        level = on_grid(log_mel(mel).transpose(1, 2), GRID)[:, None].transpose(2, 3)
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


class Discriminator(nn.Module):
    """Distinguishes studio mel spectrograms from those the network made of the input these curves belong to.

    It judges patches of half a second, not the whole [1].
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
