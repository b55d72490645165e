"""Evaluates noise reduction on noisy speech whose clean original is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.audio.files import read
from aural.degrade import Audio, Noise, Room, Take, active_db, degrade
from aural.engine import networks
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import evaluation, material, metrics, weights
from aural.learning.evaluation import Case, Sample, System, through, unchanged
from aural.learning.material import Clip
from aural.learning.pairs import matched
from aural.parameters import param
from aural.signals import Block
from aural.stages.noise_reduction.engines import ENGINES
from aural.stages.noise_reduction.stage import NoiseReduction

SAMPLE_RATE = 48000
LEVEL_DBFS = -26.0
CLEAN_SNR_DB = 30.0  # a voice with more noise of its own is no reference
CLEAN_DB = 60.0  # a pair with less noise counts as clean
SNR_STEP_DB = 5
MIXED = {"ir", "reference", "part", "pairs", "snr_db", "clip_s", "seed", "save_pairs"}
"""What says how voices and noises are mixed."""


@dataclass(frozen=True, kw_only=True)
class Evaluation(evaluation.Evaluation):
    """Evaluate noise reduction on noisy speech: PESQ, ESTOI, SI-SDR and LSD by SNR and kind of noise.

    Give either pairs of recordings (clean and noisy, with the same names), or voices and noises to mix. From these,
    the held-out speakers and recordings are used, and each voice is evaluated at every SNR and clean.

    Raises:
        ParameterError: besides ranges, neither of the two is given, or both; or the pairs would be saved over others.
        WeightsError: a network is missing, damaged, or none of noise reduction.
    """

    title: ClassVar[str] = "Noise reduction"
    metrics: ClassVar[tuple[metrics.Metric, ...]] = metrics.SPEECH
    clean: str | None = param(None, "Folder of clean recordings")
    noisy: str | None = param(None, "Folder of their noisy versions: same names, sample rates and lengths; its "
                              "subfolders are kinds of noise")  # fmt: skip
    speech: str | None = param(None, "Folder of clean voices to mix with noise")
    noise: str | None = param(
        None, "Folder of noises; the kind of each is the category in the manifest, or the subfolder"
    )
    ir: str | None = param(None, "Folder of room impulse responses; each voice is convolved with one")
    reference: str = param("voice", "Reference for the scores: the voice in its room, or the dry voice",
                           choices=("voice", "dry"))  # fmt: skip
    part: str = param("test", "Which speakers and recordings to use: the test part, the validation part, or all",
                      choices=("test", "validation", "all"))  # fmt: skip
    pairs: int = param(48, "Number of voices, each mixed with one noise at every SNR", low=1, high=10**6)
    snr_db: tuple[float, ...] = param((0.0, 5.0, 10.0, 15.0), "Signal-to-noise ratios of the mixtures", unit="dB",
                                      low=-30.0, high=CLEAN_DB)  # fmt: skip
    clip_s: float = param(8.0, "Length of a mixture", unit="s", low=1.0, high=60.0)
    seed: int = param(0, "Random seed for the choice of voices and noises", low=0, high=2**32 - 1)
    network: tuple[str, ...] = param((), "Weights you trained: path of a .safetensors file; may be given several "
                                     "times")  # fmt: skip
    save_pairs: str | None = param(
        None, "Folder to write the mixtures to, as clean/ and noisy/, for use with other systems"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs, mixed = (self.clean, self.noisy), (self.speech, self.noise)
        if all(pairs) == all(mixed) or (any(pairs) and any(mixed)):
            raise ParameterError("evaluation: give either clean and noisy, or speech and noise")
        for setting in fields(self):
            if self.clean and setting.name in MIXED and getattr(self, setting.name) != setting.default:
                raise ParameterError(f"evaluation: {setting.name} is for mixtures of speech and noise, not for pairs")
        if not self.snr_db:
            raise ParameterError("evaluation: snr_db must be at least one number")
        if self.save_pairs and any((Path(self.save_pairs) / name).exists() for name in ("clean", "noisy")):
            raise ParameterError(f"evaluation: {self.save_pairs} holds pairs already; name another folder")

    def systems(self) -> Mapping[str, System]:
        engines = {engine.name: NoiseReduction(engine=engine.name) for engine in ENGINES}
        systems = {"input": unchanged} | {name: partial(through, stage) for name, stage in engines.items()}
        for path in self.network:
            if (name := Path(path).stem) in systems:
                raise ParameterError(f"evaluation: two systems are called {name!r}; rename {path}")
            systems[name] = partial(through, NoiseReduction(engine=_engine(path), weights=path))
        return systems

    def cases(self) -> Sequence[Case]:
        if self.clean and self.noisy:
            return [Case(name, partial(pair, name, *files)) for name, *files in matched(self.clean, self.noisy)]
        return [Case(mixture.name, mixture.sample) for mixture in self._mixtures()]

    def notes(self) -> Sequence[str]:
        if self.clean:
            return [f"SNR: as measured between noisy and clean, to the nearest {SNR_STEP_DB} dB."]
        mixtures = self._mixtures()
        voices = len({mixture.voice[0].group for mixture in mixtures})
        noises = len({mixture.noise[0].group for mixture in mixtures})
        rooms = f", each in one of {len({m.room for m in mixtures})} rooms" if self.ir else ""
        return [
            f"{self.pairs} voices of {voices} speakers, each with one of {noises} noises{rooms}; {self.clip_s:g} s, "
            f"{SAMPLE_RATE / 1000:g} kHz; part {self.part}, seed {self.seed}; every engine at its defaults. "
            f"Voices whose manifest gives them an SNR below {CLEAN_SNR_DB:g} dB are no reference and left out."
        ]

    def _mixtures(self) -> list[Mixture]:
        """Draw voices and noises in turn: each speaker before one comes twice, each kind of noise equally often."""
        assert self.speech
        assert self.noise
        part = None if self.part == "all" else self.part
        voices = [clip for clip in material.find(self.speech, "speech", part) if clip.snr_db >= CLEAN_SNR_DB]
        if not voices:
            raise AudioError(f"{self.speech}: no voice with an SNR of {CLEAN_SNR_DB:g} dB, which a reference needs")
        speakers = _by("group", voices)
        kinds = _by("category", material.find(self.noise, "noise", part))
        rooms = material.find(self.ir, "ir", part) if self.ir else [None]
        rng = np.random.default_rng(self.seed)
        names = list(rng.permutation(sorted(speakers)))
        mixtures = []
        for number in range(self.pairs):
            voice = _shuffled(speakers[names[number % len(names)]], rng)
            kind = sorted(kinds)[number % len(kinds)]
            noise, room = _shuffled(kinds[kind], rng), rooms[rng.integers(len(rooms))]
            mixtures += [Mixture(self, number, voice, noise, room, snr_db) for snr_db in (*self.snr_db, None)]
        return mixtures


@dataclass(frozen=True)
class Mixture:
    """A voice in noise, as files: takes of one speaker, of one kind of noise."""

    settings: Evaluation
    number: int
    voice: tuple[Clip, ...]
    noise: tuple[Clip, ...]
    room: Clip | None
    snr_db: float | None

    @property
    def name(self) -> str:
        """Name the mixture so that it says what it is and can be a file."""
        kind = "clean" if self.snr_db is None else self.noise[0].category
        words = f"{self.number:03d} {self.voice[0].group} {self.snr} {kind}"
        return "/".join(re.sub(r"[^\w.]+", "-", text) for text in (kind, words))

    @property
    def snr(self) -> str:
        return "clean" if self.snr_db is None else f"{self.snr_db:g} dB"

    def sample(self) -> Sample:
        """Mix it, at one level of the voice, and write it to the folder for pairs if there is one."""
        take = self._take()
        wanted = take.voice if self.settings.reference == "voice" else take.dry
        if not wanted.any():
            raise AudioError(f"{self.voice[0].path}: is silent")
        gain = np.float32(10 ** ((LEVEL_DBFS - active_db(wanted, SAMPLE_RATE)) / 20))
        sample = Sample(
            self.name,
            gain * take.heard[np.newaxis],
            gain * wanted[np.newaxis],
            SAMPLE_RATE,
            labels(self.snr, self.noise[0].category),
        )
        if self.settings.save_pairs:
            _save(sample, Path(self.settings.save_pairs))
        return sample

    def _take(self) -> Take:
        rng = np.random.default_rng([self.settings.seed, self.number])  # the same noise at every SNR
        frames = round(self.settings.clip_s * SAMPLE_RATE)
        harms: list[Noise | Room] = []
        if self.room:
            harms.append(Room(material.read(self.room, SAMPLE_RATE)))
        if self.snr_db is not None:
            harms.append(Noise(_joined(self.noise, frames), snr_db=self.snr_db))
        return degrade(Take.of(_joined(self.voice, frames)[:frames], SAMPLE_RATE), harms, rng)


def pair(name: str, clean: Path, noisy: Path) -> Sample:
    """Read a pair, and measure the SNR of the noisy one.

    Raises:
        AudioError: a file cannot be read, or rates, lengths or channels differ.
    """
    (wanted, rate), (heard, heard_rate) = read(clean), read(noisy)
    if (heard.shape, heard_rate) != (wanted.shape, rate):
        raise AudioError(
            f"{noisy} has {_shape(heard, heard_rate)}, {clean} has {_shape(wanted, rate)}; they must be alike"
        )
    for path, audio in ((clean, wanted), (noisy, heard)):
        if not audio.any():
            raise AudioError(f"{path}: is silent")
    kind = Path(name).parent.name or "-"
    return Sample(name, heard, wanted, rate, labels(_snr(wanted, heard, rate), kind))


def labels(snr: str, kind: str) -> Mapping[str, str]:
    """Say where a recording belongs in each table; a clean one only in that by SNR."""
    return {"SNR": snr} if snr == "clean" else {"recordings": "noisy", "SNR": snr, "noise": kind}


def _snr(wanted: Block, heard: Block, sample_rate: int) -> str:
    voice, mixture = (audio.ravel().astype(np.float64) for audio in (wanted, heard))
    voice = voice * (np.dot(mixture, voice) / max(np.dot(voice, voice), 1e-30))
    snr_db = max(active_db(voice, sample_rate) - active_db(mixture - voice, sample_rate), -CLEAN_DB)
    return "clean" if not snr_db < CLEAN_DB else f"{SNR_STEP_DB * round(snr_db / SNR_STEP_DB)} dB"


def _shape(audio: Block, sample_rate: int) -> str:
    return f"{audio.shape[0]} x {audio.shape[1]} frames at {sample_rate} Hz"


def _engine(path: str) -> str:
    """Return the engine that weights are for."""
    _, about = weights.load(path)
    if about.get("settings", {}).get("pretrain"):
        raise WeightsError(f"{path}: is pre-trained only; fine-tune it with --init")
    if (name := about.get("network")) not in (known := networks(ENGINES)):
        raise WeightsError(f"{path}: holds none of the networks of noise reduction, {' and '.join(known)}")
    return str(name)


def _by(attribute: str, clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(getattr(clip, attribute), []).append(clip)
    return groups


def _shuffled(clips: Sequence[Clip], rng: np.random.Generator) -> tuple[Clip, ...]:
    return tuple(clips[index] for index in rng.permutation(len(clips)))


def _joined(clips: Sequence[Clip], frames: int) -> Audio:
    """Read takes one after the other until there are so many frames; fewer where there is no more."""
    takes: list[Audio] = []
    for clip in clips:
        takes.append(material.read(clip, SAMPLE_RATE))
        if sum(take.size for take in takes) >= frames:
            break
    return np.concatenate(takes)


def _save(sample: Sample, folder: Path) -> None:
    import soundfile

    for name, audio in (("clean", sample.wanted), ("noisy", sample.heard)):
        path = folder / name / f"{sample.name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            soundfile.write(path, audio.T, sample.sample_rate, "FLOAT")
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: cannot be written: {error}") from error
