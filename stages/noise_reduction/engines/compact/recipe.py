"""Training of the compact network: on pairs, and optionally pre-trained on audio without targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from aural.degrade import Audio
from aural.learning.losses import (
    Dullness,
    PerceptualDisturbance,
    Unintelligibility,
    deficit,
    log_spectral_db,
    rumble_db,
    sdr_db,
    spectral_distance,
    stft,
)
from aural.stages.noise_reduction.clips import VoiceClips, VoiceRecipe, VoiceTraining
from aural.stages.noise_reduction.engines.compact.network import BANDS, GROUPS, LOOK_AHEAD, Compact
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE, WINDOW, analysis, synthesis

MOST_SDR_DB = 36.0
"""A higher SDR is not rewarded."""
BELOW_VOICES = 3
"""Bins below 80 Hz."""
SILENT_SHARE = 0.02
"""Of clips with noise alone."""
WEIGHTS = {
    "spectral": 1.2, "deficit": 2.0, "log_spectral": 0.045, "dullness": 0.2, "rumble": 0.1, "sdr": 0.2,
    "disturbance": 1.7, "unintelligible": 5.0, "room": 0.5, "room_sdr": 0.1, "room_disturbance": 0.5,
}  # fmt: skip


class CompactRecipe(VoiceRecipe):
    """Losses on compressed spectra at two resolutions, log spectra, SDR, and differentiable PESQ and ESTOI.

    The spectra are those of the output audio, so that inconsistent frames are penalised. Removing the voice costs
    more than leaving noise.
    """

    network: Compact

    def __init__(self, settings: VoiceTraining, network: Compact) -> None:
        super().__init__(settings, network)
        self.disturbance = PerceptualDisturbance(SAMPLE_RATE)
        self.dullness = Dullness(SAMPLE_RATE, WINDOW)
        self.unintelligibility = Unintelligibility(SAMPLE_RATE)

    def clips(self, part: str) -> VoiceClips:
        return VoiceClips(self.settings, part, SILENT_SHARE)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        noisy, voice, dry, music = batch
        spectra = functional.pad(analysis(noisy), (0, 0, 0, LOOK_AHEAD))
        predicted, _ = self.network(spectra, self.network.begin(len(noisy)), music[:, None])
        with torch.autocast(noisy.device.type, enabled=False):
            clean = predicted.denoised()[:, LOOK_AHEAD:]
            room = predicted.room[:, LOOK_AHEAD:].float()
            return self._compare(clean, room, voice, dry, music)

    def _compare(self, clean: Tensor, room: Tensor, voice: Tensor, dry: Tensor, music: Tensor) -> dict[str, Tensor]:
        audio = synthesis(clean, voice.shape[1])
        coarse, fine = (
            [stft(x, size, size // 2) / (0.375 * size) ** 0.5 for x in (audio, voice)] for size in (512, WINDOW)
        )
        dried = clean.detach() * room  # the gain against noise learns nothing from the room
        without_room = [x / (0.5 * WINDOW) ** 0.5 for x in (dried, analysis(dry))]
        dried_audio = synthesis(dried, dry.shape[1])
        told = (voice.abs().amax(-1) > 0).to(voice.dtype)  # clips of noise alone have no voice, and no ratio
        spoken = told * (1 - music)
        parts = {
            "spectral": 5 * (spectral_distance(*coarse) + spectral_distance(*fine)).mean(),
            "deficit": 5 * (deficit(*coarse) + deficit(*fine)).mean(),
            "log_spectral": (log_spectral_db(*fine) * told).mean(),
            "dullness": (self.dullness(*fine) * told).mean(),
            "rumble": (rumble_db(fine[0], fine[1], BELOW_VOICES) * told).mean(),
            "room": 10 * spectral_distance(*without_room).mean(),
            "sdr": -(sdr_db(audio, voice).clamp(max=MOST_SDR_DB) * told).mean(),
            "disturbance": (self.disturbance(audio, voice) * spoken).mean(),
            "room_disturbance": (self.disturbance(dried_audio, dry) * spoken).mean(),
            "room_sdr": -(sdr_db(dried_audio, dry).clamp(max=MOST_SDR_DB) * told).mean(),
            "unintelligible": (self.unintelligibility(audio, voice) * spoken).mean(),
        }
        return {"loss": torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum(), **parts}


class Pretraining(VoiceRecipe):
    """Pre-trains without targets: predicts masked parts of spectra and the next frame.

    References:
        A. T. Liu and others: Mockingjay, ICASSP 2020 (hidden frames); Y.-A. Chung and others: An unsupervised
        autoregressive model for speech representation learning, Interspeech 2019 (the next frame). Here both at
        once, over the bands of the network, and frame by frame as in a stream.
    """

    network: Compact

    def __init__(self, settings: VoiceTraining, network: Compact) -> None:
        super().__init__(settings, network)
        self.network.join.requires_grad_(False)  # what makes gains has no part in this
        self.tell = torch.nn.Conv2d(self.network.norm.num_features, 2, 1)

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        draw = VoiceClips(self.settings, part)
        return lambda rng: (*draw(rng), holes(frames(draw.frames), rng))

    def losses(self, batch: Any) -> dict[str, Tensor]:
        noisy, _, _, music, shown = batch
        spectra = analysis(noisy)
        masked = functional.pad(spectra * bins(shown), (0, 0, 0, LOOK_AHEAD))
        predicted, _ = self.network(masked, self.network.begin(len(noisy)), music[:, None])
        told = self.tell(predicted.bands)[:, :, LOOK_AHEAD:].float()
        levels = band_levels(spectra / (predicted.level[:, LOOK_AHEAD:, None] + 1e-20))
        hidden = (functional.smooth_l1_loss(told[:, 0], levels, reduction="none") * (1 - shown)).sum()
        later = LOOK_AHEAD + 1
        ahead = functional.smooth_l1_loss(told[:, 1, :-later], levels[:, later:])
        parts = {"hidden": hidden / (1 - shown).sum().clamp(min=1), "next": ahead}
        return {"loss": parts["hidden"] + parts["next"], **parts}


def frames(length: int) -> int:
    """Return how many STFT frames cover so many frames of audio."""
    return length // HOP + 1


def holes(count: int, rng: np.random.Generator) -> Audio:
    """Draw what is shown of the bands: 0 in rectangles that hide about a fifth, shape (frames, bands)."""
    shown = np.ones((count, BANDS), np.float32)
    while shown.mean() > 0.8:
        frame, band = int(rng.integers(count)), int(rng.integers(BANDS))
        shown[frame : frame + int(rng.integers(3, 20)), band : band + int(rng.integers(2, 10))] = 0
    return shown


def bins(bands: Tensor) -> Tensor:
    """Spread values of bands over their bins, shape (..., bands) to (..., 769)."""
    widths = torch.tensor([width for count, width in GROUPS for _ in range(count)], device=bands.device)
    spread = torch.repeat_interleave(bands, widths, dim=-1)
    return torch.cat([spread, spread[..., -1:]], dim=-1)


def band_levels(spectra: Tensor) -> Tensor:
    """Return the mean compressed magnitude of each band, shape (batch, frames, bands)."""
    magnitude = (spectra.real.square() + spectra.imag.square() + 1e-10) ** 0.15
    levels, first = [], 0
    for count, width in GROUPS:
        span = magnitude[..., first : first + count * width]
        levels.append(span.reshape(*span.shape[:-1], count, width).mean(-1))
        first += count * width
    return torch.cat(levels, dim=-1)
