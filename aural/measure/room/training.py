"""Training of the room network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aural.learning.material import describe, find
from aural.learning.training import Recipe
from aural.measure.content.training import SceneTraining
from aural.measure.room.network import RoomNetwork, joined
from aural.measure.room.scenes import MARGIN_S, Drawn, RoomScenes
from aural.parameters import param


@dataclass(frozen=True, kw_only=True)
class RoomTraining(SceneTraining):
    """Train the network that estimates the reverberation of the room in which a voice was recorded."""

    folders = ("speech", "noise", "ir")
    network: str = param("room", "Network to train", choices=("room",))
    speech: tuple[str, ...] = param((), "Folder of voices; may be given several times")
    noise: str = param("", "Folder of noises")
    ir: str = param("", "Folder of room impulse responses; other rooms are made")
    clip_s: float = param(8.0, "Length of a scene, in whole seconds", unit="s", low=4.0, high=60.0)

    def recipe(self) -> Recipe:
        return RoomRecipe(self, RoomNetwork())


class RoomRecipe(Recipe):
    """The negative log likelihood of decay and ratio, each normal with a standard deviation that is predicted."""

    settings: RoomTraining
    network: RoomNetwork
    warm_up = 100

    def clips(self, part: str) -> Callable[[np.random.Generator], Drawn]:
        return RoomScenes(self.settings, part)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        bands, truth = batch
        found = joined(self.network(bands)[:, MARGIN_S:-MARGIN_S])
        decay, ratio = (found[:, 2 * n] - truth[:, n] for n in range(2))
        errors, known = torch.stack([decay, ratio], dim=1), torch.stack([truth[:, 2], torch.ones_like(ratio)], dim=1)
        spread = found[:, 1::2].clamp(min=-3)
        likely = 0.5 * (errors * torch.exp(-spread)).square() + spread
        each = (likely * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)
        off = (errors.abs() * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)
        return {"loss": each.sum(), "decay_octaves": off[0], "ratio_db": 10 * off[1]}

    def about(self) -> Mapping[str, Any]:
        clips = {"speech": [clip for folder in self.settings.speech for clip in find(folder, "speech", "train")]}
        clips |= {kind: find(getattr(self.settings, kind), kind, "train") for kind in ("noise", "ir")}
        return {kind: describe(found) for kind, found in clips.items()}
