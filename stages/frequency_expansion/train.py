"""How the published networks learn: patches of audio, and their poor twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from aural.degrade.codec import lossy
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.material import Clip, describe, find
from aural.learning.training import Recipe, Training
from aural.parameters import param
from aural.stages.frequency_expansion.fullband import Fullband
from aural.stages.frequency_expansion.fullband_recipe import FullbandRecipe
from aural.stages.frequency_expansion.published import (
    KINDS,
    NETWORKS,
    RATIOS,
    TWINS,
    Audio,
    Published,
    network,
    poorer,
)

PUBLISHED = (4, TWINS[0], 16000, None)
MARGIN = 1024  # frames to either side of a patch that are degraded with it and cut off, where filters ring
LEAST_PEAK = 1e-3  # what is quieter teaches nothing


@dataclass(frozen=True, kw_only=True)
class FrequencyExpansionTraining(Training):
    """Train a network to bring back what a lower sample rate, a filter or a codec has taken away.

    Raises:
        ParameterError: besides ranges, there is no folder of audio, or a network is asked for what it was not made
            for.
    """

    network: str = param("audiounet", "Which network: one of the published ones, or fullband, which continues any "
                         "spectrum at 48 kHz", choices=(*NETWORKS, "fullband"))  # fmt: skip
    ratio: int = param(4, "How many times lower the sample rate of the poor twin is: 2, 4 or 6", low=2, high=6)
    twin: str = param("decimated", "What makes the poor twin: a lower sample rate, or a lossy codec",
                      choices=TWINS)  # fmt: skip
    sample_rate: int = param(16000, "Sample rate of the audio", unit="Hz", low=8000, high=48000)
    width: int | None = param(None, "Most filters, or units, of a layer; if not given, as published",
                              low=8, high=4096, examples=(64,))  # fmt: skip
    speech: str | None = param(None, "Folder of voices")
    music: str | None = param(None, "Folder of music")
    batch: int = param(64, "Patches in a batch", low=1)
    clip_s: float = param(0.375, "Length of a patch; the default is 6000 frames at 16 kHz", unit="s",
                          low=0.02, high=60.0)  # fmt: skip
    learning_rate: float = param(1e-4, "Learning rate; it falls linearly over the second half", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.speech or self.music):
            raise ParameterError("training: --speech or --music must name a folder of audio")
        if self.pretrain:
            raise ParameterError("training: these networks are not pre-trained")
        if self.ratio not in RATIOS:
            raise ParameterError(f"training: ratio must be 2, 4 or 6, got {self.ratio}")
        if self.network == "fullband" and (self.ratio, self.twin, self.sample_rate, self.width) != PUBLISHED:
            raise ParameterError("training: ratio, twin, sample_rate and width are for the published networks")
        if self.network == "dnn" and (self.twin == "coded" or self.ratio == 6):
            raise ParameterError("training: the network dnn is for decimated twins of ratio 2 or 4")

    def recipe(self) -> Recipe:
        if self.network == "fullband":
            return FullbandRecipe(self, Fullband())
        return PublishedRecipe(self, network(self.network, self.ratio, self.width))

    def material(self, part: str) -> list[Clip]:
        """List the clips on one side of the split."""
        folders = ((kind, getattr(self, kind)) for kind in KINDS)
        return [clip for kind, folder in folders if folder for clip in find(folder, kind, part)]


class Patches:
    """Draws patches and their poor twins."""

    def __init__(self, settings: FrequencyExpansionTraining, part: str) -> None:
        self.settings = settings
        self.frames = round(settings.clip_s * settings.sample_rate)
        seconds = (self.frames + 2 * MARGIN) / settings.sample_rate
        wide = [clip for clip in settings.material(part) if clip.bandwidth_hz >= 0.45 * settings.sample_rate]
        if not wide:
            raise ParameterError(f"training: no audio for {part} reaches {0.45 * settings.sample_rate:.0f} Hz")
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
