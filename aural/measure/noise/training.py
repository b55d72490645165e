"""Training of the noise network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aural.learning.training import Recipe
from aural.measure.noise.network import noise_network
from aural.measure.noise.scenes import Drawn, NoiseScenes
from aural.measure.room.scenes import MARGIN_S
from aural.measure.room.training import RoomRecipe, RoomTraining
from aural.parameters import param


@dataclass(frozen=True, kw_only=True)
class NoiseTraining(RoomTraining):
    """Train the network that estimates how loud the noise behind a voice is, second by second."""

    network: str = param("noise", "Network to train", choices=("noise",))

    def recipe(self) -> Recipe:
        return NoiseRecipe(self, noise_network())


class NoiseRecipe(RoomRecipe):
    """The negative log likelihood of the level in each second, normal with a standard deviation that is predicted."""

    def clips(self, part: str) -> Callable[[np.random.Generator], Drawn]:  # type: ignore[override]
        return NoiseScenes(self.settings, part)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        bands, truth, known = batch
        level, spread = self.network(bands)[:, MARGIN_S:-MARGIN_S].unbind(-1)
        spread = spread.clamp(min=-3)
        error = level - truth
        likely = 0.5 * (error * torch.exp(-spread)).square() + spread
        count = known.sum().clamp(min=1)
        return {"loss": (likely * known).sum() / count, "off_db": 10 * (error.abs() * known).sum() / count}
