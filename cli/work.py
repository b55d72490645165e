"""Runs jobs, one after the other or several at a time; prints progress, results and failures."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from traceback import format_exception
from typing import Any, BinaryIO

from aural.audio.leftovers import scratch, sweep
from aural.cleaning.targets import guard
from aural.cli.jobs import STDIO, Batch, Job, Outcome
from aural.cli.progress import clock, progress
from aural.cli.terminal import LOG, closed, debugging, noted, of_output, say, sentence
from aural.errors import AudioError
from aural.stream import Watch


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
            where = "standard input" if job.source == STDIO else job.source
            raise type(error)(told(error.what), path=told(str(error.path or where)), stage=error.stage) from error
        finally:
            for note in notes:
                LOG.warning("%s", told(note))
        if job.target == STDIO and real.target and real.target.exists():
            with real.target.open("rb") as result:
                to_stdout(result)


def to_stdout(file: BinaryIO) -> None:
    """Copy a file to standard output.

    Raises:
        AudioError: it is closed.
        OSError: it is full.
    """
    if closed(sys.stdout):
        raise AudioError("is closed", path="standard output")
    try:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise of_output(error) from error


@contextmanager
def run_jobs(jobs: Sequence[Job], work: Callable[[Job, Watch], Any], workers: int) -> Iterator[Iterator[Outcome]]:
    """Do the work for each job, in order, `workers` at the same time; a file that fails stops no other.

    Give the outcomes as they come. At the end of the block, however it ends, nothing is at work any more, and nothing
    is left half-written.
    """
    try:
        with closing(_outcomes(jobs, work, workers)) as outcomes:
            yield outcomes
    finally:
        for folder in {job.target if os.path.isdir(job.target) else job.target.parent for job in jobs if job.target}:
            sweep(folder)  # a worker that was killed could not clean up


def _outcomes(jobs: Sequence[Job], work: Callable[[Job, Watch], Any], workers: int) -> Generator[Outcome, None, None]:
    piped = any(STDIO in (job.source, job.target) for job in jobs)  # no other process has this one's standard streams
    with progress([job.source for job in jobs]) as display:
        pairs = list(zip(jobs, display.watches, strict=True))
        workers = 1 if piped else min(workers, len(jobs))
        if workers < 2:
            results: Generator[Any, None, None] = (attempt(work, pair) for pair in pairs)
        else:
            from aural.cli.processes import in_processes

            results = in_processes(pairs, partial(attempt, work), workers)
        with closing(results):
            for job, result in zip(jobs, results, strict=True):
                with display.lifted():
                    yield result if isinstance(result, Outcome) else Outcome(job, error=f"{job.source}: {result}")


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


def show_outcomes(
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
