"""Training of the voice network: random mixtures of a voice and the rest, and songs whose stems are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from aural.learning.losses import PerceptualDisturbance, spectral_distance
from aural.learning.material import describe
from aural.learning.stems import songs
from aural.learning.training import Recipe
from aural.stages.source_separation.engines.voice.network import (
    AHEAD,
    SAMPLE_RATE,
    WINDOW,
    Voice,
    analysis,
    synthesis,
)
from aural.stages.source_separation.mixing import MixedTraining, Mixing, rests, voices

WEIGHTS = {"voice": 5.0, "rest": 5.0, "linear": 1.0, "error_db": 0.1, "disturbance": 0.15}
LEAST_ERROR = 1e-3
"""Of the power of the mixture: what is less is as good as nothing."""


class SeparationRecipe(Recipe):
    """Losses on compressed and linear spectra, on the error power in the mixture, and a differentiable PESQ.

    The linear errors of voice and rest are equal, so there is one term for both. Linear spectra
    alone leave the soft parts of a voice out; compressed ones alone leave much of the power where it does not belong.
    """

    warm_up = 50
    network: Voice
    settings: MixedTraining

    def __init__(self, settings: MixedTraining, network: Voice) -> None:
        super().__init__(settings, network)
        self.disturbance = PerceptualDisturbance(SAMPLE_RATE)

    def clips(self, part: str) -> Mixing:
        return Mixing(self.settings, part)

    def about(self) -> Mapping[str, Any]:
        around = [clip for folder in self.settings.rest for clip in rests(folder, "train")]
        sung = [
            clip for folder in self.settings.stems for song in songs(folder, "train") for clip in song.stems.values()
        ]
        return {"voice": describe(voices(self.settings, "train")), "rest": describe(around), "stems": describe(sung)}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        mixture, voice = batch
        spectra = analysis(mixture)
        found, _ = self.network(functional.pad(spectra, (0, 0, 0, AHEAD)), self.network.begin(len(mixture)))
        with torch.autocast(mixture.device.type, enabled=False):
            found = found[:, :, AHEAD:]
            scale = (0.5 * WINDOW) ** -0.5
            heard, wanted, made = (scale * x.flatten(0, 1) for x in (spectra, analysis(voice), found))
            audio = synthesis(found, mixture.shape[-1])
            there = (voice.abs().amax((1, 2)) > 0).to(voice.dtype)
            error = (audio - voice).square().sum((1, 2))
            share = error / mixture.square().sum((1, 2)).clamp(min=1e-9)
            parts = {
                "voice": spectral_distance(made, wanted).mean(),
                "rest": spectral_distance(heard - made, heard - wanted).mean(),
                "linear": (made - wanted).abs().mean() / heard.abs().mean(),
                "error_db": 10 * torch.log10(share + LEAST_ERROR).mean(),
                "disturbance": (self.disturbance(audio.mean(1), voice.mean(1)) * there).mean(),
            }
        return {"loss": torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum(), **parts}
