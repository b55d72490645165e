"""Noise reduction beside its peers: quality on voices and noises that training never saw, music, rooms and speed.

python benchmarks/noise_reduction.py                  all
python benchmarks/noise_reduction.py speed            one of quality, pauses, dnsmos, music, rooms, stereo, speed;
                                                      speed needs no recordings
PAIRS=12 CLIP_S=5 python benchmarks/...  quality      the same with fewer and shorter voices
CLEAN=DIR NOISY=DIR python benchmarks/...  pairs      recordings and the same with noise, published by others
JOBS=1 python benchmarks/...                          in so many processes; else as many as there are cores
GTCRN=gtcrn/gtcrn.py python benchmarks/...  speed     GTCRN too, from a checkout of its repository
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from corpus import CORPUS, songs
from peers import MISSING, PEERS, gtcrn
from report import side_by_side, table, write

from aural.degrade import (
    Audio,
    Babble,
    Coloured,
    Degradation,
    Noise,
    Room,
    SimulatedRoom,
    Take,
    active_db,
    degrade,
)
from aural.degrade.room import reverberation_s
from aural.dsp.decibels import db_to_gain
from aural.learning import evaluation
from aural.learning.evaluation import Case, Sample, System, through, unchanged
from aural.learning.material import find, read
from aural.learning.metrics.metric import Metric
from aural.learning.metrics.speech import SPEECH
from aural.signals import Block
from aural.stages.noise_reduction.conditions import CLEAN, SAMPLE_RATE, WITH
from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation
from aural.stages.noise_reduction.stage import NoiseReduction

OWN: Mapping[str, System] = {"compact": partial(through, NoiseReduction())}
VARIANTS: Mapping[str, System] = {
    f"unet, studio {studio:g}": partial(through, NoiseReduction(engine="unet", studio=studio))
    for studio in (0.0, 1.0)
}


@dataclass(frozen=True, kw_only=True)
class Quick(NoiseReductionEvaluation):
    """The evaluation of the stage without DNSMOS, which takes longer than all else."""

    metrics: ClassVar[tuple[Metric, ...]] = tuple(metric for metric in SPEECH if metric.name != "DNSMOS")


@dataclass(frozen=True, kw_only=True)
class Beside(Quick):
    """The same with its peers."""

    def systems(self) -> Mapping[str, System]:
        return {**super().systems(), **VARIANTS, **PEERS}


@dataclass(frozen=True, kw_only=True)
class Rated(Beside):
    """Held-out voices on phones of their own, with noise, by DNSMOS, whose windows are as long as a clip."""

    metrics: ClassVar[tuple[Metric, ...]] = tuple(metric for metric in SPEECH if metric.name == "DNSMOS")
    pairs: int = 12
    clip_s: float = 9.1

    def systems(self) -> Mapping[str, System]:
        return {"input": unchanged, **OWN, **PEERS}

    def cases(self) -> Sequence[Case]:
        asked = [m for m in self._mixtures() if m.condition.table == WITH or m.condition.name == CLEAN]
        return [Case(mixture.name, mixture.sample) for mixture in asked]


@dataclass(frozen=True, kw_only=True)
class Rooms(evaluation.Evaluation):
    """Held-out voices in simulated rooms and measured halls, with faint noise, against a room of 0.15 s."""

    title: ClassVar[str] = "Rooms"
    metrics: ClassVar[tuple[Metric, ...]] = Beside.metrics

    def systems(self) -> Mapping[str, System]:
        shares = (0.0, 0.5, 1.0)
        stages = {f"dereverb {share:g}": partial(through, NoiseReduction(dereverb=share)) for share in shares}
        return {"input": unchanged, **stages, **PEERS}

    def cases(self) -> Sequence[Case]:
        return [Case(str(number), partial(self._sample, number)) for number in range(24 + 8)]

    def _sample(self, number: int) -> Sample:
        rng = np.random.default_rng(number)
        voices = [
            clip for clip in find(CORPUS / "speech", "speech", "test") if clip.snr_db >= 30 and clip.seconds >= 4
        ]
        voice = read(voices[int(rng.integers(len(voices)))], SAMPLE_RATE)[: 8 * SAMPLE_RATE]
        decay_s = (0.3, 0.5, 0.7)[number % 3]
        room: Degradation = SimulatedRoom(
            *rng.uniform((3, 3, 2.4), (7, 5, 3)).tolist(), decay_s=decay_s, distance_m=rng.uniform(0.5, 1.2)
        )
        labels = {"rooms": "simulated", "decay": f"{decay_s:g} s"}
        if number >= 24:
            halls = [read(clip, SAMPLE_RATE) for clip in find(CORPUS / "ir", "ir", "test")]
            halls = [hall for hall in halls if 0.5 < reverberation_s(hall, SAMPLE_RATE) < 3]
            room, labels = Room(halls[number % len(halls)]), {"rooms": "measured", "decay": "1 to 2 s"}
        take = degrade(Take.of(voice, SAMPLE_RATE), [room, Coloured(slope_db=-4.0, snr_db=rng.uniform(15, 30))], rng)
        return Sample(str(number), take.noisy[np.newaxis], take.dry[np.newaxis], SAMPLE_RATE, labels)


def lowered_db(voice: Block, predicted: Block, noisy: Block, sample_rate: int) -> float:
    """Measure by how much the noise is softer in the pause."""
    if voice.all():
        return float("nan")
    first, last = _pause(voice, sample_rate)
    before, after = (np.mean(np.square(audio[:, first:last], dtype=np.float64)) for audio in (noisy, predicted))
    return float(10 * np.log10(before / max(after, 1e-12 * before)))


def other_voice_db(voice: Block, predicted: Block, noisy: Block, sample_rate: int) -> float:
    """Measure the level of the voice behind the pause that is left in a recording."""
    if voice.all():
        return float("nan")
    told, left = (audio[:, _pause(voice, sample_rate)[1] :].astype(np.float64) for audio in (voice, predicted))
    return float(20 * np.log10(max(1e-3, np.sum(told * left) / np.sum(told * told))))


def _pause(voice: Block, sample_rate: int) -> tuple[int, int]:
    """Return the frames of the longest silence, without half a second behind a voice, which may ring on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[1], voice[0] != 0, [1]]).astype(int)))
    first, last = max(edges.reshape(-1, 2), key=lambda silence: silence[1] - silence[0])
    return int(first) + sample_rate // 2, int(last)


