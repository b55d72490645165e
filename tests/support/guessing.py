"""Networks of frequency generation whose weights are drawn by chance: what holds for them holds for any."""

from __future__ import annotations

import torch

from aural.stages.frequency_generation.engines import ENGINES
from aural.stages.frequency_generation.levels.engine import LevelsEngine
from aural.stages.frequency_generation.levels.network import LevelsNetwork

NETWORKS = {engine.name: engine for engine in ENGINES if issubclass(engine, LevelsEngine)}


def guessing(name: str, spread: float) -> LevelsNetwork:
    """Make the network of an engine; the weights of its last layer, which are small before training, are so large."""
    torch.manual_seed(0)
    network = NETWORKS[name].network().eval()
    last = list(network.modules())[-1]
    assert isinstance(last, torch.nn.Linear | torch.nn.Conv2d)
    torch.nn.init.normal_(last.weight, std=spread)
    return network
