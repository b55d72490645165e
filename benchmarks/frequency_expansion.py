"""Frequency expansion: the new band beside the classical engine, what becomes of the old band, and speed.

python benchmarks/frequency_expansion.py              all
python benchmarks/frequency_expansion.py speed        one of untuned, codecs, old, speed, spectrograms,
                                                      published, lossy
python benchmarks/frequency_expansion.py validation   untuned, on the recordings that may be tuned on; writes nothing

Log-spectral distance (LSD) in dB, as in all of AURAL (aural.learning.metrics), over the bins up to where the original
ends.

Voices are those that training holds out; songs are mixes of stems that training never hears; loops and single notes
are the music that it holds out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import soxr
import torch
from corpus import CORPUS, songs
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from report import side_by_side, table, write
from scipy.signal import firwin, oaconvolve, resample_poly

from aural.degrade.codec import Codec
from aural.degrade.take import Take
from aural.errors import AudioError
from aural.learning.material import find, read
from aural.learning.metrics.distortion import lsd
from aural.learning.metrics.speech import SPEECH
from aural.measure.bandwidth.meter import BandwidthMeter
from aural.signals import Format
from aural.stages.frequency_expansion.evaluate import FrequencyExpansionEvaluation
from aural.stages.frequency_expansion.stage import FrequencyExpansion

Audio = NDArray[np.float32]
SAMPLE_RATE = 48000
SECONDS = 4
PICTURE = Path(__file__).parent.parent / "stages" / "frequency_expansion" / "spectrograms.png"
CUTOFFS_HZ = (4000.0, 8000.0, 12000.0)
LEAST_HZ = 13500.0
LEAST_SNR_DB = 25.0
PER_GROUP = 1
CODECS = (("amr", 12_200), ("opus", 16_000), ("opus", 24_000), ("aac", 32_000), ("mp3", 48_000), ("mp3", 64_000))
ENGINES = ("classical", "envelope")

VOICES = {
    "validation": ("megaglest-persian", "megaglest-egypt", "tee-voice", "en-praatio-mary"),
    "test": ("megaglest-indian", "es-hearthis", "fr-hearthis", "en-watson1", "en-watson2", "en-uberi", "zh-uberi",
             "en-northwind"),
}  # fmt: skip
"""Full-band voices with the floor of their microphone that no training uses."""
UNTUNED_HZ = (2000.0, 4000.0, 6000.0, 8000.0, 12000.0)
UNTUNED_S = 4
OCTAVES_HZ = (2000.0, 4000.0, 8000.0, 16000.0, 24000.0)


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
            if clip.bandwidth_hz < LEAST_HZ or clip.snr_db < LEAST_SNR_DB or taken[clip.group] == PER_GROUP:
                continue
            audio = read(clip, SAMPLE_RATE)[: SECONDS * SAMPLE_RATE]
            if kind == "music" or not narrow(audio):
                taken[clip.group] += 1
                yield Piece(name, audio, min(20000.0, clip.bandwidth_hz))
    for _, mix, _ in songs(SAMPLE_RATE, SECONDS):
        yield Piece("songs", mix, 18000.0)


def power(audio: Audio) -> NDArray[np.float64]:
    """Return the powers of STFT frames."""
    padded = np.pad(audio, 1024, mode="reflect" if len(audio) > 1024 else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512]
    return np.abs(np.fft.rfft(windows * np.hanning(2048))) ** 2


def fir(audio: Audio, cutoff_hz: float) -> Audio:
    """Cut off by a steep linear-phase filter."""
    return np.asarray(oaconvolve(audio, firwin(1201, cutoff_hz, fs=SAMPLE_RATE), mode="same"), np.float32)


def scores(piece: Piece, degraded: Audio) -> list[float]:
    """Return the distances of the input and of what each engine makes of it."""
    made = [FrequencyExpansion(engine=name)(degraded[None], SAMPLE_RATE)[0] for name in ENGINES]
    return [lsd(piece.audio, audio, SAMPLE_RATE, (0.0, piece.top_hz)) for audio in (degraded, *made)]


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


def sinc(audio: Audio, cutoff_hz: float, rolloff: float, zeros: int, window: tuple[str, float] | str) -> Audio:
    """Go to a lower rate and back by a windowed sinc, as torchaudio, librosa and resampy do."""
    ratio = round(SAMPLE_RATE / 2 / cutoff_hz)
    taps = firwin(2 * round(zeros * ratio / rolloff) + 1, rolloff * cutoff_hz, window=window, fs=SAMPLE_RATE)
    return np.asarray(resample_poly(resample_poly(audio, 1, ratio, window=taps), ratio, 1, window=taps), np.float32)


def linear(audio: Audio, cutoff_hz: float) -> Audio:
    """Go to a lower rate by a steep filter, and back by straight lines."""
    ratio = round(SAMPLE_RATE / 2 / cutoff_hz)
    low = fir(audio, 0.95 * cutoff_hz)[::ratio]
    return np.interp(np.arange(len(audio)), ratio * np.arange(len(low)), low).astype(np.float32)


def ffmpeg(audio: Audio, cutoff_hz: float) -> Audio:
    """Go to a lower rate and back by FFmpeg's resampler."""
    for before, after in ((SAMPLE_RATE, int(2 * cutoff_hz)), (int(2 * cutoff_hz), SAMPLE_RATE)):
        frame = av.AudioFrame.from_ndarray(audio[None], format="flt", layout="mono")
        frame.sample_rate = before
        resampler = av.AudioResampler("flt", "mono", after)
        found = [part.to_ndarray()[0] for piece in (frame, None) for part in resampler.resample(piece)]
        audio = np.concatenate(found)
    return audio


