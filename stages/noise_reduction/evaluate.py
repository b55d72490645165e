"""Evaluates noise reduction on noisy speech whose clean original is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.audio.files import read
from aural.degrade import active_db
from aural.engine import networks
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import material, weights
from aural.learning.evaluation import Case, Evaluation, Sample, System, through, unchanged
from aural.learning.material import Clip
from aural.learning.metrics.metric import Metric
from aural.learning.metrics.speech import SPEECH
from aural.learning.pairs import matched
from aural.parameters import GIVEN, param
from aural.signals import Block
from aural.stages.noise_reduction.conditions import CLEAN, LEVEL_DBFS, SAMPLE_RATE, conditions, labels
from aural.stages.noise_reduction.engines import ENGINES
from aural.stages.noise_reduction.mixture import Mixture
from aural.stages.noise_reduction.stage import NoiseReduction

CLEAN_SNR_DB = 30.0  # a voice with more noise of its own is no reference
CLEAN_DB = 60.0  # a pair with less noise counts as clean
SNR_STEP_DB = 5
MIXED = {"speech": GIVEN}
"""Where voices and noises are mixed."""


@dataclass(frozen=True, kw_only=True)
class NoiseReductionEvaluation(Evaluation):
    """Evaluate noise reduction by PESQ, ESTOI, SI-SDR and LSD, with noise and without.

    Give either pairs of recordings (clean and noisy, with equal names), or voices and noises to mix. Speakers,
    recordings and rooms are those that training holds out. Each voice is mixed at every SNR, half of them
    by another microphone, and without noise: as it is, by another microphone, up to 8 kHz, sampled at 16 kHz, with
    the floor of a recording, clipped, through a codec, and, where impulse responses are given, in a room.

    Raises:
        ParameterError: besides ranges, neither of the two is given, or both; or the pairs would be saved over others.
        WeightsError: a network is missing, damaged, or none of noise reduction.
    """

    title: ClassVar[str] = "Noise reduction"
    metrics: ClassVar[tuple[Metric, ...]] = SPEECH
    clean: str | None = param(None, "Folder of clean recordings")
    noisy: str | None = param(None, "Folder of the same with noise: equal names, rates and lengths; its subfolders "
                              "are kinds of noise")  # fmt: skip
    speech: tuple[str, ...] = param((), "Folder of clean voices to mix with noise; may be given several times, and "
                                    "each comes equally often")  # fmt: skip
    noise: str | None = param(None, "Folder of noises; their kind is the category in its manifest, or the subfolder")
    ir: str | None = param(None, "Folder of impulse responses: each voice is put into a room, too", when=MIXED)
    reference: str = param("voice", "Target where there is a room: the voice with its reverberation, or without",
                           choices=("voice", "dry"), when=MIXED)  # fmt: skip
    part: str = param("test", "Which speakers and recordings are mixed: those held out to the end, those held out "
                      "while training, or all", choices=("test", "validation", "all"), when=MIXED)  # fmt: skip
    pairs: int = param(48, "Voices, each with one noise and one room", low=1, high=10**6, when=MIXED)
    snr_db: tuple[float, ...] = param((0.0, 5.0, 10.0, 15.0), "Levels of the voice above the noise", unit="dB",
                                      low=-30.0, high=CLEAN_DB, when=MIXED)  # fmt: skip
    clip_s: float = param(8.0, "Length of a mixture", unit="s", low=1.0, high=60.0, when=MIXED)
    seed: int = param(0, "Random seed for the choice of voices and noises", low=0, high=2**32 - 1, when=MIXED)
    network: tuple[str, ...] = param((), "Weights you trained: path of a .safetensors file; may be given several "
                                     "times")  # fmt: skip
    save_pairs: str | None = param(
        None, "Folder to write the mixtures to, as clean/ and noisy/, for use with other systems", when=MIXED
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs, mixed = (self.clean, self.noisy), (self.speech, self.noise)
        if all(pairs) == all(mixed) or (any(pairs) and any(mixed)):
            raise ParameterError("give either clean and noisy, or speech and noise", stage="evaluation")
        if not self.snr_db:
            raise ParameterError("snr_db must be at least one number", stage="evaluation", parameter="snr_db")
        if self.save_pairs and any((Path(self.save_pairs) / name).exists() for name in ("clean", "noisy")):
            raise ParameterError(f"{self.save_pairs} holds pairs already; name another folder", stage="evaluation")

    def systems(self) -> Mapping[str, System]:
        engines = {engine.name: NoiseReduction(engine=engine.name) for engine in ENGINES if engine.installed()}
        systems = {"input": unchanged} | {name: partial(through, stage) for name, stage in engines.items()}
        for path in self.network:
            if (name := Path(path).stem) in systems:
                raise ParameterError(f"two systems are called {name!r}; rename {path}", stage="evaluation")
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
        rooms = f" and one of {len({m.room for m in mixtures})} rooms" if self.ir else ""
        return [
            f"{self.pairs} voices of {voices} speakers, each with one of {noises} noises{rooms}; {self.clip_s:g} s, "
            f"{SAMPLE_RATE / 1000:g} kHz, {LEVEL_DBFS:g} dBFS; part {self.part}, seed {self.seed}; every engine at "
            f"its defaults. Voices with an SNR below {CLEAN_SNR_DB:g} dB are no reference and left out.",
            "The reference is the recording as it was before the noise, the clipping and the codec; timbre, band and "
            "room belong to it, and so does a floor 30 dB or more below the voice.",
        ]

    def _mixtures(self) -> list[Mixture]:
        """Draw in turn: sets of voices, the speakers of each, kinds of noise."""
        assert self.noise
        part = None if self.part == "all" else self.part
        sets = {Path(folder).name: _by("group", _clean(folder, part)) for folder in self.speech}
        kinds = _by("category", material.find(self.noise, "noise", part))
        rooms = material.find(self.ir, "ir", part) if self.ir else [None]
        rng = np.random.default_rng(self.seed)
        names = {name: list(rng.permutation(sorted(speakers))) for name, speakers in sets.items()}
        mixtures = []
        for number in range(self.pairs):
            kept = list(sets)[number % len(sets)]
            speaker = names[kept][number // len(sets) % len(names[kept])]
            kind = sorted(kinds)[(number + number // len(kinds)) % len(kinds)]  # not always the same set of voices
            voice, noise = _shuffled(sets[kept][speaker], rng), _shuffled(kinds[kind], rng)
            room = rooms[rng.integers(len(rooms))]
            mixtures += [
                Mixture(self, number, kept, voice, noise, room, condition)
                for condition in conditions(self.snr_db, bool(self.ir))
            ]
        return mixtures


def pair(name: str, clean: Path, noisy: Path) -> Sample:
    """Read a pair, and measure the SNR of the noisy one.

    Raises:
        AudioError: a file cannot be read, or rates, lengths or channels differ.
    """
    (target, rate), (given, given_rate) = read(clean), read(noisy)
    if (given.shape, given_rate) != (target.shape, rate):
        raise AudioError(
            f"has {_shape(given, given_rate)}, {clean} has {_shape(target, rate)}; they must be alike", path=noisy
        )
    for path, audio in ((clean, target), (noisy, given)):
        if not audio.any():
            raise AudioError("is silent", path=path)
    snr = _snr(target, given, rate)
    return Sample(name, given, target, rate, labels(snr, None if snr == CLEAN else Path(name).parent.name or "-"))


def _snr(target: Block, given: Block, sample_rate: int) -> str:
    voice, mixture = (audio.ravel().astype(np.float64) for audio in (target, given))
    voice = voice * (np.dot(mixture, voice) / max(np.dot(voice, voice), 1e-30))
    snr_db = max(active_db(voice, sample_rate) - active_db(mixture - voice, sample_rate), -CLEAN_DB)
    return CLEAN if not snr_db < CLEAN_DB else f"{SNR_STEP_DB * round(snr_db / SNR_STEP_DB)} dB"


def _shape(audio: Block, sample_rate: int) -> str:
    return f"{audio.shape[0]} x {audio.shape[1]} frames at {sample_rate} Hz"


def _engine(path: str) -> str:
    """Return the engine that weights are for."""
    _, about = weights.load(path)
    if about.get("settings", {}).get("pretrain"):
        raise WeightsError("is pre-trained only; give it to a training as init", path=path)
    if (name := about.get("network")) not in (known := networks(ENGINES)):
        raise WeightsError(f"holds none of the networks of noise reduction, {' and '.join(known)}", path=path)
    return str(name)


def _clean(folder: str, part: str | None) -> list[Clip]:
    """List the voices of a folder that are clean enough to be a reference."""
    found = [clip for clip in material.find(folder, "speech", part) if clip.snr_db >= CLEAN_SNR_DB]
    if not found:
        raise AudioError(f"no voice with an SNR of {CLEAN_SNR_DB:g} dB, which a reference needs", path=folder)
    return found


def _by(attribute: str, clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(getattr(clip, attribute), []).append(clip)
    return groups


def _shuffled(clips: Sequence[Clip], rng: np.random.Generator) -> tuple[Clip, ...]:
    return tuple(clips[index] for index in rng.permutation(len(clips)))
