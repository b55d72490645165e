"""How well cut-offs are found, what becomes of undamaged recordings, and speed.

python benchmarks/bandwidth.py         what lies in the corpus
python benchmarks/bandwidth.py SONGS   only songs as they are, of a folder with a subfolder for each set
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from corpus import CORPUS
from report import side_by_side, table, write
from scipy.signal import butter, firwin, oaconvolve, sosfilt

import aural
from aural import Block, Format
from aural.audio.folders import recordings
from aural.learning.material import find, read
from aural.measure.bandwidth.meter import Bandwidth, BandwidthMeter
from aural.stages.frequency_expansion.stage import FrequencyExpansion
from aural.stages.frequency_generation.stage import FrequencyGeneration

SAMPLE_RATE = 48000
SECONDS = 10
SPEECH = (
    "rhasspy_kathleen rhasspy_nathalie kde_artikulate kde_klettres kde_ktuberling tofugu_wanikani gcompris_voices"
)
LOSSLESS = "openrct2 sonic_pi web_audio_loops"  # music that was not lossy before it came into the corpus
MUSIC = "ancientbeast openclonk openrct2 sonic_pi superpowers unknown_horizons web_audio_loops"
Piece = tuple[Block, float]  # audio, and the frequency up to which it is the original


def pieces(kind: str, held_out: bool = True, most: int = 12, only: str = "") -> Iterator[Piece]:
    """Read one recording of each speaker or song of one half of them: every second one is held out."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    sets = (only or (SPEECH if kind == "speech" else MUSIC)).split()
    with open(CORPUS / kind / "MANIFEST.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["set"] in sets and float(row["bandwidth_hz"]) >= 19000 and float(row["seconds"]) >= 3:
                groups[row.get("speaker") or re.sub(r"_e\d+\.opus$", "", row["path"])].append(row)
    for group in sorted(groups)[held_out::2][:most]:
        row = groups[group][len(groups[group]) // 2]
        audio, rate = soundfile.read(CORPUS / kind / row["path"], dtype="float32", always_2d=True)
        audio = audio[: rate * SECONDS].T
        assert rate == SAMPLE_RATE
        yield audio, min(float(row["bandwidth_hz"]), 19500.0)


def low_passed(audio: Block, cutoff_hz: float) -> Block:
    """Cut the spectrum off by a steep linear-phase filter."""
    kernel = firwin(1201, cutoff_hz, fs=SAMPLE_RATE).astype(np.float32)
    return oaconvolve(audio, kernel[None], mode="same", axes=-1)


def coded(audio: Block, codec: str, kbps: int) -> Block:
    """Send a signal through a lossy codec and bring it back in time with the original."""
    channels, frames = audio.shape
    layout = "mono" if channels == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format={"libmp3lame": "mp3", "aac": "adts"}[codec]) as out:
        stream: Any = out.add_stream(codec, rate=SAMPLE_RATE, layout=layout)
        stream.bit_rate = 1000 * kbps
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio), format="fltp", layout=layout)
        frame.sample_rate = SAMPLE_RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while fifo.samples:
            out.mux(stream.encode(fifo.read(stream.codec_context.frame_size, partial=True)))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as back:
        resample = av.AudioResampler("fltp", layout, SAMPLE_RATE).resample
        decoded = [part.to_ndarray() for frame in back.decode(audio=0) for part in resample(frame)]
    result = np.concatenate(decoded, axis=1).astype(np.float32)
    lag = _lag(audio, result)
    result = np.pad(result[:, max(lag, 0) :], ((0, 0), (max(-lag, 0), frames)))
    return result[:, :frames]


def _lag(audio: Block, other: Block) -> int:
    size = 2 * max(audio.shape[1], other.shape[1])
    cross = np.fft.rfft(other.sum(axis=0), size) * np.conj(np.fft.rfft(audio.sum(axis=0), size))
    lag = int(np.argmax(np.fft.irfft(cross)))
    return lag - size if lag > size // 2 else lag


def measured_cutoff(audio: Block, sample_rate: int = SAMPLE_RATE) -> tuple[float, bool]:
    """Return what the meter finds."""
    meter = BandwidthMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    found = meter.compute()
    return found.cutoff_hz, found.cut


def harm() -> str:
    """Measure what is added to recordings whose spectrum nobody has damaged on purpose."""
    lines = []
    for kind, only, what in (
        ("music", LOSSLESS, "music, lossless once"),
        ("speech", "", "speech, mostly Vorbis or MP3 once"),
    ):
        for stage in (FrequencyExpansion(), FrequencyGeneration()):
            added = []
            for audio, _ in pieces(kind, most=30, only=only):
                change = stage(audio, SAMPLE_RATE) - audio
                added.append(10 * np.log10((change**2).sum() / (audio**2).sum() + 1e-30))
            true = sum(value <= -299 for value in added)
            most = f"{max(added):.0f} dB" if true < len(added) else "nothing"
            lines.append([what, stage.name, len(added), true, most])
    return table(["", "stage", "recordings", "bit-identical", "largest addition"], lines)


