"""Training of source separation."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.learning.training import Recipe
from aural.parameters import param
from aural.stages.source_separation.engines import ENGINES
from aural.stages.source_separation.mixing import MixedTraining

NETWORKS = networks(ENGINES)


@dataclass(frozen=True, kw_only=True)
class SeparationTraining(MixedTraining):
    """Train a network that separates a voice, spoken or sung, from everything else."""

    network: str = param(next(iter(NETWORKS)), "Network to train", choices=tuple(NETWORKS))

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)
