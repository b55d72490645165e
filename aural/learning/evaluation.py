"""Evaluation: every system runs over every recording, and the scores go into tables.

A stage derives an `Evaluation` with its systems and recordings. A system that fails on one recording still runs on
the others; the report names every failure, and each row of a table says how many files it is the mean of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural import devices
from aural.audio.files import Info, read
from aural.audio.metadata import About
from aural.audio.writing import write_audio
from aural.chainfile import read_chain
from aural.errors import AudioError, AuralError, ParameterError
from aural.learning.metrics.metric import Metric
from aural.learning.report import Report, Score
from aural.parameters import check, param
from aural.signals import Block, Format
from aural.stage import Effect

REFERENCE = "reference"
STEM = "stems"
"""Title of the table that has a row for each stem."""
SLACK_S = 0.1
"""Outputs of another system may be this much longer or shorter; they are cut, or end in silence."""


@dataclass(frozen=True)
class Sample:
    """A recording to be judged: the input and the target, all (channels, frames) and in time."""

    name: str
    input: Block
    target: Block | Mapping[str, Block]
    """One signal, or stems by name."""
    sample_rate: int
    labels: Mapping[str, str]
    """The group it belongs to in each table, by the title of the table."""


@dataclass(frozen=True)
class Case:
    """A recording that is made or read in the process that evaluates it."""

    name: str
    load: Callable[[], Sample]


@dataclass(frozen=True)
class Takes:
    """Several outputs of one system for one recording. Each is judged; tables show the mean and the best."""

    blocks: Sequence[Block]


Result = Block | Takes | Mapping[str, Block]
System = Callable[[Sample], Result | None]
"""Returns its output, several takes, or the stems that it can give; None for a recording that it is not meant for."""


@dataclass(frozen=True)
class Verdict:
    """The scores of all systems on one case, and the errors."""

    scores: list[Score] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


VerdictWatch = Callable[[Iterable[Verdict], int], Iterable[Verdict]]


@dataclass(frozen=True, kw_only=True)
class Evaluation(ABC):
    """The evaluation of a stage, which adds its systems and its recordings.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range, or two systems have one name.
    """

    title: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    extra: tuple[str, ...] = param((), "Another system to compare, as NAME=PATH: a folder of its outputs, named "
                                   "like the recordings, or a chain file (.toml) to run; may be given several times",
                                   examples=(("rnnoise=out/rnnoise",),))  # fmt: skip

    def __post_init__(self) -> None:
        check(self, "evaluation")
        names = [*self.systems(), *(entry.partition("=")[0] for entry in self.extra)]
        for entry in self.extra:
            name, _, path = entry.partition("=")
            if not (name and path):
                raise ParameterError(f"extra must be NAME=PATH, got {entry!r}", stage="evaluation", parameter="extra")
            if names.count(name) > 1:
                raise ParameterError(f"two systems are called {name!r}", stage="evaluation")

    @abstractmethod
    def systems(self) -> Mapping[str, System]:
        """Name the systems that are judged beside each other."""

    @abstractmethod
    def cases(self) -> Sequence[Case]:
        """List the recordings.

        Raises:
            AudioError: a folder is missing, or what lies in it does not fit together.
        """

    def notes(self) -> Sequence[str]:
        """Say what a reader of the tables should know."""
        return ()

    def run(
        self, jobs: int = 1, watch: VerdictWatch = lambda verdicts, total: verdicts, keep: Path | None = None
    ) -> Report:
        """Judge all systems on all cases.

        Args:
            jobs: processes, each of which computes in one thread where there are several.
            watch: passes the verdicts on, e.g. to show progress; its second argument is their number.
            keep: folder to write all outputs to: a subfolder for each system and each further take of it, and
                `reference` for the targets.

        Raises:
            AuralError: a metric cannot be measured here, there is no recording, or as `cases`.
        """
        metrics, left_out = _measurable(self.metrics)
        systems = dict(self.systems()) | dict(map(_extra, self.extra))
        cases = self.cases()
        if not cases:
            raise AudioError("no recording in these folders is fit to be judged")
        verdicts = list(watch(judge(cases, systems, metrics, jobs, keep), len(cases)))
        return Report(
            title=self.title,
            settings=asdict(self),
            notes=(*self.notes(), *left_out),
            metrics=metrics,
            scores=tuple(score for verdict in verdicts for score in verdict.scores),
            errors=tuple(error for verdict in verdicts for error in verdict.errors),
        )


def judge(
    cases: Sequence[Case],
    systems: Mapping[str, System],
    metrics: Sequence[Metric],
    jobs: int,
    keep: Path | None = None,
) -> Iterator[Verdict]:
    """Evaluate each case, in order, `jobs` at the same time."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config("loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_verdict)(case, systems, metrics, devices.wanted(), keep) for case in cases
        )


def _verdict(
    case: Case, systems: Mapping[str, System], metrics: Sequence[Metric], device: str, keep: Path | None
) -> Verdict:
    devices.device(device)  # of the process that waits for this one
    verdict = Verdict()
    try:
        sample = case.load()
    except Exception as error:  # one bad recording must not end the evaluation of the others
        verdict.errors.append(f"{case.name}: {_words(error)}")
        return verdict
    if keep:
        _keep(keep / REFERENCE, sample, sample.target)
    for name, system in systems.items():
        try:
            if (result := system(sample)) is None:
                continue
            verdict.scores.extend(list(_scores(sample, name, result, metrics)))
            if keep:
                for number, part in enumerate(result.blocks if isinstance(result, Takes) else [result]):
                    folder = f"{name}, take {number + 1}" if number else name
                    _keep(keep / folder.replace("/", "_"), sample, part)
        except Exception as error:  # systems may raise anything; it must not end the evaluation of the others
            verdict.errors.append(f"{case.name}: {name}: {_words(error)}")
    return verdict


