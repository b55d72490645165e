"""Progress in the terminal: how many files are done, how far those at work are, and how long it still takes."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from aural.audio.files import open_audio
from aural.audio.leftovers import scratch
from aural.errors import AudioError
from aural.markup import visible
from aural.signals import Block, Format
from aural.stream import UNWATCHED, Watch

DONE, TOTAL, ENDED = range(3)
"""What the table holds of each file: seconds that have gone by, seconds that will, and whether it is over."""
SOONEST_S = 2.0
"""Before that, nobody can tell how long it takes."""
STEADY, SETTLED = 0.25, 0.5
"""A new estimate is taken on over such a share of the time left, or of what is done, whichever is over sooner."""


class ProgressRow(Watch):
    """Writes how far a file is into a table on disk, which the display reads: it may be in another process."""

    def __init__(self, table: Path, number: int, source: Path) -> None:
        self.table, self.number, self.source = table, number, source
        self.seconds: float | None = None

    def expect(self, passes: int) -> None:
        if self.seconds is None:
            try:
                self.seconds = open_audio(self.source).info.duration_s
            except (AudioError, OSError):
                self.seconds = 0.0  # what is wrong with it is said by the work itself
        row = self._open()
        row[TOTAL] = row[DONE] + passes * self.seconds

    def spare(self, passes: int) -> None:
        self._open()[TOTAL] -= passes * (self.seconds or 0.0)

    def end(self) -> None:
        self._open()[ENDED] = 1

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterator[Block]:
        row = self._open()
        for block in blocks:
            row[DONE] += block.shape[-1] / source.sample_rate
            yield block

    def _open(self) -> Any:
        return np.memmap(self.table, np.float64, "r+").reshape(-1, 3)[self.number]


class TimeLeft:
    """Tells how long a run still takes: runs down like a clock, and is drawn slowly to what the pace so far says."""

    def __init__(self) -> None:
        self.left_s, self.at_s, self.share = math.nan, 0.0, 0.0

    def update(self, share: float, at_s: float) -> float:
        """Return the seconds left when a share is done `at_s` seconds after the start; NaN while nobody knows, and
        at the end."""
        if share >= 1:
            return math.nan
        if share > 0 and at_s >= SOONEST_S:
            paced_s = at_s * (1 - share) / share
            gone_s, self.at_s = at_s - self.at_s, at_s
            further, self.share = share - self.share, share
            if math.isnan(self.left_s):
                self.left_s = paced_s
            left_s = max(0.0, self.left_s - gone_s)
            drawn = 1 - math.exp(-max(gone_s / max(1.0, STEADY * left_s), further / (SETTLED * share)))
            self.left_s = left_s + drawn * (paced_s - left_s)
        return self.left_s


class Display(Progress):
    """Shows a bar for all files, if there are several, and one for each that is at work."""

    def __init__(self, sources: Sequence[Path], table: Path) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[left]}"),
        )
        self.time_left, self.start_s = TimeLeft(), time.monotonic()
        self.whole, self.bars = TaskID(0), list[TaskID]()
        self.rows = np.memmap(table, np.float64, "w+", shape=(len(sources), 3))
        self.sizes = np.array([max(1.0, _size(source)) for source in sources])
        self.shares = np.zeros(len(sources))
        self.watches: list[Watch] = [ProgressRow(table, number, source) for number, source in enumerate(sources)]
        super().__init__(*columns, console=Console(stderr=True), transient=True)
        names = [visible(source.name) for source in sources]
        self.whole = self.add_task(names[0], total=1.0, left="")
        several = names if len(sources) > 1 else []
        self.bars = [self.add_task(f"  {name}", total=1.0, left="", visible=False) for name in several]

    def get_renderables(self) -> Iterable[RenderableType]:
        """Read the table, and draw what it says."""
        if self.tasks:
            self._read()
        yield from super().get_renderables()

    def _read(self) -> None:
        done, total, ended = self.rows.T
        running = np.where(total > 0, done / np.maximum(total, 1e-9), 0.0)
        self.shares = np.maximum(self.shares, np.where(ended > 0, 1.0, np.clip(running, 0.0, 1.0)))
        share = float(np.average(self.shares, weights=self.sizes))
        left_s = self.time_left.update(share, time.monotonic() - self.start_s)
        left = "" if math.isnan(left_s) else f"{clock(left_s)} left"
        self.update(self.whole, completed=share, left=left)
        if self.bars:
            self.update(self.whole, description=f"{int((ended > 0).sum())} of {len(self.bars)} files")
        working = (done + total > 0) & (ended == 0)
        for bar, share, shown in zip(self.bars, self.shares, working, strict=False):
            self.update(bar, completed=share, visible=bool(shown))

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Take the bars away while something else is written."""
        self.stop()
        yield
        self.start()


class NoDisplay:
    """Shows nothing: what is written on is no terminal."""

    def __init__(self, sources: Sequence[Path]) -> None:
        self.watches: list[Watch] = [UNWATCHED] * len(sources)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let something be written."""
        yield


@contextmanager
def progress(sources: Sequence[Path]) -> Iterator[Display | NoDisplay]:
    """Show the progress of files on stderr, if that is a terminal."""
    if not sys.stderr.isatty() or not sources:
        yield NoDisplay(sources)
        return
    with scratch() as folder, Display(sources, folder / "progress") as display:
        yield display


def clock(seconds: float) -> str:
    """Write a time as 0:59 or 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _size(source: Path) -> float:
    try:
        return source.stat().st_size
    except OSError:
        return 0.0
