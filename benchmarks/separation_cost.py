"""What networks of source separation cost: time beside demucs's own call, and memory by length.

    python benchmarks/separation_cost.py [SECONDS]

The networks have their full size and random weights: cost does not depend on the weights. One thread; time is that of
the processor. Prints a table; nothing is written.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aural import Block, Format
from aural.learning import weights
from aural.stages.source_separation.engines.voice.network import Voice
from aural.stages.source_separation.stage import SourceSeparation

RATE = 44100
STEMS = ["drums", "bass", "other", "vocals"]


def network() -> Any:
    """Make a network of the size of htdemucs."""
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(0)
    return HTDemucs(
        STEMS, channels=48, t_layers=5, bottom_channels=512, segment=Fraction(39, 5), samplerate=RATE
    ).eval()


def blocks(seconds: int) -> Iterator[Block]:
    rng = np.random.default_rng(0)
    for _ in range(seconds):
        yield (0.1 * rng.standard_normal((2, RATE))).astype(np.float32)


def run(system: str, seconds: int) -> tuple[float, float]:
    """Separate noise of this length; return seconds of processor time, and peak memory in MB."""
    torch.set_num_threads(1)
    if system == "demucs.apply.apply_model":
        from demucs.apply import apply_model

        mixture, model = torch.tensor(np.concatenate(list(blocks(seconds)), axis=-1))[None], network()
        start = time.process_time()
        with torch.no_grad():
            apply_model(model, mixture, shifts=0)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = weights.save(Voice().state_dict(), Path(folder), "voice", {})
            voice = SourceSeparation(engine="voice", weights=str(path))
            model = None if system == "voice" else network()
            demucs = SourceSeparation(engine="demucs", model=model, measured_offset=0.0, measured_level_dbfs=-20.0)
            stream = (demucs if model else voice).open(Format(RATE, 2))
        start = time.process_time()
        for block in blocks(seconds):
            stream.push(block)
        stream.flush()
    return time.process_time() - start, peak_megabytes()


def peak_megabytes() -> float:
    """Return the most memory that this process has held, as Linux tells; getrusage tells that of its parent, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def main() -> None:
    longest = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print("| system | seconds of stereo | times real time | peak memory in MB |\n|---|---|---|---|")
    for system in ("demucs.apply.apply_model", "demucs", "voice"):
        for seconds in (longest // 2, longest):
            with get_context("spawn").Pool(1) as pool:  # a process of its own: memory never sinks
                taken_s, megabytes = pool.apply(run, (system, seconds))
            print(f"| {system} | {seconds} | {seconds / taken_s:.1f} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