@dataclass(frozen=True, kw_only=True)
class Pauses(evaluation.Evaluation):
    """Held-out voices that pause for two seconds, before another person speaks more softly, with several noises."""

    title: ClassVar[str] = "Pauses"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("noise lowered by", "dB", 1, rising=True, measure=lowered_db, together=True),
        Metric("other voice", "dB", 1, rising=True, measure=other_voice_db, together=True),
    )

    def systems(self) -> Mapping[str, System]:
        return {**OWN, **PEERS}

    def cases(self) -> Sequence[Case]:
        kinds = ("recorded", "steady", "babble", "babble in a room")
        return [
            Case(f"{number} {kind} {snr_db}", partial(self._sample, number, kind, snr_db))
            for number in range(12)
            for kind in kinds
            for snr_db in (5, 15)
        ]

    def _sample(self, number: int, kind: str, snr_db: int) -> Sample:
        rng = np.random.default_rng(number)
        voices = [clip for folder in VOICES for clip in find(folder, "speech", "test") if clip.snr_db >= 30]
        people = list({clip.group: clip for clip in rng.permutation(voices)}.values())
        spoken, other, *more = (read(clip, SAMPLE_RATE, 0, 4 * SAMPLE_RATE) for clip in people[:14])
        other = other * np.float32(db_to_gain(active_db(spoken, SAMPLE_RATE) - active_db(other, SAMPLE_RATE) - 10))
        voice = np.concatenate([spoken, np.zeros(2 * SAMPLE_RATE, np.float32), other])
        noises, responses = (find(CORPUS / folder, folder, "test") for folder in ("noise", "ir"))
        long = [clip for clip in noises if clip.seconds >= 4]
        noise, place = (clips[int(rng.integers(len(clips)))] for clips in (long, responses))
        sound: Degradation = {
            "recorded": Noise(read(noise, SAMPLE_RATE), snr_db=snr_db),
            "steady": Coloured(slope_db=rng.uniform(-8, 0), snr_db=snr_db),
            "babble": Babble(more, snr_db=snr_db),
            "babble in a room": Babble(more, [read(place, SAMPLE_RATE)], snr_db=snr_db),
        }[kind]
        noisy = degrade(Take.of(voice, SAMPLE_RATE), [sound], rng).noisy
        labels = {kind: f"{snr_db} dB"} | ({"recorded noise": noise.category} if kind == "recorded" else {})
        return Sample(f"{number}", noisy[np.newaxis], voice[np.newaxis], SAMPLE_RATE, labels)


