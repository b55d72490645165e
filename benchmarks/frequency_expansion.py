"""Frequency expansion: the new band beside the classical engine, what becomes of the old band, and speed.

python benchmarks/frequency_expansion.py              all
python benchmarks/frequency_expansion.py speed        one of filters, codecs, old, speed, spectrograms, published,
                                                      lossy

Log-spectral distance (LSD) in dB, as in all of AURAL (aural.learning.metrics), over the bins up to where the original
ends: much of the material is not full band. The figures of AP-BWE, which are of log10 |S|^2, are given in dB, too.

Voices are those that training holds out; songs are mixes of stems that training never hears; loops and single notes
are the music that it holds out.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr
import torch
from corpus import CORPUS, songs
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from report import side_by_side, table, write
from scipy.signal import cheby1, firwin, oaconvolve, sosfiltfilt

from aural.degrade.codec import Codec
from aural.degrade.take import Take
from aural.learning.material import find, read
from aural.learning.metrics import SPEECH, lsd
from aural.stages.frequency_expansion.evaluate import FrequencyExpansionEvaluation
from aural.stages.frequency_expansion.stage import FrequencyExpansion

Audio = NDArray[np.float32]
SAMPLE_RATE = 48000
SECONDS = 8
PICTURE = Path(__file__).parent.parent / "stages" / "frequency_expansion" / "spectrograms.png"
CUTOFFS_HZ = (4000.0, 8000.0, 12000.0, 16000.0)
LEAST_HZ = 13500.0
LEAST_SNR_DB = 25.0
PER_GROUP = 3
CODECS = (("amr", 12_200), ("opus", 16_000), ("opus", 24_000), ("aac", 32_000), ("mp3", 48_000), ("mp3", 64_000))
ENGINES = ("classical", "fullband")


@dataclass(frozen=True)
class Piece:
    """A recording, and up to where it is full."""

    kind: str
    audio: Audio
    top_hz: float


def pieces() -> Iterator[Piece]:
    """Read what training never saw."""
    for kind, name in (("speech", "speech"), ("music", "loops, notes")):
        taken: dict[str, int] = defaultdict(int)
        for clip in find(CORPUS / kind, kind, "test"):
            good = clip.bandwidth_hz >= LEAST_HZ and clip.snr_db >= LEAST_SNR_DB
            taken[clip.group] += good
            if good and taken[clip.group] <= PER_GROUP:
                yield Piece(name, read(clip, SAMPLE_RATE)[: SECONDS * SAMPLE_RATE], min(20000.0, clip.bandwidth_hz))
    for _, mix, _ in songs(SAMPLE_RATE, SECONDS):
        yield Piece("songs", mix, 18000.0)


def power(audio: Audio) -> NDArray[np.float64]:
    """Return the powers of STFT frames."""
    padded = np.pad(audio, 1024, mode="reflect" if len(audio) > 1024 else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    return np.abs(np.fft.rfft(windows * np.hanning(2048))) ** 2


def chebyshev(audio: Audio, cutoff_hz: float) -> Audio:
    """Cut off by the filter of Kuleshov and others, there and back."""
    return np.asarray(sosfiltfilt(cheby1(8, 0.05, cutoff_hz, fs=SAMPLE_RATE, output="sos"), audio), np.float32)


def fir(audio: Audio, cutoff_hz: float) -> Audio:
    """Cut off by a steep linear-phase filter."""
    return np.asarray(oaconvolve(audio, firwin(1201, cutoff_hz, fs=SAMPLE_RATE), mode="same"), np.float32)


def resampled(audio: Audio, cutoff_hz: float) -> Audio:
    """Go to a lower rate and back."""
    low = soxr.resample(audio, SAMPLE_RATE, 2 * cutoff_hz)
    back = np.asarray(soxr.resample(low, 2 * cutoff_hz, SAMPLE_RATE), np.float32)
    return np.pad(back, (0, max(0, len(audio) - len(back))))[: len(audio)]


FILTERS: Mapping[str, Callable[[Audio, float], Audio]] = {"Chebyshev": chebyshev, "FIR": fir, "soxr": resampled}


def scores(piece: Piece, degraded: Audio) -> list[float]:
    """Return the distances of the input and of what each engine makes of it."""
    made = [FrequencyExpansion(engine=name)(degraded[None], SAMPLE_RATE)[0] for name in ENGINES]
    return [lsd(piece.audio, audio, SAMPLE_RATE, (0.0, piece.top_hz)) for audio in (degraded, *made)]


def filtered(piece: Piece, name: str, cutoff_hz: float) -> tuple[tuple[str, str, str], list[float]]:
    """Score a piece that a filter has cut off."""
    label = piece.kind, f"{cutoff_hz / 1000:g} kHz", name
    return label, scores(piece, FILTERS[name](piece.audio, cutoff_hz))


def coded(piece: Piece, name: str, bit_rate: int) -> tuple[tuple[str, str], list[float]]:
    """Score a piece that went through a codec."""
    degraded = Codec(name, bit_rate)(Take.of(piece.audio, SAMPLE_RATE), np.random.default_rng(0)).noisy
    return (piece.kind, f"{name} {bit_rate / 1000:g} kbit/s"), scores(piece, degraded)


def means(jobs: list[object]) -> dict[tuple[str, ...], NDArray[np.float64]]:
    """Run jobs and average by label, in the order of their first appearance."""
    rows: dict[tuple[str, ...], list[list[float]]] = defaultdict(list)
    with parallel_config("loky", inner_max_num_threads=1):
        for label, values in Parallel(n_jobs=os.cpu_count())(jobs):
            rows[label].append(values)
    return {label: np.array([*np.mean(values, axis=0), len(values)]) for label, values in rows.items()}


def filters() -> None:
    """Write the distances by material, cut-off and filter."""
    jobs = [
        delayed(filtered)(piece, name, cutoff_hz)
        for piece in pieces()
        for cutoff_hz in CUTOFFS_HZ
        for name in FILTERS
        if piece.top_hz >= 1.1 * cutoff_hz
    ]
    found = means(jobs)
    lines = []
    for kind, cutoff in dict.fromkeys(label[:2] for label in found):
        rows = [found[kind, cutoff, name] for name in FILTERS]
        mean = np.mean(rows, axis=0)
        lines.append([
            kind, cutoff, int(mean[-1]), *(f"{value:.1f}" for value in mean[:3]), f"{mean[2] / mean[0]:.2f}",
            *(f"{row[2]:.1f}" for row in rows),
        ])  # fmt: skip
    by_filter = (f"by {name}" for name in FILTERS)
    head = ["", "cut off at", "recordings", "input", *ENGINES, "fullband / input", *by_filter]
    text = (
        "LSD in dB, mean of three filters; then fullband's by filter. On VCTK cut off at 8 kHz, judged up to 24 kHz, "
        "AP-BWE reports 7.2 dB, and 25.7 dB for its input, by a definition of its own."
    )
    write("Frequency expansion: filters", "frequency_expansion.py", f"{text}\n\n{table(head, lines)}")


def codecs() -> None:
    """Write the distances by codec."""
    jobs = [
        delayed(coded)(piece, *codec)
        for piece in pieces()
        for codec in CODECS
        if (codec[0] in ("amr", "opus")) == (piece.kind == "speech")
    ]
    lines = [[*label, int(row[-1]), *(f"{value:.1f}" for value in row[:3])] for label, row in means(jobs).items()]
    head = ["", "codec", "recordings", "input", *ENGINES]
    text = "LSD in dB. What a codec does to the old band counts, too, and stays."
    write("Frequency expansion: codecs", "frequency_expansion.py", f"{text}\n\n{table(head, lines)}")


def untouched(piece: Piece, cutoff_hz: float) -> tuple[tuple[str, str], list[float]]:
    """Measure what is added below 95 % of the cut-off, how far frames of the new band stick out, and PESQ."""
    degraded = fir(piece.audio, cutoff_hz)
    made = FrequencyExpansion()(degraded[None], SAMPLE_RATE)[0]
    window = np.hanning(len(degraded))
    spectra = [np.abs(np.fft.rfft(window * audio)) ** 2 for audio in (made - degraded, degraded)]
    last = int(0.95 * cutoff_hz * len(degraded) / SAMPLE_RATE)
    added_db = 10 * np.log10((spectra[0][:last].sum() + 1e-30) / spectra[1][:last].sum())
    first = round(cutoff_hz / SAMPLE_RATE * 2048)
    true, new, old_band = (
        10 * np.log10(power(audio)[:, band].sum(axis=1) + 1e-9)
        for audio, band in (
            (piece.audio, slice(first, None)), (made, slice(first, None)), (degraded, slice(first // 2, first))
        )
    )  # fmt: skip
    loud = true > true.max() - 40
    pesq = next(metric for metric in SPEECH if metric.name == "PESQ").measure
    by_ear = [
        pesq(piece.audio, audio, SAMPLE_RATE) if piece.kind == "speech" else np.nan for audio in (degraded, made)
    ]
    over, against_old = (new - true)[loud], (new - old_band)[loud]
    figures = [added_db, *np.percentile(over, (5, 50, 95)), against_old.max(), (true - old_band)[loud].max()]
    return (piece.kind, f"{cutoff_hz / 1000:g} kHz"), [*figures, *by_ear]


def old() -> None:
    """Write what becomes of the band below the cut-off, and of the new band's level frame by frame."""
    jobs = [
        delayed(untouched)(piece, cutoff_hz)
        for piece in pieces()
        for cutoff_hz in CUTOFFS_HZ[:3]
        if piece.top_hz >= 1.1 * cutoff_hz
    ]
    rows = defaultdict(list)
    with parallel_config("loky", inner_max_num_threads=1):
        for kind, values in Parallel(n_jobs=os.cpu_count())(jobs):
            rows[kind].append(values)
    lines = []
    for kind, found in rows.items():
        values = np.array(found)
        mean = values.mean(axis=0)
        levels = [f"{value:+.1f}" for value in mean[1:4]]
        loudest = [f"{value:+.1f}" for value in values[:, 4:6].max(axis=0)]
        ear = [f"{value:.2f}" if value == value else "" for value in mean[6:]]
        lines.append([*kind, len(found), f"{values[:, 0].max():.0f}", *levels, *loudest, *ear])
    head = ["", "cut off at", "recordings", "most added to the old band", "5 % of frames below", "median",
            "5 % above", "loudest frame against the octave below", "that of the original", "PESQ, input",
            "PESQ, fullband"]  # fmt: skip
    text = (
        "In dB, the cut-off as it is found: what is added below 95 % of the true one, against what is there (Hann "
        "window over the whole); the new band's level against the true one, in frames where that is within 40 dB of "
        "its loudest; and the new band's level against the octave below the cut-off, the most of any such frame, "
        "made and true."
    )
    write("Frequency expansion: old band and level", "frequency_expansion.py", f"{text}\n\n{table(head, lines)}")


