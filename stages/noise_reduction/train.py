"""Training of noise reduction."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.errors import ParameterError
from aural.learning.training import Recipe
from aural.parameters import param
from aural.stages.noise_reduction.clips import VoiceTraining
from aural.stages.noise_reduction.engines import ENGINES

NETWORKS = networks(ENGINES)


@dataclass(frozen=True, kw_only=True)
class NoiseReductionTraining(VoiceTraining):
    """Train a network that separates voices, or voices and music, from noise."""

    network: str = param(next(iter(NETWORKS)), "Network to train", choices=tuple(NETWORKS))
    paths: int = param(2, "Number of dual-path layers (over the bands of a frame, then over time) besides the "
                       "convolutions", low=0, high=8, when={"network": "compact"})  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pretrain and not NETWORKS[self.network].pretrains:
            able = " and ".join(name for name, network in NETWORKS.items() if network.pretrains)
            raise ParameterError(f"pretrain is for the network {able}", stage="training", parameter="pretrain")

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)
