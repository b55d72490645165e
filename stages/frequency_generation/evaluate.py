"""Evaluates the engines on held-out recordings that go through codecs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.degrade.codec import Codec, VariableCodec
from aural.dsp.decibels import db_to_power
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import weights
from aural.learning.evaluation import Case, Evaluation, Sample, System, Takes, unchanged
from aural.learning.excerpts import Excerpts
from aural.learning.material import Clip, find, load_stereo
from aural.learning.metrics.distortion import lsd, lsd_of_lost, si_sdr
from aural.learning.metrics.listening import VISQOL
from aural.learning.metrics.metric import Metric
from aural.learning.metrics.takes import lsd_between_takes, spread_of_takes
from aural.measure.bandwidth.meter import BandwidthMeter
from aural.parameters import param
from aural.signals import Block, Format
from aural.stages.frequency_generation.clips import LEAST_HZ, SAMPLE_RATE, SECONDS, whole
from aural.stages.frequency_generation.engine import GenerationEngine
from aural.stages.frequency_generation.engines import ENGINES
from aural.stages.frequency_generation.stage import FrequencyGeneration

KINDS = ("speech", "music")
CODECS = ("mp3:16", "mp3:32", "mp3:64", "mp3:96", "mp3:128", "aac:32", "aac:64", "opus:24")
CEILING_HZ = 20000.0  # of what is filled
BEST = {("vorbis", "q"): 10, ("mp3", "V"): 0}  # of the qualities that encoders count
DIGITS = tuple("0123456789")
PLACES, FAINT_DBFS = 9, -50.0  # where an excerpt is looked for, and what is too faint to be one
LOW_KBPS, LOW_RATE = 24, 24000  # MP3 of few bits is coded at a lower sample rate, as LAME does


@dataclass(frozen=True)
class CodedSample(Sample):
    """What a codec has made of a recording."""

    end_hz: float
    """Up to where the target is known: an earlier codec may have cut it off there."""


@dataclass(frozen=True, kw_only=True)
class FrequencyGenerationEvaluation(Evaluation):
    """Evaluate the repair of codec damage: LSD, LSD of what was lost, SI-SDR and ViSQOL, by codec and bit rate.

    Give folders of voices and music, of which the held-out part is used: recordings of music that last 15 s or more,
    as single notes and loops do not, and speakers of whom there are 10 s. Each excerpt goes through real encoders and
    is left as it is and restored by every engine that has weights, several times with other seeds: tables show the
    mean and the best of these takes, by how many dB their levels differ, and how far apart they are bin by bin.
    Nothing is filled above the frequency up to which the recording is known to reach, or where it was cut off before.

    Raises:
        ParameterError: besides ranges, no folder is given, a codec is not NAME:KBPS, or two networks have one name.
    """

    title: ClassVar[str] = "Frequency generation"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("LSD", "dB", 1, False, lsd),
        Metric("LSD of what was lost", "dB", 1, False, lsd_of_lost, together=True),
        Metric("SI-SDR", "dB", 1, True, si_sdr),
        VISQOL,
        Metric("spread of takes", "dB", 1, True, spread_of_takes, of_takes=True),
        Metric("LSD between takes", "dB", 1, True, lsd_between_takes, of_takes=True),
    )
    speech: tuple[str, ...] = param((), "Folder of voices; may be given several times")
    music: tuple[str, ...] = param((), "Folder of music; may be given several times")
    part: str = param("test", "Which speakers and songs to use: the test part, the validation part, or all",
                      choices=("test", "validation", "all"))  # fmt: skip
    codec: tuple[str, ...] = param(
        CODECS,
        "Codec and bit rate in kbit/s, as mp3:32, or its quality, as vorbis:q3 or "
        "mp3:V5; as mp3:64+aac:64, one after the other",
    )
    network: tuple[str, ...] = param((), "Weights you trained: path of a .safetensors file; may be given several "
                                     "times")  # fmt: skip
    takes: int = param(3, "Takes of each engine, each with another seed", low=1, high=100)
    channels: int = param(2, "Channels that are coded", low=1, high=2)
    clip_s: float = param(10.0, "Length used of each speaker or song", unit="s", low=1.0, high=60.0)
    music_s: float = param(15.0, "Length that a recording of music must have", unit="s", low=0.0, high=3600.0)
    files: int = param(16, "Maximum number of speakers or songs of each kind", low=1, high=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.speech or self.music):
            raise ParameterError("speech or music must name a folder of audio", stage="evaluation")
        for entry in self.codec:
            generations(entry)

    def systems(self) -> Mapping[str, System]:
        return {
            "input": unchanged,
            **{name: partial(restored, name, own, self.takes) for name, own in self.weighted()},
        }

    def weighted(self) -> list[tuple[str, str | None]]:
        """List the engines that have weights, and those weights that are your own.

        Raises:
            ParameterError: two networks have one name.
        """
        own: dict[str, str] = {}
        for path in self.network:
            name = _network(Path(path))
            if name in own:
                raise ParameterError(f"two networks are called {name!r}", stage="evaluation")
            own[name] = path
        return [(e.name, own.get(e.name)) for e in ENGINES if e.name in own or _ready(e)]

    def cases(self) -> Sequence[Case]:
        held_out = self.held_out()
        if not held_out:
            raise AudioError(
                f"no speaker or song of the part {self.part!r} reaches {LEAST_HZ:.0f} Hz and lasts {SECONDS:.0f} s"
            )
        return [
            Case(f"{name} {entry}", partial(self._coded, f"{name} {entry}", kind, clips, entry))
            for kind, name, clips in held_out
            for entry in self.codec
        ]

    def held_out(self) -> list[tuple[str, str, list[Clip]]]:
        """List kind, name and clips of each speaker or song."""
        part, found = None if self.part == "all" else self.part, []
        for kind in KINDS:
            groups: dict[str, list[Clip]] = {}
            for folder in getattr(self, kind):
                for clip in whole(find(folder, kind, part)):
                    if kind == "speech" or clip.seconds >= self.music_s:
                        groups.setdefault(clip.group, []).append(clip)
            names = sorted(groups)
            step = max(1, len(names) // self.files)
            found += [(kind, name, groups[name]) for name in names[::step][: self.files]]
        return found

    def _coded(self, name: str, kind: str, clips: list[Clip], entry: str) -> Sample:
        target = self._excerpt(clips)
        target = target[: self.channels] if self.channels == 2 else target.mean(axis=0, keepdims=True)
        damaged = target
        for codec in generations(entry):
            damaged = codec.there_and_back(damaged, SAMPLE_RATE)
        end_hz = min(CEILING_HZ, _cut_off_hz(target), *(clip.bandwidth_hz for clip in clips))
        return CodedSample(name, damaged, target, SAMPLE_RATE, {"codec": f"{kind}, {entry}"}, end_hz)

    def _excerpt(self, clips: list[Clip]) -> Block:
        """Return the excerpt nearest to the middle of a speaker or song that is not nearly silent."""
        excerpts = Excerpts(clips, self.clip_s, SAMPLE_RATE, load_stereo)
        places = np.linspace(0, len(excerpts) - 1, PLACES).astype(int)
        for place in sorted(places, key=lambda place: abs(place - len(excerpts) // 2)):
            excerpt: Block = excerpts[place]
            if np.square(excerpt).mean() > db_to_power(FAINT_DBFS):
                return excerpt
        raise AudioError("is silent")

    def notes(self) -> Sequence[str]:
        lacking = [e.name for e in ENGINES if not _ready(e) and e.name not in map(_network, map(Path, self.network))]
        left_out = [f"No weights: {', '.join(lacking)}."] if lacking else []
        layout = "joint stereo" if self.channels == 2 else "mono"
        return [
            f"48 kHz, {layout}; bit rates in kbit/s; MP3 up to {LOW_KBPS} kbit/s coded at {LOW_RATE / 1000:.0f} kHz.",
            *left_out,
        ]


def _cut_off_hz(target: Block) -> float:
    """Return the frequency at which a recording was cut off before; infinity where it was not."""
    meter = BandwidthMeter(Format(SAMPLE_RATE, len(target)))
    meter.update(target)
    return meter.compute().lowpass_hz or np.inf


def generations(entry: str) -> list[Codec | VariableCodec]:
    """List the codecs that an entry names: mp3:32 by its bit rate in kbit/s, vorbis:q3 and mp3:V5 by a quality, as
    their encoders count it; mp3:64+aac:64 is one after the other.

    Raises:
        ParameterError: there is no such codec, or it has no such bit rate.
    """
    codecs: list[Codec | VariableCodec] = []
    for name, _, rate in (part.partition(":") for part in entry.split("+")):
        if rate.isdecimal():
            low = name == "mp3" and int(rate) <= LOW_KBPS
            codecs.append(Codec(name, 1000 * int(rate), LOW_RATE if low else None))
        elif (name, rate[:1]) in BEST and rate[1:] in DIGITS:
            codecs.append(VariableCodec(name, (10 - abs(BEST[name, rate[0]] - int(rate[1:]))) / 10))
        else:
            raise ParameterError(
                f"codec must be NAME:KBPS, vorbis:q1 to q9 or mp3:V0 to V9, got {entry!r}",
                stage="evaluation", parameter="codec",
            )  # fmt: skip
    return codecs


def restored(engine: str, own: str | None, takes: int, sample: Sample) -> Takes:
    """Let the stage restore a recording several times, by the network of these weights or AURAL's."""
    assert isinstance(sample, CodedSample)
    stage = FrequencyGeneration(engine=engine, weights=own, ceiling_hz=sample.end_hz)
    ready = stage.measure([sample.input], Format(sample.sample_rate, len(sample.input)))
    return Takes([replace(ready, seed=seed)(sample.input, sample.sample_rate) for seed in range(takes)])


def _network(path: Path) -> str:
    _, about = weights.load(path)
    name = about.get("network")
    if name not in [engine.name for engine in ENGINES]:
        raise WeightsError("holds no network of frequency generation", path=path)
    return str(name)


def _ready(engine: type[GenerationEngine]) -> bool:
    """Say whether an engine can run without weights of one's own."""
    from aural.engine import Network

    if not issubclass(engine, Network):
        return True
    try:
        engine.shipped()
    except WeightsError:
        return False
    return True
