"""Many files: which result belongs to which input, jobs, progress, and what failed."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from aural.audio.files import open_audio
from aural.audio.leftovers import scratch, sweep
from aural.audio.writing import LOSSLESS, SUFFIXES, check_target
from aural.cleaning.running import guard, guard_chain, make_folder, removed_name
from aural.cli.terminal import closed, debugging, of_output, say, sentence, showing, visible
from aural.errors import AudioError
from aural.signals import Block, Format
from aural.stage import Effect
from aural.stream import UNWATCHED, Watch

STDIO = Path("-")


@dataclass(frozen=True)
class Job:
    """One input; where its result goes, if it has one; what is to run over it, if that is known beforehand."""

    source: Path
    target: Path | None = None
    effect: Effect | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended: a result, or the sentence that says what went wrong."""

    job: Job
    result: Any = None
    error: str = ""
    trace: str = ""
    """Where in the program it went wrong."""


def pair(
    sources: Sequence[Path], output: Path | None, ending: str, to: str | None, dry_run: bool = False
) -> list[Job]:
    """Say where the result of each input goes.

    Beside the input, with an ending to its name; into the folder `output`, which is made if only it is missing;
    or to the file `output`. Lossless formats are kept, others become .wav, unless `to` names one.

    Raises:
        AudioError: as `check_targets`, or several inputs would go to a file that is no folder.
    """
    if to is not None and f".{to.lstrip('.')}" not in SUFFIXES:
        raise AudioError(f"cannot write {to}; known: {', '.join(s[1:] for s in SUFFIXES)}")
    folder = output if output and output != STDIO and (output.is_dir() or not output.suffix) else None
    if output and not folder:
        if len(sources) > 1:
            raise AudioError(f"{output}: is one file for {len(sources)} inputs; name a folder")
        if to:
            raise AudioError(f"{output}: says its format itself; leave out --to {to}")
        if output != STDIO:
            check_target(output)
    if folder and not dry_run:
        make_folder(folder)
    targets = [_target(source, output, folder, ending, to) for source in sources]
    check_targets(targets, sources)
    return [Job(source, target) for source, target in zip(sources, targets, strict=True)]


def check_targets(targets: Sequence[Path], sources: Sequence[Path]) -> None:
    """Raise AudioError if two results would go to one file, or one over another input."""
    if list(sources).count(STDIO) > 1:
        raise AudioError("standard input can be read only once")
    inputs = {os.path.realpath(source) for source in sources if source != STDIO}
    times = Counter(targets)
    for source, target in zip(sources, targets, strict=False):
        if target != STDIO and times[target] > 1:
            both = " and ".join(str(s) for s, t in zip(sources, targets, strict=False) if t == target)
            raise AudioError(f"{target}: is the result of {both}; rename one or use another folder")
        real = os.path.realpath(target)
        if real in inputs and real != os.path.realpath(source):
            raise AudioError(f"{target}: is another input; it is never overwritten")


def _target(source: Path, output: Path | None, folder: Path | None, ending: str, to: str | None) -> Path:
    if output and not folder:
        return output
    if source == STDIO:
        return folder / f"stdin{ending}.wav" if folder else STDIO
    kept = source.suffix.lower() if source.suffix.lower() in LOSSLESS else ".wav"
    suffix = f".{to.lstrip('.')}" if to else kept
    return (folder or source.parent) / f"{source.stem}{ending}{suffix}"


@contextmanager
def real_files(job: Job) -> Iterator[Job]:
    """Put temporary files in the place of standard input and output."""
    if STDIO not in (job.source, job.target):
        yield job
        return
    with scratch() as folder:
        real = job
        if job.source == STDIO:
            real = replace(real, source=folder / "stdin")
            with real.source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        if job.target == STDIO:
            real = replace(real, target=folder / "stdout.wav")

        def told(text: str) -> str:
            text = text.replace(str(real.source), "standard input") if job.source == STDIO else text
            return text.replace(str(real.target), "standard output") if job.target == STDIO else text

        try:
            with showing(told):
                yield real
        except AudioError as error:
            raise type(error)(told(str(error))) from error
        if job.target == STDIO and real.target and real.target.exists():
            with real.target.open("rb") as result:
                to_stdout(result)


def to_stdout(file: BinaryIO) -> None:
    """Copy a file to standard output.

    Raises:
        AudioError: it is full, or closed.
    """
    if closed(sys.stdout):
        raise AudioError("standard output: is closed")
    try:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AudioError(sentence(of_output(error))) from error