def _keep(folder: Path, sample: Sample, result: Block | Mapping[str, Block]) -> None:
    """Write what was judged, as floats: it may go beyond full scale. Stems go to a file each."""
    folder.mkdir(exist_ok=True)
    name = sample.name.replace("/", "_")
    parts = result if isinstance(result, Mapping) else {"": result}
    for stem, audio in parts.items():
        path, form = folder / f"{name}{stem and f'_{stem}'}.wav", Format(sample.sample_rate, len(audio))
        like = Info(path, form, audio.shape[-1], "wav", "pcm_f32le", bits=32, floating=True)
        write_audio(path, [audio], form, like=like, about=About())


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, (AuralError, OSError)) else repr(error)


def _scores(sample: Sample, system: str, result: Result, metrics: Sequence[Metric]) -> Iterator[Score]:
    """Measure the result; of stems each for itself, which then stands in a table of its own too."""
    if not isinstance(sample.target, Mapping):
        if isinstance(result, Mapping):
            raise AudioError("gives stems where one signal is wanted")
        if isinstance(result, Takes):
            yield from _scores_of_takes(sample, system, sample.target, result.blocks, metrics)
            return
        yield Score(sample.name, system, sample.labels, _measured(sample, sample.target, result, metrics))
        return
    if not isinstance(result, Mapping):
        raise AudioError("gives one signal where stems are wanted")
    for stem, wanted in sample.target.items():
        if stem in result:
            labels = {STEM: stem} | {title: f"{group}, {stem}" for title, group in sample.labels.items()}
            yield Score(sample.name, system, labels, _measured(sample, wanted, result[stem], metrics))


def _scores_of_takes(
    sample: Sample, system: str, wanted: Block, takes: Sequence[Block], metrics: Sequence[Metric]
) -> Iterator[Score]:
    """Measure each take; give the mean, how the takes differ, and, as of another system, the best by each metric."""
    each = [_measured(sample, wanted, take, metrics) for take in takes]
    values = {metric.name: [take[metric.name] for take in each] for metric in metrics}
    mean = {name: float(np.mean(found)) for name, found in values.items()}
    mean |= {m.name: m.between(takes, sample.input, sample.sample_rate) for m in metrics if m.of_takes}
    best = {metric.name: (max if metric.rising else min)(values[metric.name]) for metric in metrics}
    yield Score(sample.name, system, sample.labels, mean)
    yield Score(sample.name, f"{system}, best of {len(takes)}", sample.labels, best)


def _measured(sample: Sample, wanted: Block, result: Block, metrics: Sequence[Metric]) -> dict[str, float]:
    if result.shape != wanted.shape:
        given, expected = (" x ".join(map(str, audio.shape)) for audio in (result, wanted))
        raise AudioError(f"gives {given} frames where {expected} are expected")
    return {metric.name: metric.of(wanted, result, sample.input, sample.sample_rate) for metric in metrics}


def unchanged(sample: Sample) -> Block | Mapping[str, Block]:
    """Return the input, for every stem if there are stems: the baseline of every table."""
    return dict.fromkeys(sample.target, sample.input) if isinstance(sample.target, Mapping) else sample.input


def through(effect: Effect, sample: Sample) -> Block:
    """Run an effect."""
    return effect(sample.input, sample.sample_rate)


def stored(folder: Path, sample: Sample) -> Block | Mapping[str, Block]:
    """Read the output of another system: the file with the name of the sample, with any suffix and sample rate.

    Of stems, as many as there are in a folder of that name, each in a file of the stem's.

    Raises:
        AudioError: there is none, or its length is not that of the sample.
    """
    wanted = folder / sample.name
    names = [wanted / stem for stem in sample.target] if isinstance(sample.target, Mapping) else [wanted]
    found = {name.name: file for name in names if (file := _named(name))}
    if not found:
        raise AudioError("no such output", path=wanted)
    read = {name: _output(file, sample) for name, file in found.items()}
    return read if isinstance(sample.target, Mapping) else read[wanted.name]


def _named(wanted: Path) -> Path | None:
    return next((file for file in sorted(wanted.parent.glob("*")) if file.stem == wanted.name), None)


def _output(file: Path, sample: Sample) -> Block:
    import soxr

    audio, rate = read(file)
    audio = soxr.resample(audio.T, rate, sample.sample_rate).T
    given_s, wanted_s = (block.shape[-1] / sample.sample_rate for block in (audio, sample.input))
    if abs(given_s - wanted_s) > SLACK_S:
        raise AudioError(f"lasts {given_s:.2f} s, its input {wanted_s:.2f} s", path=file)
    frames = sample.input.shape[-1]
    return np.pad(audio, ((0, 0), (0, max(0, frames - audio.shape[-1]))))[:, :frames]


def _extra(entry: str) -> tuple[str, System]:
    name, _, path = entry.partition("=")
    if path.endswith(".toml"):
        return name, partial(through, read_chain(path))
    if not Path(path).is_dir():
        raise AudioError("no such folder", path=path)
    if not any(Path(path).iterdir()):
        raise AudioError("an empty folder", path=path)
    return name, partial(stored, Path(path))


def _measurable(metrics: Sequence[Metric]) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """Try each metric once; leave out optional ones that fail, and say so."""
    tried = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    usable, left_out = [], []
    for metric in metrics:
        try:
            metric.of(tried[np.newaxis], tried[np.newaxis], tried[np.newaxis], 16000)
            usable.append(metric)
        except AuralError as error:
            if not metric.optional:
                raise
            left_out.append(f"{metric.name} is left out: {error}")
    return tuple(usable), tuple(left_out)
