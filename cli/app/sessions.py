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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aural.advice import Decision, Wishes
from aural.audio.files import open_audio
from aural.chain import Chain
from aural.chainfile import chain_of
from aural.cleaning.planning import Plan, as_asked, plan
from aural.cleaning.running import NOTHING_TO_DO, Cleaned, carry_out
from aural.cli.app.work import JobWatch, PageJob
from aural.cli.jobs import result_name
from aural.errors import AudioError, AuralError, ChainError
from aural.markup import visible
from aural.measure.diagnosis import Diagnosis, inspect
from aural.measure.words import compared, figures
from aural.parameters import settings

LONGEST_NAME = 150  # bytes, so that what is made of it is a name, too


@dataclass
class Pools:
    """Who works: a recording is looked at even while others are being cleaned."""

    looking: ThreadPoolExecutor
    cleaning: ThreadPoolExecutor


@dataclass
class Recording:
    """A file that a user gave, what was found in it, and what was made of it."""

    number: int
    path: Path
    diagnosis: Diagnosis | None = None
    job: PageJob | None = None
    done: Cleaned | None = None
    found: dict[str, Any] = field(default_factory=lambda: {"found": [], "figures": []})
    result: dict[str, Any] | None = None

    @property
    def report(self) -> Path:
        """The page of its result."""
        assert self.done
        return self.done.target.with_suffix(".html")

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
            "result": self.result,
        }


def _result(done: Cleaned, run: int) -> dict[str, Any]:
    return {
        "run": run,
        "name": visible(done.target.name),
        "preset": done.plan.preset,
        "steps": steps(done.decisions) or [[False, "", NOTHING_TO_DO, ""]],
        "figures": compared(done.before, done.after),
        "not_mended": done.before.beyond_repair(),
    }


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
        chosen = as_asked(chain, "your chain")
        self.clean({number: chosen for number, recording in self.recordings.items() if recording.diagnosis})

    def _clean(self, recording: Recording, found: Diagnosis, chosen: Plan) -> None:
        def work(watch: JobWatch) -> None:
            several = found.info is not None and found.info.tracks > 1
            file = open_audio(recording.path, track=found.info.track if several and found.info else None)
            folder = Path(tempfile.mkdtemp(dir=recording.path.parent))
            target = folder / result_name(recording.path, "_clean")
            done = carry_out(chosen, found, file, target, report=target.with_suffix(".html"), watch=watch)
            before, recording.done = recording.done, done
            recording.result = _result(done, next(self.numbers))
            if before:
                shutil.rmtree(before.target.parent, ignore_errors=True)

        self._do(recording, work, found.duration_s, self.pools.cleaning)

    def _do(
        self, recording: Recording, work: Callable[[JobWatch], None], duration_s: float, pool: ThreadPoolExecutor
    ) -> None:
        places = re.compile(rf"{re.escape(f'{recording.path.parent}{os.sep}')}(\w+{re.escape(os.sep)})?")
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
        return [recording.done.target for recording in self.recordings.values() if recording.done]

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
