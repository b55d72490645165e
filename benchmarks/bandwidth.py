"""How well holes of codecs are filled and cut-offs found, what becomes of undamaged recordings, and speed.

Log-spectral distance (LSD) in dB, as in all of AURAL (aural.learning.metrics), over the bins of a band; channels are
averaged. Two recordings of the same noise have an LSD of about 8 dB: that, not zero, is what a good guess can reach.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from corpus import CORPUS
from report import side_by_side, table, write
from scipy.signal import firwin, oaconvolve

from aural import Block, Format
from aural.learning.metrics import lsd
from aural.measure.bandwidth import BandwidthMeter
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


def distance_db(original: Block, other: Block, band_hz: tuple[float, float]) -> float:
    """Return the mean log-spectral distance of the channels in a band."""
    return float(np.mean([lsd(*pair, SAMPLE_RATE, band_hz) for pair in zip(original, other, strict=True)]))


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


def mean(rows: Iterable[Iterable[float]]) -> list[str]:
    """Average column by column."""
    return [f"{value:.1f}" for value in np.mean([list(row) for row in rows], axis=0)]


def generation() -> str:
    """Measure the filling of what codecs left, and of recordings they left alone."""
    lines = []
    for kind in ("speech", "music"):
        for codec, kbps in (("libmp3lame", 16), ("libmp3lame", 32), ("libmp3lame", 64), ("aac", 32)):
            scores = []
            for audio, top_hz in pieces(kind, most=8):
                lossy = coded(audio, codec, kbps)
                filled = FrequencyGeneration()(lossy, SAMPLE_RATE)
                cutoff_hz = min(measured_cutoff(lossy)[0], 18000.0)
                bands = (2000.0, cutoff_hz), (cutoff_hz, top_hz), (0.0, top_hz)
                scores.append([distance_db(audio, x, band) for band in bands for x in (lossy, filled)])
            lines.append([kind, f"{codec.removeprefix('lib')} {kbps} kbit/s", len(scores), *mean(scores)])
    pairs = [f"{band}, {what}" for band in ("2 kHz..cut-off", "above", "whole") for what in ("decoded", "filled")]
    return "LSD in dB.\n\n" + table(["", "codec", "recordings", *pairs], lines)


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
    """Measure the error of the cut-off that the meter finds, against filters and resamplers of known -6 dB points."""
    lines = []
    for kind in ("speech", "music"):
        for cutoff_hz in (3400.0, 5500.0, 8000.0, 11000.0, 16000.0):
            for how in ("steep filter", "soxr"):
                errors, missed, count = [], 0, 0
                for audio, _ in pieces(kind):
                    rate = int(2 * cutoff_hz)
                    cut = low_passed(audio, cutoff_hz) if how == "steep filter" else _resampled(audio, rate)
                    expected = cutoff_hz if how == "steep filter" else 0.95 * cutoff_hz
                    found_hz, found = measured_cutoff(cut)
                    count, missed = count + 1, missed + (not found)
                    errors += [abs(found_hz - expected)] if found else []
                median, worst = np.median(errors), np.max(errors)
                figures = f"{median:.0f} Hz", f"{worst:.0f} Hz", f"{missed}/{count}"
                lines.append([kind, f"{cutoff_hz / 1000:g} kHz", how, *figures])
    return table(["", "cut off at", "by", "median error", "worst", "missed"], lines)


def _resampled(audio: Block, sample_rate: int) -> Block:
    """Go to a lower rate and back; soxr's -6 dB point lies at 95 % of the lower half rate."""
    low = soxr.resample(audio.T, SAMPLE_RATE, sample_rate)
    return np.ascontiguousarray(soxr.resample(low, sample_rate, SAMPLE_RATE).T, np.float32)


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
    for title, make in (
        ("Bandwidth: generation", generation),
        ("Bandwidth: undamaged recordings", harm),
        ("Bandwidth: cut-off found", meter),
        ("Bandwidth: speed", speed),
    ):
        write(title, "bandwidth.py", make())
