"""What source separation costs from the command line: time beside demucs's own, and memory for one hour of stereo.

    python benchmarks/separation_cost.py

Both command lines split the same file with the same weights, which are random: cost does not depend on them. One
thread; time is that of the processor, and everything counts: start, reading, both passes, writing. An hour through
htdemucs would take an hour, so that a smaller network of the same kind stands for it: it shows that memory does not
grow with the recording. Takes about half an hour.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import report
import soundfile

RATE = 44100
SEGMENT_S = Fraction(39, 5)
STEMS = ["drums", "bass", "other", "vocals"]
NETWORKS: dict[str, dict[str, Any]] = {
    "htdemucs": {"channels": 48, "t_layers": 5, "bottom_channels": 512},
    "small": {"channels": 4, "t_layers": 1, "t_heads": 1, "t_hidden_scale": 1.0, "dconv_mode": 0},
}
"""Arguments of the class HTDemucs: those of the published model, and those of a small one."""
RUNS = [
    ("demucs", "htdemucs", 2),
    ("aural, engine demucs", "htdemucs", 2),
    ("demucs", "small", 10),
    ("aural, engine demucs", "small", 10),
    ("aural, engine demucs", "small", 60),
    ("aural, engine voice", "voice", 10),
    ("aural, engine voice", "voice", 60),
]
"""Command line, network, and minutes of stereo."""


def write_noise(path: Path, seconds: int) -> None:
    """Write stereo noise of 16 bits."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(seconds):
            file.write(0.1 * rng.standard_normal((RATE, 2)))


def write_network(path: Path, **arguments: Any) -> None:
    """Write a network with random weights as demucs writes its checkpoints."""
    import torch  # here, so that a command line is the first to load it where it runs
    from demucs.htdemucs import HTDemucs
    from demucs.states import get_state

    torch.manual_seed(0)
    made = HTDemucs(STEMS, segment=SEGMENT_S, samplerate=RATE, **arguments)
    args, kwargs = made._init_args_kwargs
    package = {"klass": HTDemucs, "args": args, "kwargs": kwargs, "state": get_state(made, None), "training_args": {}}
    torch.save(package, path)


def run(system: str, network: str, song: Path, folder: Path) -> tuple[float, float]:
    """Split a file by a command line in this process; return seconds of processor time, and peak memory in MB."""
    model = song.parent / f"{network}.th"
    if system == "demucs":
        from demucs.separate import main as command

        options = ["-n", network, "--repo", model.parent, "-d", "cpu", "--shifts", "0", "-o", folder, song]
    else:
        from aural.cli.main import main as command

        of_demucs = ["--engine", "demucs", "--model", model, "--trust-model"]
        engine = ["--engine", "voice"] if network == "voice" else of_demucs
        options = ["source-separation", song, folder, "--device", "cpu", *engine]
    sys.argv = [system, *map(str, options)]
    with open(os.devnull, "w") as void, contextlib.redirect_stdout(void), contextlib.redirect_stderr(void):
        command()
    assert list(folder.rglob("*.wav")), "nothing was written"
    return time.process_time(), peak_megabytes()


def peak_megabytes() -> float:
    """Return the most memory that this process has held, as Linux tells; getrusage tells that of its parent, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for name, arguments in NETWORKS.items():
            write_network(Path(place, f"{name}.th"), **arguments)
        for minutes in {minutes for _, _, minutes in RUNS}:
            write_noise(Path(place, f"{minutes}.wav"), 60 * minutes)
        for system, network, minutes in RUNS:
            with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as pool:
                job = pool.submit(run, system, network, Path(place, f"{minutes}.wav"), Path(folder))
                taken_s, megabytes = job.result()
            cells = [f"{minutes} min", f"{taken_s:.0f}", f"{60 * minutes / taken_s:.1f}", f"{megabytes:.0f}"]
            rows.append([system, network, *cells])
            print(rows[-1], flush=True)
    head = ["command line", "network", "stereo of", "processor time, s", "times real time", "peak memory, MB"]
    text = (
        "Time of one thread, start and writing included. `htdemucs` has the size of the published model, `small` is "
        "one of the same kind with few parameters; both have random weights, the same for both command lines. demucs "
        "runs with `--shifts 0`, as AURAL does.\n\n"
    )
    report.write("Cost of source separation", Path(__file__).name, text + report.table(head, rows))


if __name__ == "__main__":
    main()