def speed(seconds: int = 30) -> None:
    """Write the table of times for a whole-signal call on one channel."""
    torch.set_num_threads(1)
    noise = 0.1 * np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE).astype(np.float32)
    audio = fir(noise, 8000.0)[None]
    stages = {name: FrequencyExpansion(engine=name, cutoff_hz=8000.0) for name in ENGINES}
    took = side_by_side({name: partial(stage, audio, SAMPLE_RATE) for name, stage in stages.items()})
    lines = [[name, f"{1000 * took[name]:.0f} ms", f"{seconds / took[name]:.0f}"] for name in ENGINES]
    head = ["engine", f"{seconds} s, mono, 48 kHz", "times real time"]
    write("Frequency expansion: speed", "frequency_expansion.py", f"One thread.\n\n{table(head, lines)}")


def spectrograms() -> None:
    """Draw what was there, what was left, and what the engines make of it."""
    import matplotlib.pyplot as plt

    degraded = {piece.kind: piece for piece in reversed(list(pieces()))}
    chosen = (("speech", 4000.0), ("speech", 8000.0), ("songs", 8000.0), ("loops, notes", 12000.0))
    figure, axes = plt.subplots(4, 4, figsize=(14, 11), sharex="row", sharey=True, layout="constrained")
    for row, (kind, cutoff_hz) in zip(axes, chosen, strict=True):
        audio = degraded[kind].audio[: 4 * SAMPLE_RATE]
        left = fir(audio, cutoff_hz)
        made = {name: FrequencyExpansion(engine=name)(left[None], SAMPLE_RATE)[0] for name in ENGINES}
        for axis, (title, shown) in zip(row, {"original": audio, "input": left, **made}.items(), strict=True):
            axis.specgram(shown + 1e-9, NFFT=2048, Fs=SAMPLE_RATE, noverlap=1536, vmin=-150, vmax=-40, cmap="magma")
            axis.set_title(f"{kind}, cut off at {cutoff_hz / 1000:g} kHz: {title}", fontsize=9)
            axis.set(ylim=(0, 20000))
    figure.savefig(PICTURE, dpi=70)


