"""Report pages: where they go, the index of many, and pages that compare results."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aural.audio.atomic import destination, write_text
from aural.cli.jobs import STDIO, Job, Outcome, check_targets
from aural.cli.terminal import say
from aural.errors import AudioError, TargetExists
from aural.pages.index import index_page

if TYPE_CHECKING:
    from aural.cleaning.running import Cleaned


def report_name(target: Path) -> Path:
    """Name the report of a result."""
    return target.with_suffix(".html")


@dataclass
class Reports:
    """The reports of a run, and their index where there are several; a file that failed has a row of it too.

    Raises:
        AudioError: a report or the index cannot be written, or exists and may not be replaced.
    """

    jobs: Sequence[Job]
    force: bool
    skip_existing: bool = False
    """An index that is there already is kept."""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if any(job.target == STDIO for job in self.jobs):
            raise AudioError("--report needs a file as output")
        check_targets([report_name(job.target) for job in self.jobs if job.target], [job.source for job in self.jobs])
        if self.index and destination(self.index).exists() and not self.force:
            raise TargetExists("exists already", path=self.index)

    @property
    def index(self) -> Path | None:
        """Return where the index goes: into the folder that all results lie in, near or far; None for one file."""
        if len(self.jobs) < 2:
            return None
        folders = [os.path.abspath(job.target.parent) for job in self.jobs if job.target]
        path = Path(os.path.relpath(os.path.commonpath(folders))) / "index.html"
        return None if self.skip_existing and path.exists() else path

    def note(self, outcomes: Iterable[Outcome], told: Callable[[str], None]) -> Iterator[Outcome]:
        """Collect a row of the index for each outcome that passes; at the end, write it and say where it is."""
        common = os.path.commonpath([job.source.absolute().parent for job in self.jobs])
        for outcome in outcomes:
            self.rows.append({"source": os.path.relpath(outcome.job.source.absolute(), common), **_row(outcome)})
            yield outcome
        if self.index and any("error" not in row for row in self.rows):
            folder = self.index.absolute().parent
            hrefs = [os.path.relpath(report_name(job.target).absolute(), folder) for job in self.jobs if job.target]
            rows = [{**row, "href": href} for row, href in zip(self.rows, hrefs, strict=True)]
            write_text(self.index, index_page(rows), self.force)
            told(f"report {self.index}")


def _row(outcome: Outcome) -> dict[str, Any]:
    if outcome.error:
        return {"error": outcome.unnamed(outcome.error)}
    done: Cleaned = outcome.result
    return {
        "preset": Path(done.plan.preset).name,
        "found": done.before.findings(),
        "duration_s": done.before.duration_s,
        "lufs": (done.before.loudness.integrated_lufs, done.after.loudness.integrated_lufs),
        "snr_db": (done.before.environment.snr_db, done.after.environment.snr_db),
        "true_peak_dbtp": (done.before.true_peak_dbtp, done.after.true_peak_dbtp),
    }


@dataclass
class Comparisons:
    """The pages of a run that play what results were made of, and all results of it: itself, its takes, or its stems.

    Raises:
        AudioError: a page cannot be written, or exists and may not be replaced.
    """

    jobs: Sequence[Job]
    page_of: Callable[[Job], Path]
    named: Callable[[Outcome], Mapping[str, Path]]
    """Returns the files of an outcome by the names that they have on the page."""
    force: bool
    matched: bool = True
    track: int | None = None

    def __post_init__(self) -> None:
        if any(STDIO in (job.source, job.target) for job in self.jobs):
            raise AudioError("--report needs files as input and output")
        pages = {job.source: self.page_of(job) for job in self.jobs}
        check_targets(list(pages.values()), list(pages))
        for page in pages.values():
            if page.exists() and not self.force:
                raise TargetExists(f"{page}: exists already")

    def note(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Give outcomes on, and write the page of a recording when all its results are there."""
        from aural.cleaning.reporting import compare

        waiting, made = Counter(job.source for job in self.jobs), dict[Path, dict[str, Path]]()
        for outcome in outcomes:
            yield outcome
            source = outcome.job.source
            if not outcome.error:
                waiting[source] -= 1
                made.setdefault(source, {"before": source}).update(self.named(outcome))
            if not waiting[source] and not outcome.error:
                page = self.page_of(outcome.job)
                compare(made[source], page, matched=self.matched, track=self.track, replace=self.force)
                if len(waiting) == 1:
                    say(f"report {page}")
