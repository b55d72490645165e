"""Jobs in several processes: one that dies takes no other file with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor

from aural import devices
from aural.cli import terminal
from aural.errors import AuralError

J = TypeVar("J")


class Died(AuralError):
    """The process that worked on a file has died."""


def in_processes(jobs: Sequence[J], work: Callable[[J], Any], workers: int) -> Generator[Any, None, None]:
    """Do the work for each job, `workers` at the same time; give the results in order, or Died in place of one.

    When a process dies, all others of its pool end with it. What was not finished is done again, each file in a
    process of its own: so only the one that kills it fails, and of all that need much memory there is one at a time.
    """
    with pool(workers) as executor:
        futures = [executor.submit(work, job) for job in jobs]
        for job, future in zip(jobs, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield _alone(job, work)


def _alone(job: J, work: Callable[[J], Any]) -> Any:
    with pool(1) as executor:
        try:
            return executor.submit(work, job).result()
        except BrokenProcessPool:
            return Died("the process that worked on it was killed; there may be too little memory")


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes that share the cores and end with the block, at once if it ends in an error."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # joblib's own process tells of what a killed one left behind
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cpu_count() // workers)))}
    ready = terminal.verbose(), devices.wanted()
    executor = ProcessPoolExecutor(workers, initializer=_begin, initargs=ready, env=threads)
    try:
        yield executor
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise
    executor.shutdown()


def _begin(verbose: bool, device: str) -> None:
    """Make a process ready: the one that started it says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminal.prepare(verbose)
    devices.device(device)