@dataclass(frozen=True, kw_only=True)
class Music(evaluation.Evaluation):
    """Held-out music without any noise: what comes out should be what went in."""

    title: ClassVar[str] = "Music"
    metrics: ClassVar[tuple[Metric, ...]] = tuple(metric for metric in SPEECH if metric.name in ("SI-SDR", "LSD"))

    def systems(self) -> Mapping[str, System]:
        stages = {"keep music": NoiseReduction(keep="music"), "keep voice": NoiseReduction()}
        return {name: partial(through, stage) for name, stage in stages.items()} | dict(PEERS)

    def cases(self) -> Sequence[Case]:
        clips = [clip for part in ("test", "validation") for clip in find(CORPUS / "music", "music", part)]
        held_out = [(clip.path.stem, read(clip, SAMPLE_RATE)) for clip in clips if clip.seconds >= 8]
        mixes = [(name, mix) for name, mix, _ in songs(SAMPLE_RATE, 10)]
        return [
            Case(name, partial(self._sample, name, kind, audio))
            for kind, pieces in {"held out": held_out, "mixes of stems": mixes}.items()
            for name, audio in pieces
        ]

    def _sample(self, name: str, kind: str, audio: Audio) -> Sample:
        excerpt = audio[np.newaxis, : 10 * SAMPLE_RATE]
        return Sample(name, excerpt, excerpt, SAMPLE_RATE, {"music": kind, "recording": name})


@dataclass(frozen=True, kw_only=True)
class Stereo(evaluation.Evaluation):
    """Held-out voices in stereo: two people in turn, a microphone and a noise each; and one amid ambient noise."""

    title: ClassVar[str] = "Stereo"
    metrics: ClassVar[tuple[Metric, ...]] = Quick.metrics

    def systems(self) -> Mapping[str, System]:
        return {"input": unchanged, **OWN, **PEERS}

    def cases(self) -> Sequence[Case]:
        kinds = ("two microphones", "one voice")
        return [
            Case(f"{number} {kind}", partial(self._sample, number, kind)) for number in range(12) for kind in kinds
        ]

    def _sample(self, number: int, kind: str) -> Sample:
        rng = np.random.default_rng(number)
        voices = [clip for folder in VOICES for clip in find(folder, "speech", "test") if clip.snr_db >= 30]
        people = list({clip.group: clip for clip in rng.permutation(voices)}.values())[:2]
        first, second = (read(clip, SAMPLE_RATE, 0, 3 * SAMPLE_RATE) for clip in people)
        noises = rng.permutation([clip for clip in find(CORPUS / "noise", "noise", "test") if clip.seconds >= 4])[:2]
        in_turn = np.concatenate([first, 0 * second]), np.concatenate([0 * first, second])
        left, right = in_turn if kind == "two microphones" else (sum(in_turn), sum(in_turn))
        places = noises if kind == "two microphones" else noises[[0, 0]]
        takes = [
            degrade(Take.of(voice, SAMPLE_RATE), [Noise(read(place, SAMPLE_RATE), snr_db=snr_db)], rng)
            for voice, place, snr_db in zip((left, right), places, (15, 8), strict=True)
        ]
        noisy, voice = np.stack([take.noisy for take in takes]), np.stack([take.voice for take in takes])
        return Sample(str(number), noisy, voice, SAMPLE_RATE, {"stereo": kind})


