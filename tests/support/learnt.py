"""What a short training does to a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from aural.learning import weights
from aural.learning.run import fit
from aural.testing import probe

SAMPLE_RATE = 48000


def voices(folder: Path) -> Path:
    """Write three short voices to a folder, each of another person by its name."""
    folder.mkdir()
    for number, name in enumerate("abc", 1):
        soundfile.write(folder / f"{name}.wav", probe("voice", 2.0, 1)[0] * number / 3, SAMPLE_RATE)
    return folder


def losses(settings: Any, folder: Path, name: str, clips: int) -> tuple[float, float]:
    """Train, and return a loss on clips of the validation part: with the first weights of a recipe, and the last."""
    path = fit(settings, folder)
    assert path
    recipe = settings.recipe()
    draw = recipe.clips("validation")
    batch = torch.utils.data.default_collate([draw(np.random.default_rng(n)) for n in range(clips)])
    torch.manual_seed(0)

    def loss() -> float:
        with torch.no_grad():
            return float(recipe.losses(batch)[name])

    before = loss()
    recipe.network.load_state_dict(weights.load(path)[0])
    return before, loss()
