"""The network and its twin as engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aural.engine import Model
from aural.stages.frequency_generation.levels.engine import LevelsEngine

if TYPE_CHECKING:
    from aural.stages.frequency_generation.engines.stochastic.network import BinLevels


@dataclass(frozen=True, kw_only=True)
class StochasticEngine(LevelsEngine):
    """Another seed gives other levels and another noise."""

    name, meaning = "stochastic", "a network that predicts the level of every bin, other levels for other seeds"
    models: ClassVar[Mapping[str, Model]] = {
        "stochastic": Model(meaning="levels of what a codec removed", megabytes=2.6, licence="MIT")
    }

    @classmethod
    def network(cls) -> BinLevels:
        from aural.stages.frequency_generation.engines.stochastic.network import BinLevels
        from aural.stages.frequency_generation.levels.network import PHASORS

        return BinLevels(PHASORS)


@dataclass(frozen=True, kw_only=True)
class DeterministicEngine(LevelsEngine):
    """The twin that always gives the same levels; another seed gives another noise."""

    name, meaning = "deterministic", "its twin, which gives the same levels for all seeds"
    models: ClassVar[Mapping[str, Model]] = {
        "deterministic": Model(meaning="the same levels for all seeds", megabytes=2.6, licence="MIT")
    }

    @classmethod
    def network(cls) -> BinLevels:
        from aural.stages.frequency_generation.engines.stochastic.network import BinLevels

        return BinLevels(0)
