"""The whole of `aural clean`, and `aural noise-reduction` alone: speed as a multiple of real time, memory by length.

The recording is the example, three voices at unlike levels in turn, stereo, 48 kHz, cut off at 8 kHz as a call is, so
that noise reduction, frequency expansion, compression and mastering all run. Peak memory is that of /usr/bin/time -v.

    python benchmarks/clean.py            ten minutes and three hours: 4 GB of disk, about half an hour
    python benchmarks/clean.py 10 60      other lengths, in minutes
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import report

from aural.audio.files import read
from aural.audio.writing import write_audio
from aural.dsp.resampling import resampler
from aural.signals import Block, Format
from aural.stream import pump

EXAMPLE = Path(__file__).parent.parent / "examples" / "phone_memo.m4a"
CALL_RATE, SAMPLE_RATE = 16000, 48000
MINUTES = ("10", "180")
COMMANDS = ("clean", "noise-reduction")


def talk(minutes: int) -> Iterator[Block]:
    """Make a talk of so many minutes."""
    audio, rate = read(EXAMPLE)
    for wanted in (CALL_RATE, SAMPLE_RATE):
        audio = np.concatenate(list(pump(resampler(Format(rate, 1), wanted), [audio])), axis=-1)
        rate = wanted
    stereo = np.concatenate([audio, 0.8 * np.roll(audio, 11)]).astype(np.float32)
    left = minutes * 60 * SAMPLE_RATE
    for gain_db in (0, -18, -6) * (minutes + 1):
        block = (stereo * 10 ** (gain_db / 20)).astype(np.float32)[:, :left]
        left -= block.shape[-1]
        yield block


@dataclass(frozen=True)
class Cost:
    """What a command cost, and which stages it says it ran."""

    wall_s: float
    cpu_s: float
    megabytes: float
    stages: str


def cost(command: Sequence[str | Path]) -> Cost:
    """Run a command and measure it."""
    start = time.perf_counter()
    done = subprocess.run(["/usr/bin/time", "-v", *command], capture_output=True, text=True, check=True)
    wall_s = time.perf_counter() - start
    told = dict(re.findall(r"^\s+(.+?)(?: \(.+\))?: ([\d.]+)$", done.stderr, re.MULTILINE))
    cpu_s = float(told["User time"]) + float(told["System time"])
    stages = ", ".join(re.findall(r"^  \+ (\S+)", done.stdout, re.MULTILINE))
    return Cost(wall_s, cpu_s, int(told["Maximum resident set size"]) * 1024 / 1e6, stages)


def run(name: str, minutes: int, folder: Path) -> Cost:
    """Run a command on a talk."""
    source = folder / f"talk{minutes}.flac"
    write_audio(source, talk(minutes), Format(SAMPLE_RATE, 2))
    command = [sys.executable, "-c", "from aural.cli.main import main; main()", name, source]
    command += ["-o", folder / "clean.flac"] if name == "clean" else [folder / "quiet.flac"]
    taken = cost(command)
    for path in folder.iterdir():
        path.unlink()
    return taken


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, minutes in product(COMMANDS, map(int, sys.argv[1:] or MINUTES)):
            taken = run(name, minutes, Path(folder))
            speed = f"{60 * minutes / taken.wall_s:.0f} x real time"
            memory = f"{taken.megabytes:.0f} MB"
            rows.append([name, f"{minutes} min", f"{taken.wall_s:.0f} s", speed, memory, taken.stages or name])
    text = report.table(["command", "stereo, 48 kHz, FLAC", "time", "speed", "peak memory", "stages that ran"], rows)
    report.write("Whole commands: speed and memory", f"clean.py {' '.join(sys.argv[1:])}".strip(), text)


if __name__ == "__main__":
    main()
