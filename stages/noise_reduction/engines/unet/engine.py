"""The unet as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.engine import Model, Network, OwnWeights
from aural.parameters import param
from aural.signals import Format
from aural.stages.noise_reduction.engine import NoiseEngine
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe


@dataclass(frozen=True, kw_only=True)
class UnetParameters(OwnWeights):
    """The parameters of the network."""

    studio: float = param(0.5, "Strength of the second stage, which gives a voice a studio sound",
                          low=0.0, high=1.0)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class UnetEngine(UnetParameters, Network, NoiseEngine):
    """The dual-stage U-Net of AURAL's first paper."""

    name, meaning = "unet", "a two-stage U-Net that also gives a voice a studio sound"
    default_limit_db = 60.0
    models: ClassVar[Mapping[str, Model]] = {
        "unet": Model(meaning="removes noise from speech and adds studio sound, 48 kHz", megabytes=3.7, licence="MIT")
    }

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        from aural.stages.noise_reduction.engines.unet.stream import open_unet

        return open_unet(source, self.path, max_attenuation_db, self.studio)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.noise_reduction.engines.unet import network, recipe

        return recipe.UnetRecipe(settings, network.Unet())
