"""A network that predicts levels as an engine."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aural.engine import Network
from aural.signals import Format
from aural.stages.frequency_generation.engine import Damage, GenerationEngine, SeedParameters
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe
    from aural.stages.frequency_generation.levels.network import LevelsNetwork


@dataclass(frozen=True, kw_only=True)
class LevelsEngine(SeedParameters, Network, GenerationEngine):
    """A network that predicts the level of every bin, and noise at these levels."""

    @classmethod
    @abstractmethod
    def network(cls) -> LevelsNetwork:
        """Make the network, before any training."""

    def stream(self, source: Format, damage: Damage) -> Stream:
        from aural.stages.frequency_generation.levels.stream import open_levels

        return open_levels(source, damage, self.path, type(self).network, self.seed)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.frequency_generation.levels.recipe import LevelsRecipe

        return LevelsRecipe(settings, cls.network())
