"""How fast recordings are read, beside soundfile and the ffmpeg program: `--minutes 5` for a trial."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from report import side_by_side, table, write

from aural import Block
from aural.audio.files import open_audio

RATE = 48000
PIECE_S = 10
CODECS = {
    "wav": "-c:a pcm_s16le",
    "flac": "-c:a flac",
    "mp3": "-c:a libmp3lame -b:a 128k",
    "m4a": "-c:a aac -b:a 128k",
    "opus": "-c:a libopus -b:a 96k",
}


def pieces(minutes: float) -> Iterator[Block]:
    """Give ten seconds of stereo noise that swells, again and again."""
    time = np.arange(PIECE_S * RATE) / RATE
    swell = 0.1 * (1 + np.sin(2 * np.pi * time / PIECE_S))
    piece = (swell * np.random.default_rng(0).standard_normal((2, time.size))).astype(np.float32)
    for _ in range(round(minutes * 60 / PIECE_S)):
        yield piece


def with_aural(path: Path) -> int:
    """Read a file in blocks; return its frames."""
    return sum(block.shape[-1] for block in open_audio(path))


def with_soundfile(path: Path) -> int:
    """Read a file in blocks into the same shape; return its frames."""
    frames = 0
    with soundfile.SoundFile(path) as file:
        while len(block := file.read(65536, dtype="float32", always_2d=True)):
            frames += np.ascontiguousarray(block.T).shape[-1]
    return frames


def with_ffmpeg(path: Path) -> None:
    """Decode a file to floats that go nowhere, in one thread."""
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path), "-f", "f32le", "-y", "/dev/null"]
    subprocess.run(command, check=True)


def row(path: Path, minutes: float) -> list[str]:
    """Time the readers of a file."""
    runs: dict[str, Callable[[], object]] = {"aural": lambda: with_aural(path), "ffmpeg": lambda: with_ffmpeg(path)}
    if path.suffix != ".m4a":
        runs["soundfile"] = lambda: with_soundfile(path)
    seconds = side_by_side(runs, repeats=3)
    speed = f"{60 * minutes / seconds['aural']:.0f} x"
    ratios = [
        f"{seconds[peer] / seconds['aural']:.2f}" if peer in seconds else "-" for peer in ("soundfile", "ffmpeg")
    ]
    return [path.suffix[1:], f"{seconds['aural']:.2f} s", speed, *ratios]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of each file")
    minutes = parser.parse_args().minutes
    if not shutil.which("ffmpeg"):
        raise SystemExit("reading.py: the ffmpeg program is needed, to write the files and as a peer")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.wav"
        with soundfile.SoundFile(source, "w", RATE, 2, "PCM_16") as file:
            for piece in pieces(minutes):
                file.write(piece.T)
        rows = []
        for suffix, options in CODECS.items():
            path = Path(folder) / f"a.{suffix}"
            subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options.split(), path], check=True)
            rows.append(row(path, minutes))
            path.unlink()
    header = ["file", "AURAL", "x real time", "soundfile / AURAL", "ffmpeg / AURAL"]
    text = (
        f"{minutes:g} minutes of stereo at 48 kHz, read in blocks to float32, one core; medians of 3 runs in turn. A "
        "ratio above 1 means that AURAL is faster. The ffmpeg program decodes to floats too, its start included. "
        f"soundfile reads no m4a.\n\n{table(header, rows)}"
    )
    write("Reading", "reading.py", text)


if __name__ == "__main__":
    main()