def meter() -> str:
    """Measure the error of the cut-off that the meter finds, against where noise falls by 6 dB."""
    noise = np.random.default_rng(0).standard_normal((1, 20 * SAMPLE_RATE)).astype(np.float32)
    truths = {(how, hz): _six_db(noise, cut(noise, hz)) for how, cut in CUTS.items() for hz in CUTOFFS_HZ}
    lines = []
    for kind in ("speech", "music"):
        recordings = list(held_out(kind))
        for how, cut in CUTS.items():
            jobs = [(a, hz) for a, top_hz in recordings for hz in CUTOFFS_HZ if hz < 0.9 * top_hz]
            found = [(*measured_cutoff(cut(a, hz)), truths[how, hz]) for a, hz in jobs]
            lines.append([kind, how, *_errors(found)])
        for below_db in HISS_DB:
            jobs = [(a, hz) for a, _ in recordings for hz in HISSY_HZ]
            found = [(*measured_cutoff(_hissy(a, hz, below_db)), hz) for a, hz in jobs]
            lines.append([kind, f"steep filter, hiss {below_db} dB below", *_errors(found)])
        alarms = [measured_cutoff(a)[0] < 0.8 * top_hz for a, top_hz in recordings]
        lines.append([kind, "nothing", len(alarms), f"{sum(alarms)} false", "", "", ""])
    header = ["", "cut off by", "recordings", "found", "median error", "within 5 %", "within 10 %"]
    return (
        "Recordings that training holds out. The cut-off is where the filter, or the resampler there and back, "
        "is 6 dB down. Filters at 2 to 16 kHz, or rates of twice that; with hiss at 3.4, 5 and 8 kHz. Linear "
        "interpolation is 6 dB down 9 % below half the lower rate, where its images begin; the meter names that.\n\n"
        + table(header, lines)
    )


def held_out(kind: str, most: int = 10) -> Iterator[Piece]:
    """Read the beginning of a recording of each speaker or song that the meter's network was not trained on."""
    folders = {"speech": ("speech", "speech_fullband"), "music": ("music",)}[kind]
    clips = [clip for part in ("validation", "test") for name in folders for clip in find(CORPUS / name, kind, part)]
    groups = {clip.group: clip for clip in clips if clip.bandwidth_hz >= 16000 and clip.seconds >= 3}
    for group in sorted(groups)[:most]:
        yield read(groups[group], SAMPLE_RATE)[None, : METER_S * SAMPLE_RATE], groups[group].bandwidth_hz


CUTOFFS_HZ = (2000.0, 4000.0, 6000.0, 8000.0, 11025.0, 12000.0, 16000.0)
METER_S = 8
HISSY_HZ = (3400.0, 5000.0, 8000.0)
HISS_DB = (25, 40, 55)


def _hissy(audio: Block, cutoff_hz: float, below_db: float) -> Block:
    hiss = np.random.default_rng(0).standard_normal(audio.shape) * np.std(audio) * 10 ** (-below_db / 20)
    return (low_passed(audio, cutoff_hz) + hiss).astype(np.float32)


def _errors(found: list[tuple[float, bool, float]]) -> list[object]:
    errors = np.array([found_hz / hz - 1 if cut else np.inf for found_hz, cut, hz in found])
    finite = errors[np.isfinite(errors)]
    shares = [
        f"{100 * np.mean(share):.0f} %" for share in (np.isfinite(errors), abs(errors) < 0.05, abs(errors) < 0.1)
    ]
    return [len(found), shares[0], f"{100 * np.median(finite):+.1f} %" if finite.size else "-", *shares[1:]]


