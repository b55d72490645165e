"""Training of the published networks: patches of audio, and their degraded versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from aural.degrade.codec import lossy
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.material import describe
from aural.learning.training import Recipe
from aural.stages.frequency_expansion.published.networks import Audio, Published, poorer

if TYPE_CHECKING:
    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

MARGIN = 1024  # frames to either side of a patch that are degraded with it and cut off, where filters ring
LEAST_PEAK = 1e-3  # what is quieter teaches nothing


class Patches:
    """Draws patches and their degraded versions."""

    def __init__(self, settings: FrequencyExpansionTraining, part: str) -> None:
        self.settings = settings
        self.frames = round(settings.clip_s * settings.sample_rate)
        seconds = (self.frames + 2 * MARGIN) / settings.sample_rate
        wide = [clip for clip in settings.material(part) if clip.bandwidth_hz >= 0.45 * settings.sample_rate]
        if not wide:
            raise ParameterError(
                f"no audio for {part} reaches {0.45 * settings.sample_rate:.0f} Hz", stage="training"
            )
        self.excerpts = Excerpts(wide, seconds, settings.sample_rate)

    def __call__(self, rng: np.random.Generator) -> tuple[Audio, Audio]:
        """Return a poor patch and what it ought to be."""
        wanted = np.zeros(0, np.float32)
        while not wanted.size or np.abs(wanted).max() < LEAST_PEAK:
            wanted = self.excerpts[int(rng.integers(len(self.excerpts)))]
        wanted = np.pad(wanted, (0, self.frames + 2 * MARGIN - len(wanted)))
        if self.settings.twin == "coded":
            poor = lossy(wanted, self.settings.sample_rate, rng)
        else:
            poor = poorer(wanted, self.settings.ratio)
        return poor[MARGIN:-MARGIN], wanted[MARGIN:-MARGIN]


class PublishedRecipe(Recipe):
    """The loss of the publication and its optimiser, plain Adam, and the mean absolute difference beside it."""

    settings: FrequencyExpansionTraining
    network: Published
    steepest: ClassVar[float | None] = None
    averaged: ClassVar[bool] = False

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Audio, Audio]]:
        return Patches(self.settings, part)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        poor, wanted = batch
        loss = self.network.loss(poor, wanted)
        if self.training:
            return {"loss": loss}
        return {"loss": loss, "mad": (self.network(poor).float() - wanted).abs().mean()}

    def about(self) -> Mapping[str, Any]:
        return {"material": describe(self.settings.material("train"))}

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.settings.learning_rate)

    def _rate(self, step: int) -> float:
        """Constant, then linear to nothing over the second half."""
        return min(1.0, 2 * (1 - step / self.settings.steps))
