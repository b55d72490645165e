"""Results as text: what a person reads in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aural.advice import Decision
from aural.chain import Chain
from aural.cli.jobs import Job
from aural.parameters import settings
from aural.stage import Effect

if TYPE_CHECKING:
    from aural.cleaning.planning import Plan
    from aural.cleaning.running import Cleaned
    from aural.measure.diagnosis import Diagnosis

LABEL = 22


def diagnosis_lines(diagnosis: Diagnosis, title: str) -> list[str]:
    """Write a diagnosis, a line for each measurement and for each finding."""
    from aural.measure.words import figures

    lines = [title, *(f"  {label:<{LABEL}}{value}" for label, value in figures(diagnosis))]
    findings = diagnosis.findings() or ["nothing is wrong with it"]
    return [*lines, *(f"  - {finding}" for finding in findings)]


def diagnosis_line(diagnosis: Diagnosis, title: str) -> list[str]:
    """Write a diagnosis in one line."""
    from aural.measure.words import length

    findings = diagnosis.findings() or ["nothing is wrong with it"]
    return [f"{title}: {'; '.join([f'{length(diagnosis)}, {diagnosis.kind}', *findings])}"]


def planned_line(job: Job, diagnosis: Diagnosis, plan: Plan) -> list[str]:
    """Write in one line what would be done."""
    return ["; ".join([f"{_arrow(job)}{_there(job)}  {_names(plan)}", *_unmet(plan)])]


def cleaned_line(job: Job, cleaned: Cleaned) -> list[str]:
    """Write in one line what was done."""
    from aural.measure.words import level

    before, after = (level(diagnosis.loudness.integrated_lufs) for diagnosis in (cleaned.before, cleaned.after))
    unmended = [f"not mended: {finding}" for finding in cleaned.before.beyond_repair()]
    done = f"{_arrow(job)}  {_names(cleaned.plan)}, {before} to {after} LUFS"
    return ["; ".join([done, *_unmet(cleaned.plan), *unmended])]


def planned_lines(job: Job, diagnosis: Diagnosis, plan: Plan) -> list[str]:
    """Write what would be done, and why."""
    lines = diagnosis_lines(diagnosis, str(job.source))
    lines += ["", f"preset {plan.preset}, result {job.target}{_there(job)}:"]
    for decision in plan.decisions:
        lines += [] if decision.minor else decision_lines(decision)
    return lines


def effect_line(job: Job, effect: Effect) -> list[str]:
    """Write in one line which stages ran over a file, and how."""
    stages = effect.stages if isinstance(effect, Chain) else (effect,)
    ran = (f"{stage.name} ({values})" if (values := settings(stage)) else stage.name for stage in stages)
    return [f"{_arrow(job)}  {', '.join(ran)}"]


def effect_lines(job: Job, effect: Effect) -> list[str]:
    """Write which stages ran over a file, and how."""
    stages = effect.stages if isinstance(effect, Chain) else (effect,)
    lines = [f"  {stage.name:<{LABEL}}{settings(stage)}".rstrip() for stage in stages]
    return [_arrow(job), *lines]


def cleaned_lines(job: Job, cleaned: Cleaned) -> list[str]:
    """Write one screen: figures before and after, and the chain as it ran."""
    from aural.cleaning.running import NOTHING_TO_DO
    from aural.measure.words import compared

    table = [("", "before", "after"), *compared(cleaned.before, cleaned.after)]
    lines = [_arrow(job), *_columns(table), "", f"preset {cleaned.plan.preset}:"]
    for decision in cleaned.decisions:
        lines += [] if decision.minor else decision_lines(decision)
    if not cleaned.decisions:
        lines.append(f"  {NOTHING_TO_DO}")
    return [*lines, *(f"  ! not mended: {finding}" for finding in cleaned.before.beyond_repair())]


def decision_lines(decision: Decision) -> list[str]:
    """Write a line that says whether a stage runs, and why, and one with its settings."""
    line = f"  {'+' if decision.effect else '-'} {decision.name:<{LABEL}}{decision.reason}"
    values = settings(decision.effect) if decision.effect else ""
    return [line, f"  {'':<{LABEL + 2}}({values})"] if values else [line]


def _arrow(job: Job) -> str:
    return f"{job.source} -> {job.target}"


def _names(plan: Plan) -> str:
    stages = ", ".join(decision.name for decision in plan.decisions if decision.effect)
    return f"{plan.preset}: {stages or 'nothing'}"


def _unmet(plan: Plan) -> list[str]:
    """Say why something that was asked for is not done."""
    return [decision.unmet for decision in plan.decisions if decision.unmet]


def _there(job: Job) -> str:
    """Say before anything is done that the result is there already."""
    return " (exists already: -f replaces it)" if job.target and job.target.exists() else ""


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    width = max(len(before) for _, before, _ in rows) + 3
    return [f"  {label:<{LABEL}}{before:<{width}}{after}".rstrip() for label, before, after in rows]
