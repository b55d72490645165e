"""Evaluates source separation on songs whose stems are known, and on voices mixed with music."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.degrade import active_db
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError, ParameterError
from aural.learning.evaluation import Case, Evaluation, Sample, System, unchanged
from aural.learning.material import Clip, find, load_stereo
from aural.learning.metrics.metric import Metric
from aural.learning.metrics.stems import STEMS
from aural.learning.stems import Song, is_voice, songs
from aural.parameters import GIVEN, param
from aural.signals import Block
from aural.stages.source_separation.engines.demucs.engine import DemucsEngine
from aural.stages.source_separation.engines.demucs.network import load
from aural.stages.source_separation.engines.voice.engine import VoiceEngine
from aural.stages.source_separation.engines.voice.network import SAMPLE_RATE
from aural.stages.source_separation.engines.voice.stream import network
from aural.stages.source_separation.stage import SourceSeparation

VOICE, REST = "voice", "rest"
"""The stems that every song and every mixture has: its voices, and all that is none."""
GIVEN_AS = {"center": VOICE, "sides": REST, "percussive": "drums", "harmonic": "no_drums"}
"""What the stems of an engine are compared with, where they have other names."""
LEVEL_DBFS = -26.0
"""Active level of the rest in a mixture."""
LEAST_SNR_DB = 20.0
"""Of a voice, where a manifest tells, to be a target."""
MIXED = {"voice": GIVEN}
"""Where voices and music are mixed."""


@dataclass(frozen=True, kw_only=True)
class SeparationEvaluation(Evaluation):
    """Evaluate source separation by SDR, SI-SDR and leakage: songs whose stems are known, or voices mixed with music.

    The voice of a song is the sum of its stems whose names hold vocals, voice, speech or the like, such as Lead
    Vocals; the rest is the sum of all others. Of the folders those songs, speakers and recordings are taken that
    training holds out.

    Raises:
        ParameterError: besides ranges, neither songs nor both voices and music are given; or mixtures would be saved
            over others.
    """

    title: ClassVar[str] = "Source separation"
    metrics: ClassVar[tuple[Metric, ...]] = STEMS
    stems: tuple[str, ...] = param((), "Folder of songs, each a folder with a file for each stem, such as MUSDB; may "
                                   "be given several times")  # fmt: skip
    voice: tuple[str, ...] = param((), "Folder of voices to mix with the rest; may be given several times, and each "
                                   "comes equally often")  # fmt: skip
    rest: tuple[str, ...] = param((), "Folder of music or noise without voices; may be given several times, and each "
                                  "comes equally often")  # fmt: skip
    part: str = param("test", "Which songs, speakers and recordings are taken: those held out to the end, those held "
                      "out while training, or all", choices=("test", "validation", "all"))  # fmt: skip
    pairs: int = param(24, "Voices, each with one piece of the rest", low=1, high=10**6, when=MIXED)
    ratio_db: tuple[float, ...] = param((-5.0, 0.0, 5.0, 10.0), "Levels of the voice above the rest", unit="dB",
                                        low=-30.0, high=60.0, when=MIXED)  # fmt: skip
    clip_s: float = param(8.0, "Length of a mixture", unit="s", low=1.0, high=60.0, when=MIXED)
    seed: int = param(0, "Random seed for the choice of voices and music", low=0, high=2**32 - 1, when=MIXED)
    model: tuple[str, ...] = param((), "Model of demucs: a name, or the path of a checkpoint; may be given several "
                                   "times")  # fmt: skip
    trust_model: bool = param(False, "Open models even if they are pickles (.th), which can run any program: only if "
                              "you trust who made them", when={"model": GIVEN})  # fmt: skip
    network: tuple[str, ...] = param((), "Weights you trained: path of a .safetensors file; may be given several "
                                     "times")  # fmt: skip
    save_mixtures: str | None = param(None, "Folder to write the mixtures to, with their stems, for use with other "
                                      "systems", when=MIXED)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.voice) != bool(self.rest) or not (self.stems or self.voice):
            raise ParameterError(
                "give stems, or voice and rest, or all of them: folders of audio", stage="evaluation"
            )
        for entry in self.extra:
            if entry.endswith(".toml"):
                raise ParameterError(
                    "extra must name a folder of stems; a chain gives one signal",
                    stage="evaluation",
                    parameter="extra",
                )
        if not self.ratio_db:
            raise ParameterError("ratio_db must be at least one number", stage="evaluation", parameter="ratio_db")
        if self.save_mixtures and Path(self.save_mixtures).exists():
            raise ParameterError(f"{self.save_mixtures} exists already; name another folder", stage="evaluation")

    def systems(self) -> Mapping[str, System]:
        own = [(name, SourceSeparation(engine=name)) for name in ("voice", "center", "hpss")]
        own += [(Path(path).stem, SourceSeparation(engine=VoiceEngine.name, weights=path)) for path in self.network]
        found: list[tuple[str, System]] = [(name, partial(separated, stage)) for name, stage in own]
        found += [(Path(model).stem, partial(demucs, model, self.trust_model)) for model in self.model]
        for number, (name, _) in enumerate(found):
            if name in dict(found[:number]):
                raise ParameterError(f"two systems are called {name!r}", stage="evaluation")
        return {"input": unchanged} | dict(found)

    def cases(self) -> Sequence[Case]:
        """List songs and mixtures, once every model could be opened.

        Raises:
            AudioError: a folder is missing, or what lies in it does not fit together.
            WeightsError: a model, or weights, cannot be opened.
        """
        for model in self.model:
            load(model, self.trust_model)
        for path in self.network:
            network(Path(path))
        part = None if self.part == "all" else self.part
        found = [song for folder in self.stems for song in songs(folder, part)]
        return [Case(song.name, partial(sung, song)) for song in found] + self._mixtures(part)

    def notes(self) -> Sequence[str]:
        notes = [
            f"Part {self.part}. SDR: median over seconds, as museval has it. Leakage: how far below the mixture a "
            "stem lies while it ought to be silent; lower is better. A system is judged by the stems that it gives: "
            "center by voice and rest, hpss by drums."
        ]
        mixed = f"Mixtures of {self.clip_s:g} s at 48 kHz, the voice in the middle, seed {self.seed}."
        return [*notes, mixed] if self.voice else notes

    def _mixtures(self, part: str | None) -> list[Case]:
        """Draw in turn: the folders of voices, and of the rest, and speakers and recordings in them."""
        rng = np.random.default_rng(self.seed)
        voices = [_drawn(_clean(folder, part), rng) for folder in self.voice]
        rests = [_drawn(_long(folder, part, self.clip_s), rng) for folder in self.rest]
        cases = []
        for number in range(self.pairs if self.voice else 0):
            spoken = voices[number % len(voices)]
            around = rests[number % len(rests)]
            voice = spoken[number // len(voices) % len(spoken)]
            rest = around[number // len(rests) % len(around)]
            for ratio_db in self.ratio_db:
                mixture = MixedVoice(number, voice, rest, ratio_db, self.clip_s, self.save_mixtures)
                cases.append(Case(mixture.name, mixture.sample))
        return cases


@dataclass(frozen=True)
class MixedVoice:
    """A voice over something else, as files."""

    number: int
    voice: tuple[Clip, ...]
    """Recordings of one speaker."""
    rest: tuple[Clip, ...]
    """Parts of one recording."""
    ratio_db: float
    clip_s: float
    folder: str | None

    @property
    def name(self) -> str:
        """Name it so that it can be a folder."""
        words = f"{self.number:03d} {self.voice[0].group} {Path(self.rest[0].group).name} {self.ratio_db:g} dB"
        return re.sub(r"[^\w.-]+", "-", words)

    def sample(self) -> Sample:
        """Mix it, at one level of the rest, and write it to the folder if there is one.

        Raises:
            AudioError: a recording is silent or cannot be read, or the mixture cannot be written.
        """
        frames = round(self.clip_s * SAMPLE_RATE)
        voice, rest = (_joined(clips, frames) for clips in (self.voice, self.rest))
        voice = np.repeat(voice[:1], 2, axis=0)
        levels = []
        for audio, clips in ((voice, self.voice), (rest, self.rest)):
            levels.append(max(active_db(channel, SAMPLE_RATE) for channel in audio))
            if not np.isfinite(levels[-1]):
                raise AudioError("is silent", path=clips[0].path)
        voice = voice * np.float32(db_to_gain(LEVEL_DBFS + self.ratio_db - levels[0]))
        rest = rest * np.float32(db_to_gain(LEVEL_DBFS - levels[1]))
        wanted = {VOICE: voice, REST: rest}
        sample = Sample(self.name, voice + rest, wanted, SAMPLE_RATE, {"voice above rest": f"{self.ratio_db:g} dB"})
        if self.folder:
            _save(sample, Path(self.folder))
        return sample


def sung(song: Song) -> Sample:
    """Read a song: its mixture is the sum of its stems.

    Raises:
        AudioError: a stem cannot be read.
    """
    parts = song.read(SAMPLE_RATE)
    mixture = sum(parts.values(), np.zeros_like(next(iter(parts.values()))))
    of_voice = [audio for name, audio in parts.items() if is_voice(name)]
    others = {name: audio for name, audio in parts.items() if not is_voice(name)}
    wanted: dict[str, Block] = {}
    if of_voice:
        wanted[VOICE] = sum(of_voice[1:], of_voice[0])
        wanted[REST] = mixture - wanted[VOICE]
    if len(others) > 1 or not of_voice:
        wanted |= others
    return Sample(song.name, mixture, wanted, SAMPLE_RATE, {"songs": song.name})


def demucs(model: str, trust: bool, sample: Sample) -> Mapping[str, Block]:
    """Separate a sample by a model of demucs, which each process opens once.

    Raises:
        WeightsError: the model cannot be opened.
    """
    return separated(SourceSeparation(engine=DemucsEngine.name, model=load(model, trust)), sample)


def separated(stage: SourceSeparation, sample: Sample) -> Mapping[str, Block]:
    """Separate a sample; name the stems as those of songs are named."""
    found = {
        VOICE if is_voice(name) else GIVEN_AS.get(name, name): audio
        for name, audio in stage(sample.input, sample.sample_rate).items()
    }
    return found if VOICE not in found or REST in found else found | {REST: sample.input - found[VOICE]}


def _clean(folder: str, part: str | None) -> list[Clip]:
    """List the voices of a folder that are clean enough to be a reference."""
    found = [clip for clip in find(folder, "speech", part) if clip.snr_db >= LEAST_SNR_DB]
    if not found:
        raise AudioError(f"no voice with an SNR of {LEAST_SNR_DB:g} dB, which a reference needs", path=folder)
    return found


def _long(folder: str, part: str | None, seconds: float) -> list[Clip]:
    """List the parts of those recordings of a folder that last as long as a mixture."""
    clips = find(folder, "rest", part)
    lengths = Counter[str]()
    for clip in clips:
        lengths[clip.group] += clip.seconds  # type: ignore[assignment]
    found = [clip for clip in clips if lengths[clip.group] >= seconds]
    if not found:
        raise AudioError(f"no recording lasts {seconds:g} s", path=folder)
    return found


def _drawn(clips: Sequence[Clip], rng: np.random.Generator) -> list[tuple[Clip, ...]]:
    """Put the clips of one group together, in an order drawn by chance."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(clip.group, []).append(clip)
    drawn = [tuple(clips[n] for n in rng.permutation(len(clips))) for _, clips in sorted(groups.items())]
    return [drawn[n] for n in rng.permutation(len(drawn))]


def _joined(clips: Sequence[Clip], frames: int) -> Block:
    """Read clips one after the other, and again where they are too short, until there are so many frames."""
    pieces: list[Block] = []
    while (missing := frames - sum(piece.shape[-1] for piece in pieces)) > 0:
        clip = clips[len(pieces) % len(clips)]
        audio = load_stereo(clip, SAMPLE_RATE)[:, :missing]
        if not audio.size:
            raise AudioError("holds no audio", path=clip.path)
        pieces.append(audio.astype(np.float32) / np.float32(32768))
    return np.concatenate(pieces, axis=-1)


def _save(sample: Sample, folder: Path) -> None:
    import soundfile

    assert isinstance(sample.target, Mapping)
    for name, audio in {"mixture": sample.input, **sample.target}.items():
        path = folder / sample.name / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            soundfile.write(path, audio.T, sample.sample_rate, "FLOAT")
        except soundfile.LibsndfileError as error:
            raise AudioError(f"cannot be written: {error}", path=path) from error
