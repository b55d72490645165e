"""Noise reduction: quality by SNR on voices and recordings nobody tuned on, and speed beside noisereduce.

    python benchmarks/noise_reduction.py            both; about ten minutes
    python benchmarks/noise_reduction.py speed      needs no recordings

Split: a speaker or a noise recording is held out where the CRC-32 of its name is even. The name of a speaker is what
follows the language in the manifest, that of a recording its title without the number at the end, so that the takes
of one place stay together. The parameters of the engine were chosen on the other half.
"""

from __future__ import annotations

import csv
import os
import re
import sys
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from noisereduce import reduce_noise
from numpy.typing import NDArray
from report import side_by_side, table, write

from aural.stages.noise_reduction.stage import NoiseReduction

Audio = NDArray[np.float32]
Scores = NDArray[np.float64]

CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parent.parent.parent / "shared" / "audio"))
SAMPLE_RATE = 48000
SECONDS = 8
SNRS_DB = (0, 5, 10, 15)
MIXTURES = 45
PLACES = ("street", "crowd_babble", "transport", "machines", "wind", "rain_weather", "water", "ambience", "kitchen",
          "keyboard")  # fmt: skip
ALIASES = {"cafe_babble": "crowd_babble", "crowd": "crowd_babble"}


@dataclass(frozen=True)
class Pair:
    """A voice and a noise at the same level, and where they come from."""

    speaker: str
    place: str
    recording: str
    voice: Audio
    noise: Audio

    def mixture(self, snr_db: float) -> Audio:
        """Add the noise to the voice, so many dB below it."""
        return self.voice + self.noise * np.float32(10 ** (-snr_db / 20))


def held_out(name: str) -> bool:
    """Say which side of the split a speaker or a recording lies on."""
    return zlib.crc32(name.encode()) % 2 == 0


def speaker(row: dict[str, str]) -> str:
    """Return the speaker without the language."""
    return row["speaker"].split("-", 1)[1].lower()


def recording(row: dict[str, str]) -> str:
    """Return the recording without the number of the take."""
    return re.sub(r"[\d_\W]+$", "", row["recording"]).lower()


def manifest(kind: str) -> list[dict[str, str]]:
    """Read the list of a folder of the corpus."""
    with (CORPUS / kind / "MANIFEST.csv").open() as file:
        return [{**row, "path": f"{kind}/{row['path']}"} for row in csv.DictReader(file)]


def read(row: dict[str, str]) -> Audio:
    """Read the first channel of a recording at 48 kHz."""
    audio, rate = soundfile.read(CORPUS / row["path"], dtype="float32", always_2d=True)
    return soxr.resample(audio[:, 0], rate, SAMPLE_RATE).astype(np.float32)


