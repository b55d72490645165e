"""Training of the content network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from torch.nn import functional

from aural.errors import ParameterError
from aural.learning.material import describe, find
from aural.learning.training import Recipe, Training
from aural.measure.content.network import CLASSES, ContentNetwork
from aural.measure.content.scenes import MARGIN_S, Drawn, Scenes
from aural.parameters import param


@dataclass(frozen=True, kw_only=True)
class SceneTraining(Training):
    """The settings of a training on scenes that are made once, from folders that must all be given."""

    folders: ClassVar[tuple[str, ...]]
    scenes: int = param(6000, "Number of different scenes; each is made once, kept in the cache and used in many "
                        "clips", low=1)  # fmt: skip
    batch: int = param(32, "Scenes in a batch", low=1)
    learning_rate: float = param(2e-3, "Peak learning rate: 100 steps of warm-up, cosine decay over the last three "
                                 "quarters", low=0.0, high=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.folders:
            if not getattr(self, name):
                raise ParameterError(f"{name} must name a folder of audio", stage="training", parameter=name)


@dataclass(frozen=True, kw_only=True)
class ContentTraining(SceneTraining):
    """Train the network that distinguishes speech, music, both and neither."""

    folders = ("speech", "music", "noise", "ir")
    network: str = param("content", "Network to train", choices=("content",))
    speech: str = param("", "Folder of voices")
    music: str = param("", "Folder of music; what its manifest calls vocals is unaccompanied singing")
    noise: str = param("", "Folder of noises")
    ir: str = param("", "Folder of room impulse responses")
    singing: float = param(
        0.25, "Fraction of music that is unaccompanied singing, where there is any", low=0.0, high=1.0
    )
    clip_s: float = param(12.0, "Length of a scene, in whole seconds", unit="s", low=4.0, high=60.0)

    def recipe(self) -> Recipe:
        return ContentRecipe(self, ContentNetwork())


class ContentRecipe(Recipe):
    """Cross entropy of speech and of music in each second where they are known."""

    settings: ContentTraining
    network: ContentNetwork
    warm_up = 100

    def clips(self, part: str) -> Callable[[np.random.Generator], Drawn]:
        return Scenes(self.settings, part)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        bands, truth, known = batch
        odds = self.network(bands)[:, MARGIN_S:-MARGIN_S]
        each = functional.binary_cross_entropy_with_logits(odds, truth, reduction="none")
        loss = (each * known).sum() / known.sum().clamp(min=1)
        right = ((odds > 0) == (truth > 0.5)) * known
        shares = right.sum(dim=(0, 1)) / known.sum(dim=(0, 1)).clamp(min=1)
        return {"loss": loss, **dict(zip((f"{name}_right" for name in CLASSES), shares, strict=True))}

    def about(self) -> Mapping[str, Any]:
        kinds = ("speech", "music", "noise", "ir")
        return {kind: describe(find(getattr(self.settings, kind), kind, "train")) for kind in kinds}
