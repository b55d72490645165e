"""Training of noise reduction."""

from __future__ import annotations

from dataclasses import dataclass

from aural.errors import ParameterError
from aural.learning.training import Recipe
from aural.parameters import param
from aural.stages.noise_reduction.compact import Compact
from aural.stages.noise_reduction.compact_recipe import CompactRecipe, Foretelling
from aural.stages.noise_reduction.mixing import MixedTraining
from aural.stages.noise_reduction.unet import Unet
from aural.stages.noise_reduction.unet_recipe import UnetRecipe


@dataclass(frozen=True, kw_only=True)
class NoiseReductionTraining(MixedTraining):
    """Train a network that tells voices, or voices and music, from noise."""

    network: str = param("compact", "Which network", choices=("compact", "unet"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pretrain and self.network != "compact":
            raise ParameterError("training: --pretrain is for the network compact")

    def recipe(self) -> Recipe:
        if self.network == "unet":
            return UnetRecipe(self, Unet())
        return (Foretelling if self.pretrain else CompactRecipe)(self, Compact())
