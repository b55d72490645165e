"""Noise and continued partials as an engine."""

from __future__ import annotations

from dataclasses import dataclass

from aural.parameters import param
from aural.signals import Format
from aural.stages.frequency_generation.engine import Damage, GenerationEngine, SeedParameters
from aural.stream import Stream


@dataclass(frozen=True, kw_only=True)
class SubstitutionParameters(SeedParameters):
    """The parameters of the classical engine."""

    tonality: float = param(0.7, "Proportion of continued partials, where the surroundings are tonal; the rest is "
                            "noise", low=0.0, high=1.0)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SubstitutionEngine(SubstitutionParameters, GenerationEngine):
    """Noise and continued partials at the level of their surroundings."""

    name, meaning = "classical", "noise and continued partials at the level of their surroundings"

    def stream(self, source: Format, damage: Damage) -> Stream:
        from aural.stages.frequency_generation.engines.classical.stream import ClassicalStream

        return ClassicalStream(source, damage, self.tonality, self.seed)
