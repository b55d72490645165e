"""The U-Net as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aural.engine import Model
from aural.stages.frequency_generation.levels.engine import LevelsEngine

if TYPE_CHECKING:
    from aural.stages.frequency_generation.engines.unet.network import LevelsUnet


@dataclass(frozen=True, kw_only=True)
class LevelsUnetEngine(LevelsEngine):
    """The second stage of the U-Net of AURAL's first paper, for codecs."""

    name, meaning = "unet", "a U-Net that predicts the levels of bands"
    models: ClassVar[Mapping[str, Model]] = {
        "unet": Model(meaning="levels of what a codec removed, by a U-Net", megabytes=1.6, licence="MIT")
    }

    @classmethod
    def network(cls) -> LevelsUnet:
        from aural.stages.frequency_generation.engines.unet.network import LevelsUnet

        return LevelsUnet()
