"""Folders of audio to learn from, made on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile


def fill(folder: Path, files: Mapping[str, float], sample_rate: int = 48000, seed: int = 0) -> Path:
    """Write noise of so many seconds to each name (.wav is added); return the folder."""
    rng = np.random.default_rng(seed)
    for name, seconds in files.items():
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * sample_rate)), sample_rate)
    return folder
