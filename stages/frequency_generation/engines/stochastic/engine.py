"""The network and its twin as engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.engine import Model, Network
from aural.signals import Format
from aural.stages.frequency_generation.engine import Damage, GenerationEngine, SeedParameters
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe


@dataclass(frozen=True, kw_only=True)
class LevelsEngine(SeedParameters, Network, GenerationEngine):
    """A network that predicts the level of every bin, and noise at these levels."""

    phasors: ClassVar[int]
    """Of the noise z in each frame."""

    def stream(self, source: Format, damage: Damage) -> Stream:
        from aural.stages.frequency_generation.engines.stochastic.stream import open_levels

        return open_levels(source, damage, self.path, self.phasors, self.seed)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.frequency_generation.engines.stochastic import network, recipe

        return recipe.LevelsRecipe(settings, network.BinLevels(cls.phasors))


@dataclass(frozen=True, kw_only=True)
class StochasticEngine(LevelsEngine):
    """Another seed gives other levels and another noise."""

    name, meaning = "stochastic", "a network that predicts the level of every bin, other levels for other seeds"
    phasors = 8
    models: ClassVar[Mapping[str, Model]] = {
        "stochastic": Model(meaning="levels of what a codec removed", megabytes=2.6, licence="MIT")
    }


@dataclass(frozen=True, kw_only=True)
class DeterministicEngine(LevelsEngine):
    """The twin that always gives the same levels; another seed gives another noise."""

    name, meaning = "deterministic", "its twin, which gives the same levels for all seeds"
    phasors = 0
    models: ClassVar[Mapping[str, Model]] = {
        "deterministic": Model(meaning="the same levels for all seeds", megabytes=2.6, licence="MIT")
    }
