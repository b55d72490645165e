"""One channel of a voice and of noise at 48 kHz, for tests of metrics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.testing import probe

Audio = NDArray[np.float32]
RATE = 48000


def white(seed: int = 0, frames: int = 2 * RATE) -> Audio:
    return np.random.default_rng(seed).standard_normal(frames).astype(np.float32)


def voice() -> Audio:
    return probe("voice", 3.0, 1)[0]