PHONES = str(CORPUS / "speech_phone")
VOICES = (str(CORPUS / "speech"), str(CORPUS / "speech_fullband"), PHONES, str(CORPUS / "speech_misc"))
FOLDERS: Mapping[str, Any] = {"speech": VOICES, "noise": str(CORPUS / "noise"), "ir": str(CORPUS / "ir")}
SIZE: Mapping[str, Any] = {
    name.lower(): kind(os.environ[name]) for name, kind in (("PAIRS", int), ("CLIP_S", float)) if name in os.environ
}


def scores(name: str, judged: evaluation.Evaluation) -> None:
    """Write the tables of scores of an evaluation."""
    if MISSING:
        print(f"not installed, and left out: {', '.join(MISSING)}", file=sys.stderr)
    report = judged.run(jobs=int(os.environ.get("JOBS") or os.cpu_count() or 1))
    if report.errors:
        sys.exit("\n".join(report.errors))
    write(f"Noise reduction: {name}", "noise_reduction.py", report.markdown().partition("\n\n")[2])


def speed(seconds: int = 30) -> None:
    """Write the table of times for a whole-signal call on one channel."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    swell = np.clip(np.sin(2 * np.pi * 3 * np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE), 0, 1)
    audio = ((0.01 + 0.1 * swell) * rng.standard_normal(swell.size)).astype(np.float32)[np.newaxis]
    sample = Sample("swell", audio, audio, SAMPLE_RATE, {})
    systems = {
        name: partial(system, sample) for name, system in Beside(**FOLDERS).systems().items() if name != "input"
    }
    if path := os.environ.get("GTCRN"):
        low = Sample("swell", audio[:, ::3], audio[:, ::3], SAMPLE_RATE // 3, {})
        systems["GTCRN, 16 kHz"] = partial(gtcrn, Path(path), low)
    took = side_by_side(systems)
    rows = [
        [name, f"{took[name] * 1000:.0f} ms", f"{seconds / took[name]:.0f}"]
        + [f"{took[peer] / took[name]:.1f}" for peer in PEERS]
        for name in systems
    ]
    header = ["system", f"{seconds} s, mono, 48 kHz", "times real time", *(f"times {peer}" for peer in PEERS)]
    write(
        "Noise reduction: speed", "noise_reduction.py", "One thread, first pass included.\n\n" + table(header, rows)
    )


def pairs() -> None:
    """Write the table of scores of pairs of recordings."""
    if not {"CLEAN", "NOISY"} <= set(os.environ):
        sys.exit("CLEAN and NOISY must name the folders of the pairs")
    scores("published pairs", Quick(clean=os.environ["CLEAN"], noisy=os.environ["NOISY"]))


SECTIONS: Mapping[str, Callable[[], None]] = {
    "quality": lambda: scores("quality", Beside(**FOLDERS, **SIZE)),
    "pauses": lambda: scores("pauses", Pauses()),
    "dnsmos": lambda: scores("DNSMOS", Rated(**FOLDERS | {"speech": (PHONES,)}, **SIZE)),
    "music": lambda: scores("music", Music()),
    "rooms": lambda: scores("rooms", Rooms()),
    "stereo": lambda: scores("stereo", Stereo()),
    "speed": speed,
    "pairs": pairs,
}

if __name__ == "__main__":
    for section in sys.argv[1:] or [name for name in SECTIONS if name != "pairs"]:
        SECTIONS[section]()
