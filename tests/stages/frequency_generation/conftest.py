"""Weights for the networks, drawn by chance: no trained ones are needed to test what holds for any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from aural.learning import weights
from aural.stages.frequency_generation.engines import ENGINES
from aural.stages.frequency_generation.engines.stochastic import network
from aural.stages.frequency_generation.engines.stochastic.engine import LevelsEngine


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Paths of weights by network, as if they were shipped: the networks are narrow, and predict anything."""
    folder, paths = tmp_path_factory.mktemp("weights"), {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"WIDTH": 8, "NARROW": 2, "DENSE": 8}.items():
            patch.setattr(network, name, value)
        for engine in ENGINES:
            if issubclass(engine, LevelsEngine):
                torch.manual_seed(0)
                made = network.BinLevels(engine.phasors)
                torch.nn.init.normal_(made.leave.weight, std=0.5)
                about = {"network": engine.name}
                paths[engine.name] = str(weights.save(made.state_dict(), folder, engine.name, about))
        patch.setattr(LevelsEngine, "shipped", classmethod(lambda cls: Path(paths[cls.name])))
        yield paths
