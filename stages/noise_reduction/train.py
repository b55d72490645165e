"""Training of noise reduction."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.learning.training import Recipe
from aural.parameters import param
from aural.stages.noise_reduction.clips import VoiceTraining
from aural.stages.noise_reduction.engines import ENGINES

NETWORKS = networks(ENGINES)
PRETRAINED = tuple(name for name, network in NETWORKS.items() if network.pretrains)


@dataclass(frozen=True, kw_only=True)
class NoiseReductionTraining(VoiceTraining):
    """Train a network that separates voices, or voices and music, from noise."""

    network: str = param(next(iter(NETWORKS)), "Network to train", choices=tuple(NETWORKS))
    paths: int = param(2, "Number of dual-path layers (over the bands of a frame, then over time) besides the "
                       "convolutions", low=0, high=8, when={"network": "compact"})  # fmt: skip

    pretrain: bool = param(False, "Pre-train without targets: predict masked parts of spectra and the next frame; "
                           "then train with the result as init", when={"network": PRETRAINED})  # fmt: skip

    @property
    def result(self) -> str:
        return f"{self.network}-pretrained" if self.pretrain else self.network

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)
