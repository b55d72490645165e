"""Training of frequency generation."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.learning.training import Recipe, VoicesAndMusic
from aural.parameters import param
from aural.stages.frequency_generation.engines import ENGINES

NETWORKS = networks(ENGINES)


@dataclass(frozen=True, kw_only=True)
class FrequencyGenerationTraining(VoicesAndMusic):
    """Train a network to restore what a codec removed: MP3, AAC and Opus at low and middle bit rates.

    Raises:
        ParameterError: besides ranges, there is no folder of audio.
    """

    network: str = param("stochastic", "Network to train", choices=tuple(NETWORKS))
    pool: int = param(900, "Excerpts of 10 s, mixed, coded and kept in the cache, that clips are drawn from",
                      low=1, high=10**6)  # fmt: skip
    batch: int = param(6, "Clips in a batch", low=1, high=4096)
    clip_s: float = param(2.0, "Length of a clip", unit="s", low=0.5, high=10.0)
    learning_rate: float = param(2e-3, "Peak learning rate: 300 steps of warm-up, cosine decay over the last "
                                 "three quarters", low=0.0, high=1.0)  # fmt: skip

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)
