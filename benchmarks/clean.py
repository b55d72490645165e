"""The whole of `aural clean`, and `aural noise-reduction` alone: speed as a multiple of real time, memory by length.

The recording is the example, three voices at unlike levels in turn, stereo, 48 kHz, cut off at 9 kHz, so that noise
reduction, frequency expansion, compression and mastering all run. Peak memory as /usr/bin/time -v reports it.

    python benchmarks/clean.py            ten minutes and three hours: 4 GB of disk, about half an hour
    python benchmarks/clean.py 10 60      other lengths, in minutes
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import report
from scipy.signal import butter, sosfiltfilt

from aural.audio.files import read
from aural.audio.writing import write_audio
from aural.dsp.resampling import resampler
from aural.signals import Block, Format
from aural.stream import pump

EXAMPLE = Path(__file__).parent.parent / "examples" / "phone_memo.m4a"
SAMPLE_RATE = 48000
MINUTES = ("10", "180")
COMMANDS = ("clean", "noise-reduction")


def talk(minutes: int) -> Iterator[Block]:
    """Make a talk of so many minutes."""
    audio, rate = read(EXAMPLE)
    audio = np.concatenate(list(pump(resampler(Format(rate, 1), SAMPLE_RATE), [audio])), axis=-1)
    audio = sosfiltfilt(butter(8, 9000, fs=SAMPLE_RATE, output="sos"), audio)
    stereo = np.concatenate([audio, 0.8 * np.roll(audio, 11)]).astype(np.float32)
    left = minutes * 60 * SAMPLE_RATE
    for gain_db in (0, -18, -6) * (minutes + 1):
        block = (stereo * 10 ** (gain_db / 20)).astype(np.float32)[:, :left]
        left -= block.shape[-1]
        yield block


def run(name: str, minutes: int, folder: Path) -> tuple[float, float, str]:
    """Run a command on a talk; return seconds, peak memory in MB, and which stages ran."""
    source = folder / f"talk{minutes}.flac"
    write_audio(source, talk(minutes), Format(SAMPLE_RATE, 2))
    command = [sys.executable, "-c", "from aural.cli.main import main; main()", name, source]
    command += ["-o", folder / "clean.flac"] if name == "clean" else [folder / "quiet.flac"]
    start = time.perf_counter()
    done = subprocess.run(["/usr/bin/time", "-v", *command], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    memory = re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)
    assert memory
    stages = ", ".join(re.findall(r"^  \+ (\S+)", done.stdout, re.MULTILINE))
    for path in folder.iterdir():
        path.unlink()
    return seconds, int(memory[1]) / 1024, stages


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, minutes in product(COMMANDS, map(int, sys.argv[1:] or MINUTES)):
            seconds, memory, stages = run(name, minutes, Path(folder))
            speed = f"{60 * minutes / seconds:.0f} x real time"
            rows.append([name, f"{minutes} min", f"{seconds:.0f} s", speed, f"{memory:.0f} MB", stages or name])
    text = report.table(["command", "stereo, 48 kHz, FLAC", "time", "speed", "peak memory", "stages that ran"], rows)
    report.write("Whole commands: speed and memory", f"clean.py {' '.join(sys.argv[1:])}".strip(), text)


if __name__ == "__main__":
    main()