def published() -> None:
    """Write the table of Kuleshov, Enam and Ermon."""
    report = FrequencyExpansionEvaluation(speech=str(CORPUS / "speech"), music=str(CORPUS / "music")).run(
        jobs=os.cpu_count() or 1
    )
    if report.errors:
        sys.exit("\n".join(report.errors))
    text = report.markdown().partition("\n\n")[2]
    write("Frequency expansion: published networks", "frequency_expansion.py", text)


def lossy() -> None:
    """Write the table of Kim, Ryu and Jeong: the mean absolute difference after 100, 900 and 1000 steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from aural.learning.run import fit
    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("srresnet", "drrn", "multi-residual"):
            settings = FrequencyExpansionTraining(
                network=name, twin="coded", sample_rate=44100, clip_s=2000 / 44100, music=str(CORPUS / "music"),
                width=16, batch=8, learning_rate=1e-3, steps=1000, epoch_steps=100, validation_clips=256,
            )  # fmt: skip
            fit(settings, Path(folder) / name)
            log = EventAccumulator(str(next((Path(folder) / name / "log").glob("events*"))))
            log.Reload()
            mad = {event.step: 1000 * event.value for event in log.Scalars("validation/mad")}
            steps = sorted(mad)
            lines.append([name, *(f"{mad[steps[index]]:.2f}" for index in (0, 8, 9))])
    clips = settings.recipe().clips("validation")
    pairs = [clips(np.random.default_rng([0, number])) for number in range(256)]
    plain = f"{1000 * np.mean([np.abs(a - b).mean() for a, b in pairs]):.2f}"
    text = (
        "Mean absolute difference from the lossless music, in thousandths of full scale: patches of 2000 frames, 8 "
        "in a batch, of MP3 and AAC at 24 to 96 kbit/s; networks 16 filters wide; held-out recordings."
    )
    head = ["network", "100 steps", "900", "1000"]
    lines = [["(the lossy version)", plain, plain, plain], *lines]
    write("Frequency expansion: lossy music", "frequency_expansion.py", f"{text}\n\n{table(head, lines)}")


SECTIONS = {
    "filters": filters, "codecs": codecs, "old": old, "speed": speed, "spectrograms": spectrograms,
    "published": published, "lossy": lossy,
}  # fmt: skip

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        SECTIONS[section]()
