"""Training of frequency generation."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.errors import ParameterError
from aural.learning.material import Clip, find
from aural.learning.training import Recipe, Training
from aural.parameters import param
from aural.stages.frequency_generation.engines import ENGINES

NETWORKS = networks(ENGINES)
KINDS = ("speech", "music")


@dataclass(frozen=True, kw_only=True)
class FrequencyGenerationTraining(Training):
    """Train a network to restore what a codec removed: MP3, AAC and Opus at low and middle bit rates.

    Raises:
        ParameterError: besides ranges, there is no folder of audio.
    """

    network: str = param("stochastic", "Network to train", choices=tuple(NETWORKS))
    speech: tuple[str, ...] = param((), "Folder of voices; may be given several times")
    music: tuple[str, ...] = param((), "Folder of music; may be given several times")
    pool: int = param(900, "Excerpts of 10 s, mixed, coded and kept in the cache, that clips are drawn from",
                      low=1, high=10**6)  # fmt: skip
    batch: int = param(6, "Clips in a batch", low=1, high=4096)
    clip_s: float = param(2.0, "Length of a clip", unit="s", low=0.5, high=10.0)
    learning_rate: float = param(2e-3, "Peak learning rate: 300 steps of warm-up, cosine decay over the last "
                                 "three quarters", low=0.0, high=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.speech or self.music):
            raise ParameterError("speech or music must name a folder of audio", stage="training")
        if self.pretrain:
            raise ParameterError("these networks are not pre-trained", stage="training")

    def recipe(self) -> Recipe:
        return NETWORKS[self.network].recipe(self)

    def folders(self, part: str) -> list[list[Clip]]:
        """List the clips of each folder on one side of the split."""
        return [find(folder, kind, part) for kind in KINDS for folder in getattr(self, kind)]
