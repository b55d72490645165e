"""The users of the page: each has a folder of their own, which goes when their page closes."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aural.advice import Decision, Wishes
from aural.audio.files import open_audio
from aural.chain import Chain
from aural.chainfile import chain_of, stage_of
from aural.cleaning.planning import Plan, as_asked, plan
from aural.cleaning.reporting import compare
from aural.cleaning.running import NOTHING_TO_DO, Cleaned, called, carry_out
from aural.cleaning.stems import separate
from aural.cli.app.work import JobWatch, PageJob
from aural.cli.jobs import result_name
from aural.errors import AudioError, AuralError, ChainError
from aural.markup import visible
from aural.measure.diagnosis import Diagnosis
from aural.measure.examination import inspect
from aural.measure.words import compared, figures
from aural.parameters import settings
from aural.stage import Separator

LONGEST_NAME = 150  # bytes, so that what is made of it is a name, too


@dataclass
class Pools:
    """The workers: recordings are diagnosed even while others are being cleaned."""

    looking: ThreadPoolExecutor
    cleaning: ThreadPoolExecutor


@dataclass(frozen=True)
class Made:
    """What was made of a recording."""

    files: tuple[tuple[str, Path], ...]
    """What each is, and where it lies: one result, or the stems."""
    report: Path
    told: dict[str, Any]
    """What was done, as plain values."""

    @property
    def folder(self) -> Path:
        """Return the folder that holds it, and nothing else."""
        return self.report.parent


@dataclass
class Recording:
    """A file that a user gave, what was found in it, and what was made of it."""

    number: int
    path: Path
    diagnosis: Diagnosis | None = None
    job: PageJob | None = None
    made: Made | None = None
    found: dict[str, Any] = field(default_factory=lambda: {"found": [], "figures": []})

    def shown(self) -> dict[str, Any]:
        """Return what a page shows of it, as plain values."""
        job = self.job
        return {
            "id": self.number,
            "name": visible(self.path.name),
            "state": job.state if job else "arriving",
            "task": "cleaning" if self.diagnosis else "looking",
            "share": round(job.watch.share, 3) if job else 0.0,
            "left": job.left() if job else "",
            "error": job.error if job else "",
            "notes": list(job.notes) if job and job.over else [],
            **self.found,
            "result": {**self.made.told, "files": [what for what, _ in self.made.files]} if self.made else None,
        }


def _cleaned(done: Cleaned) -> dict[str, Any]:
    return {
        "preset": done.plan.preset,
        "steps": steps(done.decisions) or [[False, "", NOTHING_TO_DO, ""]],
        "figures": compared(done.before, done.after),
        "not_mended": done.before.beyond_repair(),
    }


def _apart(separator: Separator) -> dict[str, Any]:
    step = [True, separator.name, f"{len(separator.stems)} stems, which add up to the recording", settings(separator)]
    return {"preset": "", "steps": [step], "figures": [], "not_mended": []}


def steps(decisions: list[Decision] | tuple[Decision, ...]) -> list[list[Any]]:
    """List what was decided: whether a stage runs, its name, why, and its settings."""
    return [
        [bool(d.effect), d.name, d.reason, settings(d.effect) if d.effect else ""] for d in decisions if not d.minor
    ]


@dataclass
class Session:
    """One page that is open, with its recordings."""

    folder: Path
    pools: Pools
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    recordings: dict[int, Recording] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    pages: int = 0
    """Connections that are open."""

    def begin(self, name: str) -> Recording:
        """Make room for a recording.

        Raises:
            AudioError: no file can have this name.
        """
        place = Path(tempfile.mkdtemp(dir=self.folder))
        recording = Recording(next(self.numbers), place / file_name(name))
        self.recordings[recording.number] = recording
        return recording

    def look(self, recording: Recording) -> None:
        """Find out what is wrong with a recording that has arrived."""

        def work(watch: JobWatch) -> None:
            watch.duration_s = _duration_s(recording.path)
            watch.expect(1)
            found = inspect(recording.path, watch)
            words = found.findings() or ["nothing is wrong with it"]
            recording.found = {"found": words, "figures": figures(found)}
            recording.diagnosis = found

        self._do(recording, work, 0.0, self.pools.looking)

    def plans(self, preset: str, wishes: Wishes) -> dict[int, Plan]:
        """Plan what to do to each recording that was looked at.

        Raises:
            AuralError: as `aural.cleaning.planning.plan`.
        """
        return {
            number: plan(recording.diagnosis, preset, wishes)
            for number, recording in self.recordings.items()
            if recording.diagnosis
        }

    def clean(self, plans: Mapping[int, Plan]) -> None:
        """Begin to carry out plans; a recording that is at work already goes on."""
        for number, chosen in plans.items():
            recording = self.recordings[number]
            if recording.diagnosis and recording.job and recording.job.over:
                self._clean(recording, recording.diagnosis, chosen)

    def run(self, chain: Chain) -> None:
        """Begin to run a chain over each recording that was looked at."""
        chosen = as_asked(chain, "chain.toml")
        self.clean({number: chosen for number, recording in self.recordings.items() if recording.diagnosis})

    def _clean(self, recording: Recording, found: Diagnosis, chosen: Plan) -> None:
        def make(folder: Path, watch: JobWatch) -> Made:
            several = found.info is not None and found.info.tracks > 1
            file = open_audio(recording.path, track=found.info.track if several and found.info else None)
            target = folder / result_name(recording.path, "_clean")
            report = target.with_suffix(".html")
            done = carry_out(chosen, found, file, target, report=report, names=self._names(), watch=watch)
            return Made((("", target),), report, _cleaned(done))

        self._make(recording, make, found.duration_s)

    def separate(self, separator: Separator) -> None:
        """Begin to take each recording apart that was looked at and is not at work."""
        for recording in self.recordings.values():
            if recording.diagnosis and recording.job and recording.job.over:
                self._separate(recording, separator, recording.diagnosis.duration_s)

    def _separate(self, recording: Recording, separator: Separator, duration_s: float) -> None:
        def make(folder: Path, watch: JobWatch) -> Made:
            stems = tuple(zip(separator.stems, separate(separator, recording.path, folder, watch=watch), strict=True))
            report = folder / f"{recording.path.stem}.html"
            compare({"before": recording.path, **dict(stems)}, report, matched=False, watch=watch)
            return Made(stems, report, _apart(called(separator, self._names())))

        self._make(recording, make, duration_s)

    def _make(self, recording: Recording, make: Callable[[Path, JobWatch], Made], duration_s: float) -> None:
        """Begin to make something of a recording, in place of what was made before."""

        def work(watch: JobWatch) -> None:
            made = make(Path(tempfile.mkdtemp(dir=recording.path.parent)), watch)
            before, recording.made = recording.made, replace(made, told={**made.told, "run": next(self.numbers)})
            if before:
                shutil.rmtree(before.folder, ignore_errors=True)

        self._do(recording, work, duration_s, self.pools.cleaning)

    def _names(self) -> dict[str, str]:
        """Return the names of recordings, by where they lie."""
        return {str(recording.path): visible(recording.path.name) for recording in self.recordings.values()}

    def _do(
        self, recording: Recording, work: Callable[[JobWatch], None], duration_s: float, pool: ThreadPoolExecutor
    ) -> None:
        places = re.compile(rf"{re.escape(f'{self.folder}{os.sep}')}(\w+{re.escape(os.sep)}){{1,2}}")
        recording.job = PageJob(work, duration_s, lambda text: places.sub("", text))
        recording.job.begin(pool)

    def cancel(self) -> None:
        """End all that waits or runs."""
        for recording in self.recordings.values():
            if recording.job and not recording.job.over:
                recording.job.cancel()

    def remove(self, number: int) -> None:
        """Forget a recording, and delete it and all that was made of it. Waits for what was at work."""
        recording = self.recordings.pop(number)
        if recording.job:
            recording.job.cancel()
            wait([recording.job.future])
        shutil.rmtree(recording.path.parent, ignore_errors=True)

    def close(self) -> None:
        """Delete everything. Waits for what was at work."""
        self.cancel()
        wait([recording.job.future for recording in self.recordings.values() if recording.job])
        shutil.rmtree(self.folder, ignore_errors=True)

    def results(self) -> list[Path]:
        """List the files that were made."""
        made = [recording.made for recording in self.recordings.values() if recording.made]
        return [path for one in made for _, path in one.files]

    def chain(self, table: Any, names: bool = False) -> Chain:
        """Read a chain from the values of a form. A text in it names a recording of this page, or no file at all.

        Args:
            table: as a chain file says it.
            names: keep the names of recordings as they are on the page, instead of where they lie.

        Raises:
            AuralError: it makes no sense; the sentence says why.
        """
        placed = self._placed(table)
        return chain_of(table if names else placed)

    def separator(self, table: Any) -> Separator:
        """Read a stage that gives stems from the values of a form.

        Raises:
            AuralError: it makes no sense; the sentence says why.
        """
        (placed,) = self._placed({"stage": [table]})["stage"]
        stage = stage_of(placed)
        if not isinstance(stage, Separator):
            raise ChainError(f"{stage.name} gives no stems")
        return stage

    def _placed(self, table: Any) -> dict[str, Any]:
        entries = table.get("stage") if isinstance(table, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ChainError("a chain is a list of stages")
        return {"stage": [{key: self._value(key, value) for key, value in entry.items()} for entry in entries]}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
        ):
            raise ChainError(f"{key}: this page runs stages one after the other, without branches")
        if not isinstance(value, str) or key == "use":
            return value
        for recording in self.recordings.values():
            if visible(recording.path.name) == value:
                return str(recording.path)
        if os.sep in value or "/" in value or os.path.exists(value):
            raise AuralError(f"{key}: there is no recording on this page called {value!r}")
        return value


def file_name(name: str) -> str:
    """Return the name under which a file is kept: the last part of what a browser says, its end kept if it is long.

    Raises:
        AudioError: no file can have this name.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    if not last.strip(". ") or "\0" in last:
        raise AudioError(f"{name!r} is no name that a file can have")
    path = Path(last)
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= 10 else ""
    stem = os.fsencode(last.removesuffix(suffix))[: LONGEST_NAME - len(os.fsencode(suffix))]
    return stem.decode("utf-8", "ignore") + suffix


def _duration_s(path: Path) -> float:
    """Return what the file says of its length; what is wrong with it is said by the work itself."""
    try:
        return open_audio(path).info.duration_s
    except (AudioError, OSError):
        return 0.0
