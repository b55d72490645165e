"""`aural clean` and `aural inspect`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aural.cli.options import FileName, shared
from aural.cli.terminal import say, say_json
from aural.stream import Watch

if TYPE_CHECKING:
    from aural.cleaning.planning import Plan
    from aural.cleaning.running import Cleaned
    from aural.cli.work import Job, Outcome
    from aural.measure.diagnosis import Diagnosis

FILES = click.argument("files", nargs=-1, required=True, type=FileName(), metavar="FILE...")


@click.command()
@FILES
@click.option("-p", "--preset", default="auto", show_default=True, help="Name of a preset, or a chain file (.toml).")
@shared(
    "output", "to", "force", "dry-run", "jobs", "removed", "save-chain", "report", "report-audio", "strict", "json"
)
def clean(
    files: tuple[Path, ...],
    preset: str,
    output: Path | None,
    to: str | None,
    force: bool,
    dry_run: bool,
    jobs: int,
    save_removed: bool,
    save_chain: Path | None,
    with_report: bool,
    report_audio: str,
    strict: bool,
    as_json: bool,
) -> None:
    """Turn a poor recording into a good one.

    Diagnoses each FILE, applies only the processing it needs, brings the loudness to a standard, and writes the
    result next to it as FILE_clean.wav (lossless formats keep their format).

    \b
      aural clean memo.m4a
      aural clean *.m4a -o out/ --preset podcast
      aural clean memo.m4a -n            what would be done, and why
      aural clean memo.m4a --report      also a page that shows and plays it: memo_clean.html
    """
    from aural.cleaning.planning import check_preset
    from aural.cli.reports import Reports, report_name
    from aural.cli.text import cleaned_lines, planned_lines
    from aural.cli.work import STDIO, check_chain_file, check_removed, pair, report, run_jobs

    check_preset(preset)
    pairs = pair(files, output, "_clean", to, dry_run)
    to_stdout = any(job.target == STDIO for job in pairs)
    if save_chain:
        check_chain_file(save_chain, force, pairs)
    if save_removed:
        check_removed(pairs)
    reports = Reports(pairs, force) if with_report else None
    shown: list[dict[str, Any]] = []

    def show(outcome: Outcome) -> None:
        result, job = outcome.result, outcome.job
        shown.append(_planned_json(job, *result) if dry_run else _cleaned_json(job, result))
        if not as_json:
            lines = planned_lines(job, *result) if dry_run else cleaned_lines(job, result)
            page = [f"report {report_name(job.target)}"] if job.target and reports and not dry_run else []
            say(*lines, *page, err=to_stdout)

    def finish() -> None:
        if reports and not dry_run:
            reports.finish()
        if as_json:
            _print_json(shown, len(pairs), to_stdout)

    beside = {"save_removed": save_removed, "save_chain": save_chain, "report_audio": report_audio}
    work: Any = (
        partial(_plan, preset, force, with_report, strict)
        if dry_run
        else partial(_clean, preset, force, with_report, beside, strict)
    )
    outcomes = run_jobs(pairs, work, jobs)
    report(reports.note(outcomes) if reports and not dry_run else outcomes, show, finish)


@click.command()
@FILES
@shared("jobs", "strict", "json")
def inspect(files: tuple[Path, ...], jobs: int, strict: bool, as_json: bool) -> None:
    """Report what is wrong with a recording, without changing it.

    \b
      aural inspect memo.m4a
      aural inspect *.wav --json
    """
    from aural.cli.text import diagnosis_lines
    from aural.cli.work import Job, report, run_jobs

    shown: list[dict[str, Any]] = []

    def show(outcome: Outcome) -> None:
        shown.append(outcome.result.as_dict())
        if not as_json:
            say(*diagnosis_lines(outcome.result, str(outcome.job.source)))

    pairs = [Job(file) for file in files]
    report(
        run_jobs(pairs, partial(_inspect, strict), jobs),
        show,
        partial(_print_json, shown, len(pairs)) if as_json else None,
    )


def _clean(
    preset: str, force: bool, with_report: bool, beside: dict[str, Any], strict: bool, job: Job, watch: Watch
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
        watch=watch,
        **beside,
    )


def _plan(
    preset: str, force: bool, with_report: bool, strict: bool, job: Job, watch: Watch
) -> tuple[Diagnosis, Plan]:
    from aural.cleaning.planning import plan
    from aural.cli.reports import report_name
    from aural.cli.work import foresee

    foresee(job, force, report_name(job.target) if with_report and job.target else None)
    diagnosis = _inspect(strict, job, watch)
    return diagnosis, plan(diagnosis, preset)


def _inspect(strict: bool, job: Job, watch: Watch) -> Diagnosis:
    from aural.measure.diagnosis import inspect

    watch.expect(1)
    return inspect(job.source, watch, strict)


def _planned_json(job: Job, diagnosis: Diagnosis, plan: Plan) -> dict[str, Any]:
    stages = [{"name": d.name, "runs": d.effect is not None, "reason": d.reason} for d in plan.decisions]
    names = {"source": str(job.source), "target": str(job.target)}
    return {**names, "preset": plan.preset, "stages": stages, "before": diagnosis.as_dict()}


def _cleaned_json(job: Job, cleaned: Cleaned) -> dict[str, Any]:
    from aural.chainfile import chain_table

    planned = _planned_json(job, cleaned.before, cleaned.plan)
    report = {"report": cleaned.shown} if cleaned.shown else {}
    return {**planned, "after": cleaned.after.as_dict(), "chain": chain_table(cleaned.chain), **report}


def _print_json(shown: list[dict[str, Any]], files: int, err: bool = False) -> None:
    """Print one object for one file, a list for several."""
    if shown or files > 1:
        say_json(shown[0] if files == 1 else shown, err)