def telephone(audio: Audio, cutoff_hz: float) -> Audio:
    """Send audio through the codec of a telephone that has this band."""
    name, bit_rate = ("amr", 12_200) if cutoff_hz <= 4000 else ("opus", 16_000)
    narrow = fir(audio, cutoff_hz)
    return Codec(name, bit_rate)(Take.of(narrow, SAMPLE_RATE), np.random.default_rng(0)).noisy


RESAMPLERS: Mapping[str, Callable[[Audio, float], Audio]] = {
    "FIR": fir,
    "sinc": partial(sinc, rolloff=0.99, zeros=6, window="hann"),
    "kaiser_fast": partial(sinc, rolloff=0.85, zeros=16, window=("kaiser", 8.555504641634386)),
    "linear": linear,
    "ffmpeg": ffmpeg,
    "low rate": lambda audio, cutoff_hz: np.asarray(soxr.resample(audio, SAMPLE_RATE, 2 * cutoff_hz), np.float32),
    "telephone": telephone,
}
"""What a recording went through; `low rate` leaves it at the lower sample rate."""


def of_length(audio: Audio, frames: int) -> Audio:
    """Bring audio to a length."""
    return np.pad(audio, (0, max(0, frames - len(audio))))[:frames]


def untuned_pieces(part: str) -> Iterator[Piece]:
    """Read voices and songs as they are, to the top of their band; one piece of a speaker or song, four of a game."""
    voices = find(CORPUS / "speech_fullband", "speech")
    phones = [clip for clip in find(CORPUS / "speech_phone", "speech") if clip.bandwidth_hz >= 20000]
    groups = sorted({clip.group for clip in phones})
    chosen = set(groups[:4] if part == "validation" else groups[4::12][:4])
    music = [
        clip for clip in find(CORPUS / "music", "music", part) if clip.seconds >= 2 and clip.bandwidth_hz >= 20000
    ]
    for kind, clips, most in (
        ("voices, full band", [clip for clip in voices if clip.group in VOICES[part]], 4),
        ("voices by phone", [clip for clip in phones if clip.group in chosen], 1),
        ("music", music, 1),
    ):
        taken: dict[str, int] = defaultdict(int)
        for clip in clips:
            audio = read(clip, SAMPLE_RATE)
            taken[clip.group] += 1
            if taken[clip.group] > (most if clip.group.startswith("megaglest") else 1):
                continue
            loudest = int(np.argmax(np.convolve(np.abs(audio[::480]), np.ones(100 * UNTUNED_S), "valid")))
            audio = (
                audio[480 * loudest :][: UNTUNED_S * SAMPLE_RATE] if len(audio) > UNTUNED_S * SAMPLE_RATE else audio
            )
            if "phone" not in kind or not narrow(audio):
                yield Piece(kind, audio, min(clip.bandwidth_hz, 24000.0))
    if part == "test":
        yield from (Piece("music", mix, 20000.0) for _, mix, _ in list(songs(SAMPLE_RATE, UNTUNED_S))[:6])


