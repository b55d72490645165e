"""Separation of real songs, engine by engine, against the plainest peers.

    python benchmarks/source_separation.py [--model PATH]

Songs: folders of stems under stems/ of the audio that AURAL_CORPUS names (default ../shared/audio); a mixture is
the sum of its stems. `--model` adds a demucs model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import report
import soundfile
from corpus import CORPUS

from aural import Block
from aural.learning.metrics.distortion import si_sdr as si_sdr_of_channel
from aural.stages.source_separation.engines import center
from aural.stages.source_separation.stage import SourceSeparation

RATE = 48000
Method = Callable[[Block], Block]


def songs() -> Iterator[tuple[str, dict[str, Block]]]:
    """Read every song: its name and its stems, (channels, frames) at 48 kHz."""
    for folder in sorted(path for path in (CORPUS / "stems").glob("*/*") if path.is_dir()):
        files = sorted(folder.glob("*.opus"))
        yield folder.name, {file.stem: soundfile.read(file, dtype="float32", always_2d=True)[0].T for file in files}


def si_sdr(estimate: Block, truth: Block) -> float:
    """Return the scale-invariant ratio of signal to distortion in dB (Le Roux et al. 2019)."""
    return si_sdr_of_channel(truth.ravel(), estimate.ravel(), RATE)


def sdr(estimate: Block, truth: Block) -> float:
    """Return the ratio of signal to distortion in dB."""
    return float(10 * np.log10(np.sum(truth**2) / np.sum((estimate - truth) ** 2)))


def middle(audio: Block) -> Block:
    """Fold to mono, the plainest way to the middle."""
    return np.repeat(audio.mean(axis=0, keepdims=True), len(audio), axis=0)


def high_middle(audio: Block) -> Block:
    """Fold to mono above the frequency where the engine starts."""
    spectrum = np.fft.rfft(middle(audio))
    gains = center.high_pass(np.fft.rfftfreq(audio.shape[-1], 1 / RATE), SourceSeparation().low_hz)
    return np.fft.irfft(spectrum * gains, audio.shape[-1]).astype(np.float32)


def librosa_percussive(audio: Block) -> Block:
    """Run librosa's own call over the whole signal, with its defaults."""
    percussive: Block = librosa.effects.percussive(audio)
    return percussive


def stem(name: str, **options: Any) -> Method:
    """Return a function that separates and gives one stem."""
    stage = SourceSeparation(**options)
    return lambda audio: stage(audio, RATE)[name]


def scores(target: str, methods: dict[str, Method], fold: bool = False) -> str:
    """Score methods by song; a cell is the gain of SI-SDR over the mixture and the SDR, both in dB."""
    rows, cells = [], []
    for name, stems in songs():
        if not np.any(stems.get(target, 0)):
            continue
        if fold:
            stems[target] = middle(stems[target])
        mixture, truth = np.sum(list(stems.values()), axis=0), stems[target]
        before = si_sdr(mixture, truth), sdr(mixture, truth)
        results = [method(mixture) for method in methods.values()]
        row = [(si_sdr(result, truth) - before[0], sdr(result, truth)) for result in results]
        rows.append([name, f"{before[0]:.1f}", *(f"{gain:+.1f} / {ratio:.1f}" for gain, ratio in row)])
        cells.append(row)
    mean = np.mean(cells, axis=0)
    rows.append(["**mean**", "", *(f"**{gain:+.1f} / {ratio:.1f}**" for gain, ratio in mean)])
    return report.table(["song", "mixture's SI-SDR", *methods], rows)


def speeds(methods: dict[str, Method], seconds: int = 30) -> str:
    """Time the methods on a stereo excerpt, as multiples of real time."""
    stems = max((stems for _, stems in songs()), key=len)
    audio = np.sum(list(stems.values()), axis=0)[:, : seconds * RATE]
    times = report.side_by_side({name: partial(method, audio) for name, method in methods.items()}, repeats=3)
    return report.table(["method", "times real time"], [[n, f"{seconds / t:.0f}"] for n, t in times.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a demucs model: path or name")
    model = parser.parse_args().model
    network = {"demucs": model} if model else {}
    vocals = {"center": stem("center", engine="center"), "(L+R)/2": middle, "(L+R)/2, same low cut": high_middle}
    vocals |= {f"demucs {m}": stem("vocals", model=m) for m in network.values()}
    drums = {"hpss": stem("percussive", engine="hpss"), "librosa, whole file": librosa_percussive}
    drums |= {f"demucs {m}": stem("drums", model=m) for m in network.values()}
    parts = [
        "Cells: gain of SI-SDR over the mixture / SDR, in dB; two cores shared with other work.",
        "### Drums: the percussive stem",
        scores("drums", drums),
        "### Vocals: the middle, songs as they are (their voices are wide: chorus, echo)",
        scores("vocals", vocals),
        "### Vocals: the middle, voices folded to mono first, as a lead voice is in most records",
        scores("vocals", vocals, fold=True),
        "### Speed",
        speeds(vocals | drums),
    ]
    report.write("Source separation", Path(__file__).name, "\n\n".join(parts))


if __name__ == "__main__":
    main()