def _six_db(noise: Block, cut: Block) -> float:
    """Return where a filter is 6 dB down, from what it leaves of noise."""
    spectra = [
        np.abs(np.fft.rfft(x[0, : 8192 * (x.shape[1] // 8192)].reshape(-1, 8192))).mean(axis=0) for x in (noise, cut)
    ]
    smooth = [np.convolve(spectrum, np.ones(9) / 9, "same")[8:-8] for spectrum in spectra]
    return float((8 + np.flatnonzero(smooth[1] < 0.5 * smooth[0])[0]) * SAMPLE_RATE / 8192)


def _resampled(quality: str) -> Callable[[Block, float], Block]:
    """Go to a lower rate and back by soxr."""

    def cut(audio: Block, cutoff_hz: float) -> Block:
        low = soxr.resample(audio.T, SAMPLE_RATE, 2 * cutoff_hz, quality)
        return np.ascontiguousarray(soxr.resample(low, 2 * cutoff_hz, SAMPLE_RATE, quality).T, np.float32)

    return cut


def _windowed(zeros: int, rolloff: float, window: Callable[[Any], Any]) -> Callable[[Block, float], Block]:
    """Go to a lower rate and back by a windowed sinc."""

    def cut(audio: Block, cutoff_hz: float) -> Block:
        reach = zeros * SAMPLE_RATE / (2 * cutoff_hz * rolloff)
        frames = np.arange(-int(reach), int(reach) + 1)
        kernel = np.sinc(2 * cutoff_hz * rolloff / SAMPLE_RATE * frames) * window(frames / reach)
        kernel = (kernel / kernel.sum())[None]
        low = oaconvolve(audio, kernel, mode="same", axes=-1)
        step = SAMPLE_RATE / (2 * cutoff_hz)
        if step == round(step):
            low = np.where(np.arange(low.shape[1]) % int(step) == 0, step * low, 0)
        return oaconvolve(low, kernel, mode="same", axes=-1).astype(np.float32)

    return cut


def _linear(audio: Block, cutoff_hz: float) -> Block:
    """Go to a lower rate by soxr, and back by straight lines."""
    low = soxr.resample(audio.T, SAMPLE_RATE, 2 * cutoff_hz).T
    time = np.arange(audio.shape[1]) * 2 * cutoff_hz / SAMPLE_RATE
    return np.stack([np.interp(time, np.arange(channel.size), channel) for channel in low]).astype(np.float32)


def _swr(audio: Block, cutoff_hz: float) -> Block:
    """Go to a lower rate and back by FFmpeg."""
    layout = "mono" if audio.shape[0] == 1 else "stereo"
    for rate, other in ((SAMPLE_RATE, int(2 * cutoff_hz)), (int(2 * cutoff_hz), SAMPLE_RATE)):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler("fltp", layout, other)
        parts = [*resampler.resample(frame), *resampler.resample(None)]
        audio = np.concatenate([part.to_ndarray() for part in parts], axis=1)
    return audio


def _butterworth(audio: Block, cutoff_hz: float) -> Block:
    return sosfilt(butter(8, cutoff_hz, fs=SAMPLE_RATE, output="sos"), audio).astype(np.float32)


CUTS: dict[str, Callable[[Block, float], Block]] = {
    "steep filter": low_passed,
    "soxr HQ": _resampled("HQ"),
    "soxr LQ": _resampled("LQ"),
    "sinc of 6 zeros, as torchaudio": _windowed(6, 0.99, lambda t: np.cos(np.pi * t / 2) ** 2),
    "sinc of 16 zeros, as kaiser_fast": _windowed(16, 0.85, lambda t: np.i0(8.6 * np.sqrt(1 - t * t)) / np.i0(8.6)),
    "FFmpeg": _swr,
    "linear interpolation": _linear,
    "Butterworth of order 8": _butterworth,
}


def songs(folder: Path) -> str:
    """List songs that are said to be cut off although sound goes on above."""
    lines = []
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = {}
        for path in recordings(group):
            audio, rate = aural.read(path)[:2]
            if rate >= 44100 and audio.shape[-1] > SECONDS * rate:
                meter = BandwidthMeter(Format(rate, audio.shape[0]))
                meter.update(audio[:, : 30 * rate])
                found[path.stem] = meter.compute()
        false = [f"{name} ({b.cutoff_hz / 1000:.1f} kHz)" for name, b in found.items() if _false(b)]
        lines.append([group.name, len(found), len(false), ", ".join(false)])
    text = "The first 30 s of songs at 44.1 or 48 kHz. False: a cut-off below 14 kHz that is no codec's low-pass.\n\n"
    return text + table(["", "songs", "false", ""], lines)


def _false(found: Bandwidth) -> bool:
    return found.cut and found.cutoff_hz < 14000 and not found.emptied


def speed() -> str:
    """Time the second pass, and the meter."""
    lines = []
    audio, _ = next(pieces("speech"))
    for channels in (1, 2):
        long = np.tile(coded(audio[:1], "libmp3lame", 32), (channels, 6))
        stage = FrequencyGeneration()
        first = partial(stage.measure, [long], Format(SAMPLE_RATE, channels))
        runs: dict[str, Callable[[], object]] = {stage.name: partial(first(), long, SAMPLE_RATE)}
        runs["bandwidth meter"] = partial(measured_cutoff, long)
        runs["frequency-generation, first pass"] = first
        seconds = long.shape[1] / SAMPLE_RATE
        lines += [[name, channels, f"{seconds / s:.0f}"] for name, s in side_by_side(runs, repeats=3).items()]
    return "Multiples of real time at 48 kHz, one core.\n\n" + table(["", "channels", "speed"], lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write("Bandwidth: songs as they are", "bandwidth.py SONGS", songs(Path(sys.argv[1])))
        sys.exit()
    for title, make in (
        ("Bandwidth: undamaged recordings", harm),
        ("Bandwidth: cut-off found", meter),
        ("Bandwidth: speed", speed),
    ):
        write(title, "bandwidth.py", make())
