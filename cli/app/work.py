"""What the page has done: jobs that wait, run, tell how far they are, and can be cancelled."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar

from aural.cli.progress import TimeLeft, clock
from aural.cli.terminal import sentence
from aural.signals import Block, Format
from aural.stream import Watch

NOTES: ContextVar[list[str]] = ContextVar("notes")


class Cancelled(Exception):
    """A job ends because its user wants it to."""


class JobWatch(Watch):
    """Counts the sound that goes by, and ends a job that was cancelled at the next block."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s
        self.done_s = self.total_s = 0.0
        self.cancelled = False

    def expect(self, passes: int) -> None:
        self.total_s = self.done_s + passes * self.duration_s

    def spare(self, passes: int) -> None:
        self.total_s -= passes * self.duration_s

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterator[Block]:
        for block in blocks:
            if self.cancelled:
                raise Cancelled
            self.done_s += block.shape[-1] / source.sample_rate
            yield block

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        return min(1.0, self.done_s / self.total_s) if self.total_s > 0 else 0.0


class PageJob:
    """Something that is done for a recording: waiting, running, done, failed or cancelled.

    What is logged meanwhile becomes its notes; what goes wrong becomes a sentence, in which `told` may change names.
    """

    def __init__(self, work: Callable[[JobWatch], None], duration_s: float, told: Callable[[str], str]) -> None:
        self.work, self.told = work, told
        self.watch = JobWatch(duration_s)
        self.state, self.error = "waiting", ""
        self.notes: list[str] = []
        self.time_left = TimeLeft()
        self.future: Future[None]

    def begin(self, pool: ThreadPoolExecutor) -> None:
        """Stand in line."""
        self.future = pool.submit(self._run)

    def cancel(self) -> None:
        """End it: at once where it waits, else at the next block of sound."""
        self.watch.cancelled = True
        if self.future.cancel():
            self.state = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ("done", "failed", "cancelled")

    def left(self) -> str:
        """Say how long it still takes; nothing while nobody knows."""
        if self.state != "running":
            return ""
        left_s = self.time_left.update(self.watch.share, time.monotonic() - self.start_s)
        return "" if math.isnan(left_s) else f"{clock(left_s)} left"

    def _run(self) -> None:
        NOTES.set(self.notes)
        self.start_s = time.monotonic()
        self.state = "running"
        try:
            self.work(self.watch)
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        except Exception as error:
            logging.getLogger("aural.app").debug("a job failed", exc_info=error)
            self.error, self.state = self.told(sentence(error)), "failed"
        self.notes[:] = dict.fromkeys(map(self.told, self.notes))


class Noting(logging.Handler):
    """Takes down what is logged while a job runs."""

    def emit(self, record: logging.LogRecord) -> None:
        if (notes := NOTES.get(None)) is not None and record.levelno >= logging.WARNING:
            notes.append(record.getMessage())
