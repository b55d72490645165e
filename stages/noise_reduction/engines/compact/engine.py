"""The compact network as an engine."""

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

MUSIC_LIMIT_DB = 4.0  # where music is kept: of what sounds like noise, some is a drum


@dataclass(frozen=True, kw_only=True)
class CompactParameters(OwnWeights):
    """The parameters of the network."""

    dereverb: float = param(0.0, "Strength of dereverberation; 0 leaves the reverberation as it is",
                            low=0.0, high=1.0)  # fmt: skip
    keep: str = param("voice", "What to keep: voices only, or music too", choices=("voice", "music"))


@dataclass(frozen=True, kw_only=True)
class CompactEngine(CompactParameters, Network, NoiseEngine):
    """The network that AURAL trained."""

    name, meaning = "compact", "a network"
    most_db = 60.0
    models: ClassVar[Mapping[str, Model]] = {
        "compact": Model(meaning="removes noise and reverberation from speech, 48 kHz", megabytes=5.6, licence="MIT")
    }
    pretrains = True

    @property
    def limit_db(self) -> float:
        return MUSIC_LIMIT_DB if self.keeps_music else self.most_db

    @property
    def keeps_music(self) -> bool:
        return self.keep == "music"

    def does_nothing(self, max_attenuation_db: float) -> bool:
        return max_attenuation_db == 0 and self.dereverb == 0

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        from aural.stages.noise_reduction.engines.compact.stream import open_compact

        return open_compact(source, self.path, max_attenuation_db, self.dereverb, self.keeps_music)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.noise_reduction.engines.compact import network, recipe

        kind = recipe.Foretelling if settings.pretrain else recipe.CompactRecipe
        return kind(settings, network.Compact(paths=settings.paths))
