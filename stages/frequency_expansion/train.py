"""Training of frequency expansion."""

from __future__ import annotations

from dataclasses import dataclass

from aural.engine import networks
from aural.errors import ParameterError
from aural.learning.material import Clip
from aural.learning.training import Recipe, VoicesAndMusic
from aural.parameters import param
from aural.stages.frequency_expansion.engines import ENGINES
from aural.stages.frequency_expansion.published.networks import NETWORKS, RATIOS, TWINS, network
from aural.stages.frequency_expansion.published.recipe import PublishedRecipe

OWN = networks(ENGINES)


@dataclass(frozen=True, kw_only=True)
class FrequencyExpansionTraining(VoicesAndMusic):
    """Train a network to restore what a lower sample rate, a filter or a codec removed.

    Raises:
        ParameterError: besides ranges, there is no folder of audio, or a network is asked for what it was not made
            for.
    """

    network: str = param("audiounet", "Network to train: a published one, or that of an engine",
                         choices=(*NETWORKS, *OWN))  # fmt: skip
    ratio: int = param(4, "Decimation ratio of the degraded version: 2, 4 or 6", low=2, high=6,
                       when={"network": NETWORKS})  # fmt: skip
    twin: str = param("decimated", "How the degraded version is made: by decimation, or by a lossy codec",
                      choices=TWINS, when={"network": NETWORKS})  # fmt: skip
    sample_rate: int = param(16000, "Sample rate of the audio", unit="Hz", low=8000, high=48000,
                             when={"network": NETWORKS})  # fmt: skip
    width: int | None = param(None, "Maximum number of filters or units in a layer; if not given, as published",
                              low=8, high=4096, examples=(64,), when={"network": NETWORKS})  # fmt: skip
    batch: int = param(64, "Patches in a batch", low=1)
    clip_s: float = param(0.375, "Length of a patch; the default is 6000 frames at 16 kHz", unit="s",
                          low=0.02, high=60.0)  # fmt: skip
    learning_rate: float = param(1e-4, "Peak learning rate. Published networks: linear decay over the second half; "
                                 "others: 300 steps of warm-up, cosine decay over the last three quarters",
                                 low=0.0, high=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio not in RATIOS:
            raise ParameterError(f"ratio must be 2, 4 or 6, got {self.ratio}", stage="training", parameter="ratio")
        if self.network == "dnn" and (self.twin == "coded" or self.ratio == 6):
            raise ParameterError("the network dnn is for decimated twins of ratio 2 or 4", stage="training")

    def recipe(self) -> Recipe:
        if self.network in OWN:
            return OWN[self.network].recipe(self)
        return PublishedRecipe(self, network(self.network, self.ratio, self.width))

    def material(self, part: str) -> list[Clip]:
        """List the clips on one side of the split."""
        return [clip for clips in self.folders(part) for clip in clips]
