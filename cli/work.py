"""Many files: which result belongs to which input, jobs, progress, and what failed."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any, BinaryIO, cast

from aural.audio.files import READABLE
from aural.audio.films import FILMS, film_suffix
from aural.audio.leftovers import scratch, sweep
from aural.audio.writing import LOSSLESS, SUFFIXES, check_target
from aural.cleaning.running import guard, guard_chain, make_folder, removed_name
from aural.cli.progress import clock, progress
from aural.cli.terminal import LOG, closed, debugging, noted, of_output, say, sentence
from aural.errors import AudioError
from aural.stage import Effect
from aural.stream import Watch

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
    notes: tuple[str, ...] = ()
    """What was logged while it was done."""

    def unnamed(self, note: str) -> str:
        """Take the name of the file from the beginning of what was logged."""
        names = f"{self.job.source}: ", f"{self.job.target}: "
        return next((note.removeprefix(name) for name in names if note.startswith(name)), note)


@dataclass(frozen=True)
class Found:
    """A recording that was named, or that lies in a folder that was."""

    path: Path
    inside: Path = Path()
    """The folder in which it lies, seen from the one that was named."""


@dataclass(frozen=True)
class Batch:
    """What is to be done, and what is left out."""

    jobs: list[Job]
    skipped: int = 0
    """Results that are there already."""
    passed_over: int = 0
    """Files in folders that are no recordings."""

    @property
    def several(self) -> bool:
        """Whether it needs a summary, and a line a file."""
        return len(self.jobs) + self.skipped > 1

    def noted(self, lines: list[str], outcome: Outcome) -> list[str]:
        """Add to the line of a file, one of several, what was logged of it."""
        if not self.several:
            return lines
        return [*lines[:-1], "; ".join([lines[-1], *(outcome.unnamed(note) for note in outcome.notes)])]


def find(sources: Sequence[Path], but: Path | None = None) -> tuple[list[Found], int]:
    """List the recordings among files and in folders, and count the files in folders that are none.

    What counts in a folder is the suffix. Hidden files and the folder `but` are not looked at; a folder that holds no
    recording stays as it is, to be refused like any file that is none.
    """
    found, passed = [], 0
    for source in sources:
        inside = [Found(source)]
        if os.path.isdir(source):
            files = list(_files(source, but))
            recordings = [file for file in files if file.suffix.lower() in READABLE]
            passed += len(files) - len(recordings)
            inside = [Found(file, file.parent.relative_to(source)) for file in recordings] or inside
        found += inside
    return found, passed


def _files(folder: Path, but: Path | None) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        shown = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in shown if but is None or not _same(Path(path, name), but)]
        yield from (Path(path, name) for name in sorted(names) if not name.startswith("."))


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def pair(
    sources: Sequence[Path],
    output: Path | None,
    ending: str,
    to: str | None,
    dry_run: bool = False,
    audio_only: bool = False,
) -> Batch:
    """Say where the result of each input goes.

    Beside the input, with an ending to its name; into the folder `output`, which is made if it is missing; or to the
    file `output`. Of a folder, all recordings are taken, and their results lie in `output` as they lie in it; what
    is itself the result of another is passed over. Lossless formats are kept, films too, unless only their sound is
    wanted; others become .wav, unless `to` names one.

    Raises:
        AudioError: as `check_targets`, or several inputs would go to a file that is no folder.
    """
    if to is not None and f".{to.lstrip('.')}" not in (*SUFFIXES, *FILMS):
        raise AudioError(f"cannot write {to}; known: {', '.join(s[1:] for s in SUFFIXES)}")
    folder = output if output and output != STDIO and (output.is_dir() or not output.suffix) else None
    found, passed_over = find(sources, folder)
    if output and not folder:
        if len(found) > 1:
            raise AudioError(f"is one file for {len(found)} inputs; name a folder", path=output)
        if to:
            raise AudioError(f"says its format itself; leave out --to {to}", path=output)
        if output != STDIO:
            check_target(output)
    jobs = [Job(one.path, _target(one, output, folder, ending, to, audio_only)) for one in found]
    results = {name for job in jobs if job.target for name in (job.target, removed_name(job.target))}
    kept = [job for job in jobs if job.source in sources or job.source not in results]
    check_targets([job.target for job in kept if job.target], [job.source for job in kept])
    for place in sorted({job.target.parent for job in kept if job.target}) if folder and not dry_run else ():
        make_folder(place)
    return Batch(kept, passed_over=passed_over + len(jobs) - len(kept))


def chosen(batch: Batch, force: bool, skip_existing: bool) -> Batch:
    """Leave out the jobs whose results are there already, if that is wanted.

    Raises:
        AudioError: they are to be replaced, too.
    """
    if not skip_existing:
        return batch
    if force:
        raise AudioError("--skip-existing keeps the results that --force replaces; give one of them")
    jobs = [job for job in batch.jobs if not _finished(job)]
    return replace(batch, jobs=jobs, skipped=len(batch.jobs) - len(jobs))


def _finished(job: Job) -> bool:
    return bool(job.target and job.target.exists()) and not _same(job.source, cast(Path, job.target))


def check_targets(targets: Sequence[Path], sources: Sequence[Path]) -> None:
    """Raise AudioError if two results would go to one file, or one over another input."""
    if list(sources).count(STDIO) > 1:
        raise AudioError("standard input can be read only once")
    inputs = {os.path.realpath(source) for source in sources if source != STDIO}
    times = Counter(targets)
    for source, target in zip(sources, targets, strict=False):
        if target != STDIO and times[target] > 1:
            both = " and ".join(str(s) for s, t in zip(sources, targets, strict=False) if t == target)
            raise AudioError(f"is the result of {both}; rename one or use another folder", path=target)
        real = os.path.realpath(target)
        if real in inputs and real != os.path.realpath(source):
            raise AudioError("is another input; it is never overwritten", path=target)


def _target(
    found: Found, output: Path | None, folder: Path | None, ending: str, to: str | None, audio_only: bool
) -> Path:
    source = found.path
    if output and not folder:
        return output
    if source == STDIO:
        return folder / f"stdin{ending}.wav" if folder else STDIO
    place = folder / found.inside if folder else source.parent
    return place / result_name(source, ending, to, audio_only)


def result_name(source: Path, ending: str, to: str | None = None, audio_only: bool = False) -> str:
    """Name the result of a recording: lossless formats are kept, films too; others become .wav, unless `to` says."""
    film = "" if to or audio_only else film_suffix(source)
    kept = source.suffix.lower() if source.suffix.lower() in LOSSLESS else film or ".wav"
    suffix = f".{to.lstrip('.')}" if to else kept
    return f"{source.stem}{ending}{suffix}"


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
            with noted() as notes:
                yield real
        except AudioError as error:
            raise type(error)(told(str(error))) from error
        finally:
            for note in notes:
                LOG.warning("%s", told(note))
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
    piped = any(STDIO in (job.source, job.target) for job in jobs)  # workers have no standard input and output
    try:
        with progress([job.source for job in jobs]) as display:
            pairs = list(zip(jobs, display.watches, strict=True))
            if workers == 1 or len(jobs) == 1 or piped:
                outcomes: Iterable[Any] = map(partial(attempt, work), pairs)
            else:
                from aural.cli.processes import in_processes

                outcomes = in_processes(pairs, partial(attempt, work), min(workers, len(jobs)))
            for job, outcome in zip(jobs, outcomes, strict=True):
                with display.lifted():
                    yield outcome if isinstance(outcome, Outcome) else Outcome(job, error=f"{job.source}: {outcome}")
    finally:
        for folder in {job.target if os.path.isdir(job.target) else job.target.parent for job in jobs if job.target}:
            sweep(folder)  # a worker that was killed could not clean up


def foresee(job: Job) -> None:
    """Refuse what the run would refuse, even if it is told to replace a result that is there already."""
    if job.target and job.target.exists():
        guard(job.source, job.target, replace=True)


def attempt(work: Callable[[Job, Watch], Any], given: tuple[Job, Watch]) -> Outcome:
    """Do one job; whatever goes wrong with it becomes a sentence, and stops no other job."""
    job, watch = given
    with noted() as notes:
        try:
            with real_files(job) as real:
                outcome = Outcome(job, work(real, watch))
        except BrokenPipeError:
            raise
        except Exception as error:
            outcome = failed(job, error)
        finally:
            watch.end()
    return replace(outcome, notes=tuple(dict.fromkeys(notes)))


def failed(job: Job, error: Exception) -> Outcome:
    """Say how a job ended that an error ended."""
    return Outcome(job, error=sentence(error, job.source), trace="".join(format_exception(error)))


def report(
    outcomes: Iterable[Outcome],
    show: Callable[[Outcome], None],
    batch: Batch,
    finish: Callable[[], None] | None = None,
    err: bool = False,
) -> None:
    """Show each result as it comes, each error on stderr, and a summary of several files.

    Exit with 2 if all failed, 1 if some did. `finish` says the last word instead of the summary; `err` brings that
    to stderr.
    """
    bad = done = 0
    start_s = time.monotonic()
    for outcome in outcomes:
        if not batch.several:
            say(*outcome.notes, err=True)
        elif outcome.error or finish:
            say(*(f"{outcome.job.source}: {outcome.unnamed(note)}" for note in outcome.notes), err=True)
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
    elif batch.several or batch.skipped or batch.passed_over:
        counts = (done, "done"), (bad, "failed"), (batch.skipped, "skipped"), (batch.passed_over, "passed over")
        said = [f"{count} {what}" for count, what in counts if count]
        say(", ".join([*said, clock(time.monotonic() - start_s)]), err=err)
    if bad:
        sys.exit(1 if done or batch.skipped else 2)


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