def narrow(audio: Audio) -> bool:
    """Say whether a recording of a voice has been cut off already: then it is no reference."""
    meter = BandwidthMeter(Format(SAMPLE_RATE, 1))
    meter.update(audio[None])
    return meter.compute().cutoff_hz < UNTUNED_HZ[-1]


def restored(engine: str, degraded: Audio, sample_rate: int) -> Audio:
    """Return what the stage makes of a recording, at 48 kHz."""
    return FrequencyExpansion(engine=engine)(degraded[None], sample_rate)[0]


def bias_db(reference: Audio, estimate: Audio, low_hz: float, high_hz: float) -> float:
    """Return by how much the levels of a band lie above the true ones, the mean over frames and bins."""
    reference, estimate = (np.concatenate([x, np.zeros(2048, np.float32)]) for x in (reference, estimate))
    true, found = power(reference), power(estimate)
    floor = 1e-6 * true.mean()
    hz = np.linspace(0, SAMPLE_RATE / 2, true.shape[1])
    band = (hz >= low_hz) & (hz < high_hz)
    return float(np.mean(10 * np.log10((found[:, band] + floor) / (true[:, band] + floor))))


def untuned_scores(piece: Piece, how: str, cutoff_hz: float) -> list[float]:
    """Score a piece that went through something: LSD, PESQ, ESTOI and the bias of each octave, system by system."""
    frames, degraded = len(piece.audio), RESAMPLERS[how](piece.audio, cutoff_hz)
    rate = int(2 * cutoff_hz) if how == "low rate" else SAMPLE_RATE
    made = [np.asarray(soxr.resample(degraded, rate, SAMPLE_RATE), np.float32)]
    made += [restored(engine, degraded, rate) for engine in ENGINES]
    measures = {metric.name: metric.measure for metric in SPEECH}
    figures = []
    for audio in (of_length(x, frames) for x in made):
        figures.append(lsd(piece.audio, audio, SAMPLE_RATE, (0.0, piece.top_hz)))
        for name in ("PESQ", "ESTOI"):
            try:
                spoken = "voices" in piece.kind and cutoff_hz <= 8000
                figures.append(measures[name](piece.audio, audio, SAMPLE_RATE) if spoken else np.nan)
            except AudioError:
                figures.append(np.nan)
        for low, high in pairwise(OCTAVES_HZ):
            above = max(low, cutoff_hz), min(high, piece.top_hz)
            whole = above[1] > 1.2 * above[0]
            figures.append(bias_db(piece.audio, audio, *above) if whole else np.nan)
    return figures


