"""Chains fitted to pairs: known settings found again, and other compressors imitated.

python benchmarks/dynamics_learning.py
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.update(NUMBA_NUM_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
import pedalboard
import soundfile
import soxr
from corpus import CORPUS
from report import table, write

from aural import Block, Chain, create
from aural.audio.files import read
from aural.chainfile import read_chain
from aural.learning.material import Clip, find
from aural.learning.run import fit
from aural.stages.dynamic_compression.evaluate import DynamicCompressionEvaluation
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.stages.dynamic_compression.train import DynamicCompressionTraining

RATE, SECONDS, PEAK = 48000, 10, 0.7
LEARNT, UNSEEN = 8, 6  # recordings
STEPS = 200
SHOWN = ("threshold_db", "ratio", "knee_db", "attack_ms", "release_ms", "makeup_db")

Process = Callable[[Block], Block]

KNOWN = {
    name: dict(zip(SHOWN, values, strict=True))
    for name, values in {
        "gentle": (-30.0, 2.0, 12.0, 20.0, 300.0, 4.0),
        "voice": (-28.0, 4.0, 6.0, 5.0, 120.0, 8.0),
        "hard": (-18.0, 10.0, 0.0, 0.5, 50.0, 2.0),
    }.items()
}
EQUALISED = ("low-shelf:150:-6:0.7", "peak:3000:5:1", "high-shelf:8000:4:0.7")


def recordings(count: int, part: str) -> Iterator[Block]:
    """Give the beginnings of voices and, one in four, of music, each of another group."""
    kinds = {kind: iter(_one_each(find(CORPUS / kind, kind, part))) for kind in ("speech", "music")}
    for number in range(count):
        clip = next(kinds["music" if number % 4 == 3 else "speech"])
        audio, rate = read(clip.path)
        whole = soxr.resample(audio[0], rate, RATE)[: SECONDS * RATE]
        yield (PEAK / np.abs(whole).max() * whole)[None].astype(np.float32)


def _one_each(clips: list[Clip]) -> list[Clip]:
    return list({clip.group: clip for clip in clips if clip.seconds >= 5 and clip.bandwidth_hz >= 10000}.values())


def acompressor(audio: Block) -> Block:
    """Run ffmpeg's compressor."""
    chosen = "acompressor=threshold=0.06:ratio=4:attack=10:release=150:knee=2.8:makeup=2"
    piped = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    command = ["ffmpeg", "-v", "error", *piped, "-i", "-", "-af", chosen, *piped, "-"]
    done = subprocess.run(command, input=np.ascontiguousarray(audio[0]).tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)[None, : audio.shape[1]]


def through(effect: DynamicCompression | Chain, audio: Block) -> Block:
    return effect(audio, RATE)


def juce(audio: Block) -> Block:
    """Run pedalboard's compressor, and 6 dB behind it."""
    board = pedalboard.Pedalboard(
        [pedalboard.Compressor(threshold_db=-26, ratio=4, attack_ms=5, release_ms=150), pedalboard.Gain(6)]
    )
    return np.asarray(board(audio, RATE))


UNKNOWN: Mapping[str, Process] = {"pedalboard.Compressor": juce, "ffmpeg acompressor": acompressor}


def fill(folder: Path, part: str, count: int, process: Process) -> dict[str, str]:
    """Write recordings and what a process makes of them; return the two folders as settings."""
    for number, audio in enumerate(recordings(count, part)):
        for name, block in (("input", audio), ("target", process(audio))):
            path = folder / name / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, block.T, RATE, "FLOAT")
    return {name: str(folder / name) for name in ("input", "target")}


def fitted(folder: Path, process: Process, **settings: object) -> Path:
    """Fit a chain to a process; return its file."""
    pairs = fill(folder / "learnt", "train", LEARNT, process)
    small = {"steps": STEPS, "workers": 0, "device": "cpu", "clip_s": 1.5, "validation_clips": 4}
    path = fit(DynamicCompressionTraining(**{**small, **pairs, **settings}), folder / "run")  # type: ignore[arg-type]
    assert path
    return path


def distances(folder: Path, process: Process, chain: Path) -> Iterator[list[str]]:
    """Judge a chain on recordings that it was not fitted to: a row for the input and one for the chain."""
    pairs = fill(folder / "unseen", "test", UNSEEN, process)
    report = DynamicCompressionEvaluation(**pairs, chain=str(chain)).run()
    for row in report.tables[0].rows:
        yield [row.system, *(f"{mean:.2f}" for mean in row.means)]


def known(folder: Path) -> Iterator[list[str]]:
    """Give a row of settings, one of those found, and what is left of the distance."""
    for name, settings in KNOWN.items():
        process = partial(through, DynamicCompression(**settings))
        path = fitted(folder / name, process)
        found = read_chain(path).stages[-1]
        (_, *before), (_, *after) = distances(folder / name, process, path)
        yield [name, *(f"{settings[key]:g}" for key in SHOWN), *before]
        yield ["found", *(f"{getattr(found, key):g}" for key in SHOWN), *after]


def imitated(folder: Path) -> Iterator[list[str]]:
    equaliser = create("equaliser", bands=EQUALISED)
    behind = Chain((equaliser, DynamicCompression(**KNOWN["voice"])))  # type: ignore[arg-type]
    tasks = [(name, process, {"detector": d}) for name, process in UNKNOWN.items() for d in ("peak", "rms")]
    tasks.append(("equaliser of three sections, compressor voice", partial(through, behind), {"bands": 3}))
    for name, process, settings in tasks:
        place = folder / "-".join([name, *map(str, settings.values())]).replace(" ", "-")
        (_, *before), (_, *after) = distances(place, process, fitted(place, process, **settings))
        words = ", ".join(f"{key} {value}" for key, value in settings.items())
        yield [name, "input", *before]
        yield ["", f"chain, {words}", *after]


def main() -> None:
    measures = [metric.title for metric in DynamicCompressionEvaluation.metrics]
    with TemporaryDirectory() as folder:
        os.environ["AURAL_CACHE"] = folder
        settings = table(["settings", *SHOWN, *measures], known(Path(folder)))
        others = table(["compressor", "", *measures], imitated(Path(folder)))
    write(
        "Learning dynamics",
        "dynamics_learning.py",
        f"""Chains fitted in {STEPS} steps to {LEARNT} recordings of {SECONDS} s, 48 kHz, before and after, of which
the two of music are held out; judged on {UNSEEN} others, five voices and a piece of music. Peaks lie at {PEAK:g}.
The distances are those of `aural evaluate dynamic-compression`: in the row of the settings, of the input from the
target; below, of the chain.

Settings of the stage found again, from the defaults as the start:

{settings}

Other compressors, and an equaliser in front:

{others}""",
    )


if __name__ == "__main__":
    main()
