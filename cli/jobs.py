"""Jobs: which recordings are processed, and where the result of each goes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aural.audio.files import READABLE
from aural.audio.films import FILMS, film_suffix
from aural.audio.folders import same, shown_files
from aural.audio.writing import LOSSLESS, SUFFIXES, check_target
from aural.cleaning.targets import guard_chain, make_folder, removed_name
from aural.errors import AudioError
from aural.stage import Effect

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


def recordings_of(sources: Sequence[Path], but: Path | None = None) -> tuple[list[Found], int]:
    """List the recordings among files and in folders, and count the files in folders that are none.

    What counts in a folder is the suffix. Hidden files and the folder `but` are not looked at; a folder that holds no
    recording stays as it is, to be refused like any file that is none.
    """
    found, passed = [], 0
    for source in sources:
        inside = [Found(source)]
        if os.path.isdir(source):
            files = list(shown_files(source, but))
            recordings = [file for file in files if file.suffix.lower() in READABLE]
            passed += len(files) - len(recordings)
            inside = [Found(file, file.parent.relative_to(source)) for file in recordings] or inside
        found += inside
    return found, passed


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
    found, passed_over = recordings_of(sources, folder)
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


def target_of(job: Job) -> list[Path]:
    """Return the result of a job that has one file, or none."""
    return [job.target] if job.target else []


def unfinished(
    batch: Batch, force: bool, skip_existing: bool, results: Callable[[Job], Sequence[Path]] = target_of
) -> Batch:
    """Leave out the jobs all of whose results exist already, if `skip_existing` is set.

    Raises:
        AudioError: they are to be replaced, too.
    """
    if not skip_existing:
        return batch
    if force:
        raise AudioError("--skip-existing keeps the results that --force replaces; give one of them")
    jobs = [job for job in batch.jobs if not _finished(job, results(job))]
    return replace(batch, jobs=jobs, skipped=len(batch.jobs) - len(jobs))


def _finished(job: Job, results: Sequence[Path]) -> bool:
    return bool(results) and all(path.exists() and not same(job.source, path) for path in results)


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