def run_jobs(jobs: Sequence[Job], work: Callable[[Job, Watch], Any], workers: int) -> Iterator[Outcome]:
    """Do the work for each job, in order, `workers` at the same time; a file that fails stops no other."""
    if len(jobs) > 1:
        work = partial(_of_several, work)
    piped = any(STDIO in (job.source, job.target) for job in jobs)  # workers have no standard input and output
    try:
        if workers == 1 or len(jobs) == 1 or piped:
            for job in jobs:
                with progress(job.source) as watch:
                    outcome = attempt(work, watch, job)
                yield outcome
        else:
            from aural.cli.processes import Died, in_processes

            done = in_processes(jobs, partial(attempt, work, UNWATCHED), min(workers, len(jobs)))
            for job, outcome in zip(jobs, done, strict=True):
                yield Outcome(job, error=f"{job.source}: {outcome}") if isinstance(outcome, Died) else outcome
    finally:
        for folder in {job.target if os.path.isdir(job.target) else job.target.parent for job in jobs if job.target}:
            sweep(folder)  # a worker that was killed could not clean up


def _of_several(work: Callable[[Job, Watch], Any], job: Job, watch: Watch) -> Any:
    """Do the work for one file of several: what is logged names it."""
    named = tuple(f"{path}: " for path in (job.source, job.target))
    with showing(lambda text: text if text.startswith(named) else f"{job.source}: {text}"):
        return work(job, watch)


def foresee(job: Job, force: bool) -> None:
    """Refuse what the run would refuse: a result that is there already, or the input itself."""
    if job.target and job.target.exists():
        guard(job.source, job.target, force)


def attempt(work: Callable[[Job, Watch], Any], watch: Watch, job: Job) -> Outcome:
    """Do one job; whatever goes wrong with it becomes a sentence, and stops no other job."""
    try:
        with real_files(job) as real:
            return Outcome(job, work(real, watch))
    except BrokenPipeError:
        raise
    except Exception as error:
        return failed(job, error)


def failed(job: Job, error: Exception) -> Outcome:
    """Say how a job ended that an error ended."""
    return Outcome(job, error=sentence(error, job.source), trace="".join(format_exception(error)))


def report(
    outcomes: Iterable[Outcome], show: Callable[[Outcome], None], finish: Callable[[], None] | None = None
) -> None:
    """Show each result as it comes and each error on stderr; exit with 2 if all failed, 1 if some did."""
    bad = done = 0
    for outcome in outcomes:
        if outcome.error:
            bad += 1
            if debugging():
                say(*outcome.trace.rstrip().split("\n"), err=True)
            say(f"aural: {outcome.error}", err=True)
        else:
            done += 1
            show(outcome)
    if finish:
        finish()
    if bad:
        sys.exit(1 if done else 2)


def check_removed(jobs: Sequence[Job]) -> None:
    """Raise AudioError unless what is taken away can be written beside each result."""
    if any(job.target == STDIO for job in jobs):
        raise AudioError("--save-removed needs a file as output")
    check_targets([removed_name(job.target) for job in jobs if job.target], [job.source for job in jobs])


def check_chain_file(path: Path, force: bool, jobs: Sequence[Job]) -> None:
    """Raise AudioError unless a chain can be written to this file."""
    if len(jobs) > 1:
        raise AudioError("--save-chain takes one recording at a time")
    for job in jobs:
        guard_chain(job.source, path, force)


class Bar(Watch):
    """Shows a progress bar with the time left."""

    def __init__(self, bar: Progress, source: Path) -> None:
        self.bar, self.source = bar, source
        self.task = bar.add_task(visible(source.name), total=None)
        self.seconds = 0.0

    def expect(self, passes: int) -> None:
        try:
            self.seconds = open_audio(self.source).info.duration_s
        except AudioError:
            return  # standard input
        self.bar.update(self.task, total=passes * self.seconds)

    def spare(self, passes: int) -> None:
        total = self.bar.tasks[self.task].total
        self.bar.update(self.task, total=total and total - passes * self.seconds)

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterator[Block]:
        for block in blocks:
            self.bar.advance(self.task, block.shape[-1] / source.sample_rate)
            yield block


@contextmanager
def progress(source: Path) -> Iterator[Watch]:
    """Watch a job on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield UNWATCHED
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Bar(bar, source)
