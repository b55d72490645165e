"""Results as text: what a person reads in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from aural.advice import Decision
from aural.chain import Chain
from aural.cleaning.planning import Plan
from aural.cleaning.running import Cleaned
from aural.cli.work import Job
from aural.measure.content.meter import SIGNS, Content
from aural.measure.diagnosis import Diagnosis
from aural.parameters import parameters
from aural.stage import Effect, Stage

LABEL = 22
LATE_S = 0.05
NAMED = 8
MAP = 60  # characters, at most
COMPARED = ("loudness", "loudness range", "true peak", "background", "signal to noise", "hum", "bandwidth")


def diagnosis_lines(diagnosis: Diagnosis, title: str) -> list[str]:
    """Write a diagnosis, a line for each measurement and for each finding."""
    lines = [title, *(f"  {label:<{LABEL}}{value}" for label, value in _rows(diagnosis))]
    findings = diagnosis.findings() or ["nothing is wrong with it"]
    return [*lines, *(f"  - {finding}" for finding in findings)]


def diagnosis_line(diagnosis: Diagnosis, title: str) -> list[str]:
    """Write a diagnosis in one line."""
    findings = diagnosis.findings() or ["nothing is wrong with it"]
    return [f"{title}: {'; '.join([f'{_length(diagnosis)}, {diagnosis.kind}', *findings])}"]


def planned_line(job: Job, diagnosis: Diagnosis, plan: Plan) -> list[str]:
    """Write in one line what would be done."""
    return [f"{_arrow(job)}{_there(job)}  {_names(plan)}"]


def cleaned_line(job: Job, cleaned: Cleaned) -> list[str]:
    """Write in one line what was done."""
    before, after = (_level(diagnosis.loudness.integrated_lufs) for diagnosis in (cleaned.before, cleaned.after))
    unmended = [f"not mended: {finding}" for finding in cleaned.before.beyond_repair()]
    return ["; ".join([f"{_arrow(job)}  {_names(cleaned.plan)}, {before} to {after} LUFS", *unmended])]


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
    ran = (f"{stage.name} ({settings})" if (settings := settings_text(stage)) else stage.name for stage in stages)
    return [f"{_arrow(job)}  {', '.join(ran)}"]


def effect_lines(job: Job, effect: Effect) -> list[str]:
    """Write which stages ran over a file, and how."""
    stages = effect.stages if isinstance(effect, Chain) else (effect,)
    lines = [f"  {stage.name:<{LABEL}}{settings_text(stage)}".rstrip() for stage in stages]
    return [_arrow(job), *lines]


def cleaned_lines(job: Job, cleaned: Cleaned) -> list[str]:
    """Write one screen: figures before and after, and the chain as it ran."""
    after = dict(_rows(cleaned.after))
    compared = [(label, value, after.get(label, "")) for label, value in _rows(cleaned.before) if label in COMPARED]
    table = [("", "before", "after"), *compared]
    lines = [_arrow(job), *_columns(table), "", f"preset {cleaned.plan.preset}:"]
    ran = iter(cleaned.chain.stages)
    for decision in cleaned.plan.decisions:
        effect = next(ran) if decision.effect else None
        if not decision.minor:
            lines += decision_lines(decision, effect)
    if not cleaned.plan.decisions:
        lines.append("  nothing to do: the recording holds nothing but silence")
    return [*lines, *(f"  ! not mended: {finding}" for finding in cleaned.before.beyond_repair())]


def decision_lines(decision: Decision, effect: Effect | None = None) -> list[str]:
    """Write a line that says whether a stage runs, and why, and one with its settings."""
    effect = effect or decision.effect
    line = f"  {'+' if effect else '-'} {decision.name:<{LABEL}}{decision.reason}"
    settings = settings_text(effect) if effect else ""
    return [line, f"  {'':<{LABEL + 2}}({settings})"] if settings else [line]


def settings_text(stage: Stage) -> str:
    """Write the parameters that differ from their defaults."""
    changed = [p for p in parameters(type(stage)) if getattr(stage, p.name) != p.default]
    return ", ".join(f"{p.name} {_number(getattr(stage, p.name))}" for p in changed)


def _rows(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    loudness, environment, band = diagnosis.loudness, diagnosis.environment, diagnosis.bandwidth
    if diagnosis.hum.frequency_hz:
        hum = f"{diagnosis.hum.frequency_hz:.2f} Hz at {diagnosis.hum.level_dbfs:.0f} dBFS"
    else:
        hum = "none"
    return [
        ("recording", f"{_format(diagnosis)}, {diagnosis.kind}"),
        ("content", _map(diagnosis.content)),
        ("loudness", f"{_level(loudness.integrated_lufs)} LUFS"),
        ("loudness range", f"{loudness.range_lu:.1f} LU"),
        ("true peak", f"{_level(diagnosis.true_peak_dbtp)} dBTP"),
        ("background", f"{_level(environment.floor_dbfs)} dBFS"),
        *([("signal to noise", f"{_level(environment.snr_db)} dB")] if diagnosis.kind == "speech" else []),
        ("hum", hum),
        ("bandwidth", f"{band.cutoff_hz / 1000:.1f} kHz of {diagnosis.format.sample_rate / 2000:g}"),
        ("cut off by", diagnosis.origin or "nothing"),
        ("clipping", str(diagnosis.clipping)),
        *((name, str(defects)) for name, defects in diagnosis.defects().items()),
        *([("breaths", str(diagnosis.breaths))] if diagnosis.kind == "speech" else []),
        (
            "decay of the room",
            "cannot be told" if math.isnan(environment.decay_s) else f"{environment.decay_s:.2f} s",
        ),
    ]


def _format(diagnosis: Diagnosis) -> str:
    info, audio = diagnosis.info, diagnosis.format
    channels = f"{audio.channels} channels ({audio.layout})" if 2 < audio.channels <= NAMED else audio.layout
    written = f", {info.codec.lower()} in {info.container.lower()}" if info else ""
    place = f", track {info.track} of {info.tracks}" if info and info.tracks > 1 else ""
    late = f", sound starts at +{info.starts_at_s:.2f} s" if info and info.starts_at_s >= LATE_S else ""
    return f"{_length(diagnosis)}, {channels}, {audio.sample_rate / 1000:g} kHz{written}{place}{late}"


def _length(diagnosis: Diagnosis) -> str:
    minutes, seconds = divmod(diagnosis.duration_s, 60)
    return f"{minutes:.0f}:{seconds:04.1f}"


def _arrow(job: Job) -> str:
    return f"{job.source} -> {job.target}"


def _names(plan: Plan) -> str:
    stages = ", ".join(decision.name for decision in plan.decisions if decision.effect)
    return f"{plan.preset}: {stages or 'nothing'}"


def _there(job: Job) -> str:
    """Say before anything is done that the result is there already."""
    return " (exists already: -f replaces it)" if job.target and job.target.exists() else ""


def _map(content: Content) -> str:
    """Draw the map, and say what its characters mean."""
    line = content.line(MAP)
    used = [f"{sign} {name}" for name, sign in SIGNS.items() if sign in line]
    return f"{line}  ({', '.join(used)})"


def _level(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-inf" if value < 0 else "-"


def _number(value: Any) -> str:
    if isinstance(value, tuple):
        return ("/".join(map(_number, value)) or "none") if len(value) <= 12 else f"{len(value)} values"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    width = max(len(before) for _, before, _ in rows) + 3
    return [f"  {label:<{LABEL}}{before:<{width}}{after}".rstrip() for label, before, after in rows]
