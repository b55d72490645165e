"""Other noise reducers, called as an evaluation calls a system; a module of its own, so that processes find it."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import numpy as np

from aural.learning.evaluation import Sample, System
from aural.stage import Block

RNNOISE_DELAY = 960  # frames; where the cross-correlation with the input of four voices has its peak


def noisereduce(stationary: bool, sample: Sample) -> Block:
    """Run the noisereduce library at its defaults."""
    from noisereduce import reduce_noise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides by zero where a recording is silent
        return reduce_noise(sample.heard, sample.sample_rate, stationary=stationary).astype(np.float32)


def rnnoise(sample: Sample) -> Block:
    """Run RNNoise at 48 kHz on 16-bit integers, as its binding does, and take its delay out."""
    library = _rnnoise()
    return np.stack([_rnnoise_channel(library, channel) for channel in sample.heard])


def _rnnoise_channel(library: ModuleType, audio: Block) -> Block:
    state, size = library.create(), library.FRAME_SIZE
    padded = np.pad(audio, (0, RNNOISE_DELAY + -(audio.size + RNNOISE_DELAY) % size))
    integers = np.clip(np.round(padded * 32767), -32768, 32767).astype(np.int16)
    frames = [library.process_mono_frame(state, frame)[0] for frame in integers.reshape(-1, size)]
    library.destroy(state)
    return np.concatenate(frames)[RNNOISE_DELAY:][: audio.size].astype(np.float32) / 32767


@cache
def _rnnoise() -> ModuleType:
    """Load pyrnnoise's binding alone: the rest of the package does not work with a PyAV of today."""
    package = importlib.util.find_spec("pyrnnoise")
    if package is None or not package.submodule_search_locations:
        sys.exit("RNNoise is missing: pip install pyrnnoise")
    path = Path(package.submodule_search_locations[0]) / "rnnoise.py"
    spec = importlib.util.spec_from_file_location("rnnoise", path)
    assert spec
    assert spec.loader
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


PEERS: Mapping[str, System] = {
    "RNNoise": rnnoise,
    "noisereduce, non-stationary": partial(noisereduce, False),
    "noisereduce, stationary": partial(noisereduce, True),
}