def untuned(part: str = "test") -> str:
    """Return the table of recordings as they are, by material and cut-off, and LSD by what they went through."""
    found = list(untuned_pieces(part))
    jobs, labels = [], []
    for number, piece in enumerate(found):
        for place, cutoff_hz in enumerate(UNTUNED_HZ):
            hows = [
                how
                for how in RESAMPLERS
                if how != "telephone" or ("voices" in piece.kind and cutoff_hz in (4e3, 8e3))
            ]
            if cutoff_hz == 2000:
                hows = [how for how in hows if how != "ffmpeg"]
            how = hows[(number + 3 * place) % len(hows)]
            jobs.append(delayed(untuned_scores)(piece, how, cutoff_hz))
            labels.append((piece.kind, f"{cutoff_hz / 1000:g} kHz", how))
    with parallel_config("loky", inner_max_num_threads=1):
        values = np.array(Parallel(n_jobs=len(os.sched_getaffinity(0)))(jobs))
    systems, per = ("input", *ENGINES), 3 + len(OCTAVES_HZ) - 1
    kinds, head = dict.fromkeys(label[:2] for label in labels), ["", "cut off at", "recordings"]
    octaves = [f"{low / 1000:g} to {high / 1000:g} kHz" for low, high in pairwise(OCTAVES_HZ)]

    def row(chosen: list[int], columns: list[int], form: str) -> list[str]:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            means = np.nanmean(values[chosen][:, columns], axis=0)
        return [format(value, form) if value == value else "" for value in means]

    quality, level, by_how = [], [], []
    for kind in kinds:
        chosen = [n for n, label in enumerate(labels) if label[:2] == kind]
        start = [*kind, str(len(chosen))]
        parts = [
            row(chosen, [per * n + k for n in range(len(systems))], form)
            for k, form in ((0, ".1f"), (1, ".2f"), (2, ".3f"))
        ]
        quality.append([*start, *parts[0], *parts[1], *parts[2]])
        level.append(
            [
                *start,
                *(
                    f
                    for n in range(1, len(systems))
                    for f in row(chosen, [per * n + 3 + k for k in range(len(octaves))], "+.1f")
                ),
            ]
        )
    for how in RESAMPLERS:
        chosen = [n for n, label in enumerate(labels) if label[2] == how]
        by_how.append([how, str(len(chosen)), *row(chosen, [per * n for n in range(len(systems))], ".1f")])
    names = [f"{name}, {system}" for name in ("LSD", "PESQ", "ESTOI") for system in systems]
    biases = [f"{octave}, {system}" for system in systems[1:] for octave in octaves]
    return "\n\n".join([
        "Voices and music as they were recorded, background included, each cut off once at every frequency, by "
        "another filter or resampler each time, and scored at 48 kHz up to the top of its band (20 to 24 kHz). No "
        "training and no tuning used them; voices that a phone had cut off below 12 kHz are left out. LSD in dB; "
        "PESQ at 16 kHz.",
        table([*head, *names], quality),
        "Level above the cut-off against the true one in dB, the mean over frames and bins:",
        table([*head, *biases], level),
        "LSD by what the recording went through:",
        table(["", "recordings", *systems], by_how),
    ])  # fmt: skip


def codecs() -> None:
    """Write the distances by codec."""
    jobs = [
        delayed(coded)(piece, *codec)
        for piece in pieces()
        for codec in CODECS
        if (codec[0] in ("amr", "opus")) == (piece.kind == "speech")
    ]
    lines = [[*label, int(row[-1]), *(f"{value:.1f}" for value in row[:-1])] for label, row in means(jobs).items()]
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
        for cutoff_hz in CUTOFFS_HZ
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
            "PESQ, output"]  # fmt: skip
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

    from aural import plot

    degraded = {piece.kind: piece for piece in reversed(list(pieces()))}
    chosen = (("speech", 4000.0), ("speech", 8000.0), ("songs", 8000.0), ("loops, notes", 12000.0))
    figure, axes = plt.subplots(
        4, 2 + len(ENGINES), figsize=(17, 11), sharex="row", sharey=True, layout="constrained"
    )
    for row, (kind, cutoff_hz) in zip(axes, chosen, strict=True):
        audio = degraded[kind].audio[: 4 * SAMPLE_RATE]
        audio = audio / np.abs(audio).max()
        left = fir(audio, cutoff_hz)
        made = {name: FrequencyExpansion(engine=name)(left[None], SAMPLE_RATE)[0] for name in ENGINES}
        for axis, (title, shown) in zip(row, {"original": audio, "input": left, **made}.items(), strict=True):
            plot.spectrogram(shown, SAMPLE_RATE, ax=axis)
            axis.set_title(f"{kind}, cut off at {cutoff_hz / 1000:g} kHz: {title}", fontsize=9)
            axis.set_ylabel("kHz" if axis is row[0] else "")
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
                network=name, twin="coded", sample_rate=44100, clip_s=2000 / 44100, music=(str(CORPUS / "music"),),
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
    "untuned": lambda: write("Frequency expansion: recordings as they are", "frequency_expansion.py", untuned()),
    "validation": lambda: print(untuned("validation")),
    "codecs": codecs, "old": old, "speed": speed, "spectrograms": spectrograms,
    "published": published, "lossy": lossy,
}  # fmt: skip

if __name__ == "__main__":
    for section in sys.argv[1:] or [name for name in SECTIONS if name != "validation"]:
        SECTIONS[section]()
