"""Weights for the networks, drawn by chance: no trained ones are needed to test what holds for any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from guessing import NETWORKS, guessing

from aural.learning import weights
from aural.stages.frequency_generation.engines.stochastic import network as stochastic
from aural.stages.frequency_generation.engines.unet import network as unet
from aural.stages.frequency_generation.levels.engine import LevelsEngine

NARROW: dict[ModuleType, dict[str, Any]] = {
    stochastic: {"WIDTH": 8, "NARROW": 2, "DENSE": 8},
    unet: {"CHANNELS": (4, 4, 4, 4, 4)},
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Paths of weights by network, as if they were shipped: the networks are narrow, and predict anything."""
    folder, paths = tmp_path_factory.mktemp("weights"), {}
    with pytest.MonkeyPatch.context() as patch:
        for module, sizes in NARROW.items():
            for name, value in sizes.items():
                patch.setattr(module, name, value)
        for name in NETWORKS:
            state = guessing(name, 0.5).state_dict()
            paths[name] = str(weights.save(state, folder, name, {"network": name}))
        patch.setattr(LevelsEngine, "shipped", classmethod(lambda cls: Path(paths[cls.name])))
        yield paths
