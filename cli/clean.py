"""`aural clean` and `aural inspect`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aural.advice import Wishes
from aural.cli.options import FileName, parameter_options, shared
from aural.cli.terminal import say, say_json
from aural.stream import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from aural.cleaning.planning import Plan
    from aural.cleaning.running import Cleaned
    from aural.cli.jobs import Job, Outcome
    from aural.measure.diagnosis import Diagnosis

FILES = click.argument("files", nargs=-1, required=True, type=FileName(), metavar="FILE...")


@click.command()
@FILES
@click.option("-p", "--preset", default="auto", show_default=True, help="Name of a preset, or a chain file (.toml).")
@shared(
    "output",
    "to",
    "force",
    "skip-existing",
    "dry-run",
    "jobs",
    "removed",
    "save-chain",
    "report",
    "report-audio",
    "track",
    "audio-only",
    "strict",
    "device",
    "json",
)
def clean(
    files: tuple[Path, ...],
    preset: str,
    output: Path | None,
    to: str | None,
    force: bool,
    skip_existing: bool,
    dry_run: bool,
    jobs: int,
    save_removed: bool,
    save_chain: Path | None,
    with_report: bool,
    report_audio: str,
    track: int | None,
    audio_only: bool,
    strict: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Turn a poor recording into a good one.

    Diagnoses each FILE, applies only the processing it needs, brings the loudness to a standard, and writes the
    result next to it as FILE_clean.wav (lossless formats keep their format). Of a film (a video file), only the sound
    is replaced. If FILE is a folder, all recordings in it and in its subfolders are cleaned.

    \b
      aural clean memo.m4a
      aural clean *.m4a -o out/ --preset podcast
      aural clean recordings/ -o out/ --skip-existing
      aural clean memo.m4a -n            what would be done, and why
      aural clean memo.m4a --report      also a page that shows and plays it: memo_clean.html
      aural clean memo.m4a --noise-reduction 12 --dereverb off --target-lufs -18
    """
    from aural.cleaning.planning import check_preset
    from aural.cli.jobs import STDIO, check_chain_file, check_removed, pair, unfinished
    from aural.cli.reports import Reports, report_name
    from aural.cli.text import cleaned_line, cleaned_lines, planned_line, planned_lines
    from aural.cli.work import run_jobs, show_outcomes

    wishes = Wishes(**asked)
    check_preset(preset)
    batch = unfinished(pair(files, output, "_clean", to, dry_run, audio_only), force, skip_existing)
    to_stdout = any(job.target == STDIO for job in batch.jobs)
    if save_chain:
        check_chain_file(save_chain, force, batch.jobs)
    if save_removed:
        check_removed(batch.jobs)
    reports = Reports(batch.jobs, force, skip_existing) if with_report and not dry_run else None
    if batch.several:
        cleaned, planned = cleaned_line, planned_line
    else:
        cleaned, planned = cleaned_lines, planned_lines
    shown: list[dict[str, Any]] = []

    def show(outcome: Outcome) -> None:
        result, job = outcome.result, outcome.job
        shown.append(_planned_json(job, *result) if dry_run else _cleaned_json(job, result))
        if not as_json:
            lines = planned(job, *result) if dry_run else cleaned(job, result)
            page = [f"report {report_name(job.target)}"] if reports and job.target and not batch.several else []
            say(*batch.noted(lines, outcome), *page, err=to_stdout)

    beside = {"save_removed": save_removed, "save_chain": save_chain, "report_audio": report_audio}
    work: Any = (
        partial(_plan, preset, wishes, strict, track)
        if dry_run
        else partial(_clean, preset, wishes, force, with_report, beside, strict, track, audio_only)
    )
    finish = partial(_print_json, shown, batch.several, to_stdout) if as_json else None
    tell: Callable[[str], None] = (lambda _: None) if as_json else say
    with run_jobs(batch.jobs, work, jobs) as outcomes:
        show_outcomes(reports.note(outcomes, tell) if reports else outcomes, show, batch, finish, err=to_stdout)


clean.params += parameter_options(Wishes)


@click.command()
@FILES
@shared("jobs", "track", "strict", "json")
def inspect(files: tuple[Path, ...], jobs: int, track: int | None, strict: bool, as_json: bool) -> None:
    """Report what is wrong with a recording, without changing it; several get one line each.

    \b
      aural inspect memo.m4a
      aural inspect *.wav --json
    """
    from aural.cli.jobs import Batch, Job, recordings_of
    from aural.cli.text import diagnosis_line, diagnosis_lines
    from aural.cli.work import run_jobs, show_outcomes

    shown: list[dict[str, Any]] = []

    def show(outcome: Outcome) -> None:
        shown.append(outcome.result.as_dict())
        if not as_json:
            write = diagnosis_line if batch.several else diagnosis_lines
            say(*batch.noted(write(outcome.result, str(outcome.job.source)), outcome))

    found, passed_over = recordings_of(files)
    batch = Batch([Job(file.path) for file in found], passed_over=passed_over)
    finish = partial(_print_json, shown, batch.several) if as_json else None
    with run_jobs(batch.jobs, partial(_inspect, strict, track), jobs) as outcomes:
        show_outcomes(outcomes, show, batch, finish)


def _clean(
    preset: str,
    wishes: Wishes,
    force: bool,
    with_report: bool,
    beside: dict[str, Any],
    strict: bool,
    track: int | None,
    audio_only: bool,
    job: Job,
    watch: Watch,
) -> Cleaned:
    from aural.cleaning.running import clean
    from aural.cli.reports import report_name

    assert job.target
    return clean(
        job.source,
        job.target,
        preset,
        replace=force,
        report=report_name(job.target) if with_report else None,
        strict=strict,
        track=track,
        audio_only=audio_only,
        watch=watch,
        **beside,
        **asdict(wishes),
    )


def _plan(
    preset: str, wishes: Wishes, strict: bool, track: int | None, job: Job, watch: Watch
) -> tuple[Diagnosis, Plan]:
    from aural.cleaning.planning import plan
    from aural.cli.work import foresee

    foresee(job)
    diagnosis = _inspect(strict, track, job, watch)
    return diagnosis, plan(diagnosis, preset, wishes)


def _inspect(strict: bool, track: int | None, job: Job, watch: Watch) -> Diagnosis:
    from aural.measure.examination import inspect

    watch.expect(1)
    return inspect(job.source, watch, strict, track)


def _planned_json(job: Job, diagnosis: Diagnosis, plan: Plan) -> dict[str, Any]:
    stages = [{"name": d.name, "runs": d.effect is not None, "reason": d.reason} for d in plan.decisions]
    names = {"source": str(job.source), "target": str(job.target)}
    return {**names, "preset": plan.preset, "stages": stages, "before": diagnosis.as_dict()}


def _cleaned_json(job: Job, cleaned: Cleaned) -> dict[str, Any]:
    from aural.chainfile import chain_table

    planned = _planned_json(job, cleaned.before, cleaned.plan)
    report = {"report": cleaned.shown} if cleaned.shown else {}
    return {**planned, "after": cleaned.after.as_dict(), "chain": chain_table(cleaned.chain), **report}


def _print_json(shown: list[dict[str, Any]], several: bool, err: bool = False) -> None:
    """Print one object for one file, a list for several."""
    if shown or several:
        say_json(shown if several else shown[0], err)
