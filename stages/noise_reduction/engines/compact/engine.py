"""The compact network as an engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.dsp.passages import paired
from aural.engine import Model, Network, OwnWeights
from aural.parameters import param
from aural.signals import Format
from aural.stages.noise_reduction.engine import NAME, NoiseEngine
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe

MUSIC_LIMIT_DB = 4.0  # limit where music is kept: drums look like noise


@dataclass(frozen=True, kw_only=True)
class CompactParameters(OwnWeights):
    """The parameters of the network."""

    dereverb: float = param(0.0, "Strength of dereverberation: 0 is off; up to 0.5, late reverberation is "
                            "predicted and subtracted; above 0.5, the network attenuates the rest too",
                            low=0.0, high=1.0)  # fmt: skip
    keep: str = param("voice", "What to keep: voices only, or music too", choices=("voice", "music"))
    music_s: tuple[float, ...] = param((), "Passages in which music is kept too: beginning and end of each",
                                       unit="s", low=0.0, high=1e6, when={"keep": "voice"},
                                       examples=((0.0, 0.2),))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CompactEngine(CompactParameters, Network, NoiseEngine):
    """The network that AURAL trained.

    Raises:
        ParameterError: a passage of music ends before it begins, or begins before the last one ends.
    """

    name, meaning = "compact", "a network trained for AURAL"
    default_limit_db = 60.0
    models: ClassVar[Mapping[str, Model]] = {
        "compact": Model(meaning="removes noise and reverberation from speech, 48 kHz", megabytes=6.1, licence="MIT")
    }
    pretrains = True

    def __post_init__(self) -> None:
        paired(self.music_s, NAME, "music_s")

    @property
    def limit_db(self) -> float:
        return MUSIC_LIMIT_DB if self.keeps_music else self.default_limit_db

    @property
    def keeps_music(self) -> bool:
        return self.keep == "music"

    @property
    def meets_music(self) -> bool:
        return self.keeps_music or bool(self.music_s)

    def does_nothing(self, max_attenuation_db: float) -> bool:
        return max_attenuation_db == 0 and self.dereverb == 0

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        from aural.stages.noise_reduction.engines.compact.stream import Effort, open_compact

        voices = Effort(max_attenuation_db, self.dereverb)
        if self.keeps_music:
            return open_compact(source, self.path, voices, voices, [(-math.inf, math.inf)])
        passages = paired(self.music_s, NAME, "music_s")
        music = Effort(min(max_attenuation_db, MUSIC_LIMIT_DB), dereverb=0.0)
        return open_compact(source, self.path, voices, music, passages)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.noise_reduction.engines.compact import network, recipe

        kind = recipe.Pretraining if settings.pretrain else recipe.CompactRecipe
        return kind(settings, network.Compact(paths=settings.paths))
