"""Training of source separation."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.errors import ParameterError
from aural.learning.training import Recipe
from aural.parameters import param
from aural.stages.source_separation.engines import ENGINES
from aural.stages.source_separation.mixing import MixedTraining

NETWORKS = networks(ENGINES)


@dataclass(frozen=True, kw_only=True)
class SeparationTraining(MixedTraining):
    """Train a network that separates a voice, spoken or sung, from everything else."""

    network: str = param(next(iter(NETWORKS)), "Network to train", choices=tuple(NETWORKS))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pretrain:
            raise ParameterError(
                "no network of source separation is pre-trained; leave out pretrain", stage="training"
            )

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)
