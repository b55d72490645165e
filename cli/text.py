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


def planned_lines(job: Job, diagnosis: Diagnosis, plan: Plan) -> list[str]:
    """Write what would be done, and why."""
    lines = [*diagnosis_lines(diagnosis, str(job.source)), "", f"preset {plan.preset}, result {job.target}:"]
    for decision in plan.decisions:
        lines += [] if decision.minor else decision_lines(decision)
    return lines


def effect_lines(job: Job, effect: Effect) -> list[str]:
    """Write which stages ran over a file, and how."""
    stages = effect.stages if isinstance(effect, Chain) else (effect,)
    lines = [f"  {stage.name:<{LABEL}}{settings_text(stage)}".rstrip() for stage in stages]
    return [f"{job.source} -> {job.target}", *lines]


def cleaned_lines(job: Job, cleaned: Cleaned) -> list[str]:
    """Write one screen: figures before and after, and the chain as it ran."""
    after = dict(_rows(cleaned.after))
    compared = [(label, value, after[label]) for label, value in _rows(cleaned.before) if label in COMPARED]
    table = [("", "before", "after"), *compared]
    lines = [f"{job.source} -> {job.target}", *_columns(table), "", f"preset {cleaned.plan.preset}:"]
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
    loudness, scene, band = diagnosis.loudness, diagnosis.scene, diagnosis.bandwidth
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
        ("background", f"{_level(scene.floor_dbfs)} dBFS"),
        ("signal to noise", f"{_level(scene.snr_db)} dB"),
        ("hum", hum),
        ("bandwidth", f"{band.cutoff_hz / 1000:.1f} kHz of {diagnosis.format.sample_rate / 2000:g}"),
        ("cut off by", diagnosis.origin or "nothing"),
        ("clipping", str(diagnosis.clipping)),
        ("decay of the room", "cannot be told" if math.isnan(scene.decay_s) else f"{scene.decay_s:.2f} s"),
    ]


def _format(diagnosis: Diagnosis) -> str:
    info, audio = diagnosis.info, diagnosis.format
    channels = f"{audio.channels} channels ({audio.layout})" if 2 < audio.channels <= NAMED else audio.layout
    written = f", {info.codec.lower()} in {info.container.lower()}" if info else ""
    minutes, seconds = divmod(diagnosis.duration_s, 60)
    place = f", track {info.track} of {info.tracks}" if info and info.tracks > 1 else ""
    late = f", sound starts at +{info.starts_at_s:.2f} s" if info and info.starts_at_s >= LATE_S else ""
    return f"{minutes:.0f}:{seconds:04.1f}, {channels}, {audio.sample_rate / 1000:g} kHz{written}{place}{late}"


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