def pairs(count: int, held: bool = True, seed: int = 0) -> Iterator[Pair]:
    """Draw voices and places in turn: every speaker before one comes twice, every kind of place equally often.

    Voices of at least 7 kHz bandwidth and 30 dB SNR; noises of at least 8 s, so beds rather than single events.
    """
    rng = np.random.default_rng(seed)
    voices: dict[str, list[dict[str, str]]] = {}
    for row in manifest("speech"):
        if float(row["bandwidth_hz"]) >= 7000 and float(row["snr_db"] or 0) >= 30 and held_out(speaker(row)) == held:
            voices.setdefault(speaker(row), []).append(row)
    noises: dict[str, dict[str, list[dict[str, str]]]] = {place: {} for place in PLACES}
    for row in manifest("noise"):
        place = ALIASES.get(row["category"], row["category"])
        if place in PLACES and float(row["seconds"]) >= 8 and held_out(recording(row)) == held:
            noises[place].setdefault(recording(row), []).append(row)
    speakers = list(rng.permutation(sorted(voices)))
    places = {place: list(rng.permutation(sorted(noises[place]))) for place in PLACES if noises[place]}
    for number in range(count):
        who, where = speakers[number % len(speakers)], list(places)[number % len(places)]
        names = places[where]
        takes = noises[where][names[(number // len(places)) % len(names)]]
        take = takes[rng.integers(len(takes))]
        order = rng.permutation(len(voices[who]))[:30]
        voice = np.concatenate([read(voices[who][index]) for index in order])[: SECONDS * SAMPLE_RATE]
        noise = np.resize(read(take), max(len(voice), round(float(take["seconds"]) * SAMPLE_RATE)))
        start = rng.integers(len(noise) - len(voice) + 1)
        yield Pair(who, where, recording(take), _level(voice), _level(noise[start : start + len(voice)]))


def _level(audio: Audio, rms: float = 0.05) -> Audio:
    return (audio * (rms / np.sqrt(np.mean(np.square(audio, dtype=np.float64))))).astype(np.float32)


def scores(clean: Audio, heard: Audio) -> Scores:
    """Return PESQ (wide band), ESTOI in per cent (both at 16 kHz) and SI-SDR in dB (at 48 kHz)."""
    from pesq import pesq
    from pystoi import stoi

    narrow = [soxr.resample(audio, SAMPLE_RATE, 16000) for audio in (clean, heard)]
    return np.array([pesq(16000, *narrow, "wb"), 100 * stoi(*narrow, 16000, extended=True), si_sdr(clean, heard)])


def si_sdr(clean: Audio, heard: Audio) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux and others 2019)."""
    reference, estimate = clean.astype(np.float64), heard.astype(np.float64)
    target = np.dot(estimate, reference) / np.dot(reference, reference) * reference
    return float(10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2)))


SYSTEMS = {
    "input": lambda audio: audio,
    "mmse": lambda audio: NoiseReduction()(audio, SAMPLE_RATE),
    "gate": lambda audio: NoiseReduction(engine="gate")(audio, SAMPLE_RATE),
    "noisereduce, non-stationary": lambda audio: reduce_noise(audio, SAMPLE_RATE),
    "noisereduce, stationary": lambda audio: reduce_noise(audio, SAMPLE_RATE, stationary=True),
}


def judge(pair: Pair) -> Scores:
    """Score all systems at all SNRs and on the clean voice, shape (SNRs + 1, systems, metrics)."""
    warnings.simplefilter("ignore")  # noisereduce divides by zero where a recording is silent
    heard = [*(pair.mixture(snr_db) for snr_db in SNRS_DB), pair.voice + np.float32(1e-9)]
    return np.array([[scores(pair.voice, run(audio)) for run in SYSTEMS.values()] for audio in heard])


def quality() -> None:
    """Write the table of scores by SNR."""
    material = list(pairs(MIXTURES))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        judged = np.array(list(pool.map(judge, material)))
    mean = judged.mean(axis=0)
    rows = []
    for index, name in enumerate([f"{snr_db} dB" for snr_db in SNRS_DB] + ["clean"]):
        for system, (pesq, estoi, sdr) in zip(SYSTEMS, mean[index], strict=True):
            distance = "-" if name == "clean" and system == "input" else f"{sdr:.1f}"
            rows.append([name, system, f"{pesq:.2f}", f"{estoi:.1f}", distance])
    gain = judged[:, : len(SNRS_DB), 1] - judged[:, : len(SNRS_DB), 0]
    better = ", ".join(f"{share:.0%}" for share in (gain > 0).mean(axis=(0, 1)))
    speakers, recordings = len({p.speaker for p in material}), len({p.recording for p in material})
    text = (
        f"{len(material)} pairs of held-out voices ({speakers} speakers) and ambient noises ({recordings} "
        f"recordings), {SECONDS} s, 48 kHz, every stage at its defaults; the rule of the split stands in the script. "
        f"mmse raises PESQ, ESTOI and SI-SDR in {better} of the mixtures.\n\n"
    )
    header = ["SNR", "system", "PESQ", "ESTOI %", "SI-SDR dB"]
    write("Noise reduction: quality", "noise_reduction.py", text + table(header, rows))


def speed(seconds: int = 30) -> None:
    """Write the table of times for a whole-signal call on one channel."""
    rng = np.random.default_rng(0)
    swell = np.clip(np.sin(2 * np.pi * 3 * np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE), 0, 1)
    audio = ((0.01 + 0.1 * swell) * rng.standard_normal(swell.size)).astype(np.float32)
    names = [name for name in SYSTEMS if name != "input"]
    took = side_by_side({name: lambda name=name: SYSTEMS[name](audio) for name in names})  # type: ignore[misc]
    peers = names[2:]
    rows = [
        [name, f"{took[name] * 1000:.0f} ms", f"{seconds / took[name]:.0f}"]
        + [f"{took[peer] / took[name]:.1f}" for peer in peers]
        for name in names
    ]
    header = ["system", f"{seconds} s, mono, 48 kHz", "times real time", *(f"times {peer}" for peer in peers)]
    write(
        "Noise reduction: speed", "noise_reduction.py", "One thread, first pass included.\n\n" + table(header, rows)
    )


if __name__ == "__main__":
    if "speed" not in sys.argv[1:]:
        quality()
    speed()
