"""Where the recordings of the benchmarks lie, and the songs that no network was trained on."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural.learning.material import find, read

CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parent.parent.parent / "shared" / "audio"))


def songs(sample_rate: int, seconds: float) -> Iterator[tuple[str, NDArray[np.float32], float]]:
    """Mix the stems of each excerpt: its name, the mix with peaks at -6 dBFS, and the power of its rounding noise
    against that of one file of 16 bits."""
    folders = defaultdict(list)
    for clip in find(CORPUS / "stems", "music"):
        folders[clip.path.parent].append(clip)
    for folder, stems in folders.items():
        mix = np.sum([read(clip, sample_rate)[: round(seconds * sample_rate)] for clip in stems], axis=0)
        gain = 0.5 / np.abs(mix).max()
        yield folder.name, np.asarray(gain * mix, np.float32), float(len(stems) * gain**2)
