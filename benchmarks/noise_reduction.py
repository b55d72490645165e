"""Noise reduction beside its peers: quality on voices and noises that training never heard, and speed.

python benchmarks/noise_reduction.py            both
python benchmarks/noise_reduction.py speed      needs no recordings
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from report import side_by_side, table, write

from aural.learning.evaluation import Sample, System
from aural.stage import Block
from aural.stages.noise_reduction.evaluate import SAMPLE_RATE, Evaluation

CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parent.parent.parent / "shared" / "audio"))
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


@dataclass(frozen=True, kw_only=True)
class Beside(Evaluation):
    """The evaluation of the stage, with its peers."""

    def systems(self) -> Mapping[str, System]:
        return {**super().systems(), **PEERS}


BESIDE = Beside(speech=str(CORPUS / "speech"), noise=str(CORPUS / "noise"))


def quality() -> None:
    """Write the tables of scores."""
    report = BESIDE.run(jobs=os.cpu_count() or 1)
    if report.errors:
        sys.exit("\n".join(report.errors))
    write("Noise reduction: quality", "noise_reduction.py", report.markdown().partition("\n\n")[2])


def speed(seconds: int = 30) -> None:
    """Write the table of times for a whole-signal call on one channel."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    swell = np.clip(np.sin(2 * np.pi * 3 * np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE), 0, 1)
    audio = ((0.01 + 0.1 * swell) * rng.standard_normal(swell.size)).astype(np.float32)[np.newaxis]
    sample = Sample("swell", audio, audio, SAMPLE_RATE, {})
    systems = {name: partial(system, sample) for name, system in BESIDE.systems().items() if name != "input"}
    took = side_by_side(systems)
    rows = [
        [name, f"{took[name] * 1000:.0f} ms", f"{seconds / took[name]:.0f}"]
        + [f"{took[peer] / took[name]:.1f}" for peer in PEERS]
        for name in systems
    ]
    header = ["system", f"{seconds} s, mono, 48 kHz", "times real time", *(f"times {peer}" for peer in PEERS)]
    write(
        "Noise reduction: speed", "noise_reduction.py", "One thread, first pass included.\n\n" + table(header, rows)
    )


if __name__ == "__main__":
    if "speed" not in sys.argv[1:]:
        quality()
    speed()
