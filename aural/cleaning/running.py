"""Cleans files: diagnoses, plans, runs the chain, writes, and returns what was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aural.advice import Decision, Wishes
from aural.audio.atomic import Results
from aural.audio.files import AudioFile, open_audio
from aural.chain import Chain
from aural.cleaning.delivery import deliver
from aural.cleaning.planning import Plan, check_preset, plan
from aural.cleaning.processing import write_beside
from aural.cleaning.removed import Removed, keeping
from aural.cleaning.reporting import AUDIO, PASSES, write_report
from aural.cleaning.targets import guard
from aural.markup import element, listed, table
from aural.measure.diagnosis import Diagnosis
from aural.measure.examination import examine
from aural.measure.words import compared
from aural.parameters import settings
from aural.stage import Stage
from aural.stream import UNWATCHED, Watch

AnyStage = TypeVar("AnyStage", bound=Stage)
NOTHING_TO_DO = "nothing to do: the recording holds nothing but silence"


@dataclass(frozen=True)
class Cleaned:
    """What `clean` did to a recording."""

    source: Path
    target: Path
    plan: Plan
    chain: Chain
    """As it ran: with every measured parameter."""
    before: Diagnosis
    after: Diagnosis
    """Of the file as it is written: quantised, or coded and decoded."""
    shown: Mapping[str, Any] | None = field(default=None, repr=False)
    """What its report shows, if one was written, as plain values and without the sound."""

    @property
    def decisions(self) -> list[Decision]:
        """List what was decided about each stage of the preset, with the effects as they ran."""
        ran = iter(self.chain.stages)
        return [dataclasses.replace(d, effect=next(ran)) if d.effect else d for d in self.plan.decisions]

    def _repr_html_(self) -> str:
        decisions = (
            ("+" if d.effect else "-", d.name, d.reason, settings(d.effect) if d.effect else "")
            for d in self.decisions
            if not d.minor
        )
        head = (f"{self.source.name} -> {self.target.name}", "before", "after")
        words = self.before.beyond_repair() if self.decisions else [NOTHING_TO_DO]
        return element(
            "div",
            table(head, compared(self.before, self.after)),
            table(("", f"preset {self.plan.preset}", "why", "settings"), decisions),
            listed(words),
        )


def clean(
    source: str | Path,
    target: str | Path,
    preset: str = "auto",
    *,
    replace: bool = False,
    save_removed: bool = False,
    save_chain: str | Path | None = None,
    report: str | Path | None = None,
    report_audio: str = AUDIO[0],
    strict: bool = False,
    track: int | None = None,
    audio_only: bool = False,
    watch: Watch = UNWATCHED,
    **wishes: Any,
) -> Cleaned:
    """Diagnose a recording, choose a chain, run it and write the result.

    Args:
        source: the recording.
        target: where the result goes; its suffix says the format. Of a film (.mp4, .mov, .mkv, .webm), only the sound
            is replaced.
        preset: name of a preset, a chain file, or `auto`.
        replace: whether files that exist may be replaced. The source never is.
        save_removed: also write what was taken away, to the file that `removed_name` says.
        save_chain: also write the chain as it ran, with every measured parameter, to this file (.toml).
        report: also write a page that shows what was done, to this file (.html).
        report_audio: what of the sound the page holds, as in `write_report`.
        strict: refuse a recording of which a part is damaged or missing, instead of reading on behind it.
        track: which of several sound tracks, from 1.
        audio_only: write the sound of a film without its picture.
        watch: sees the signal go by.
        wishes: the fields of `aural.advice.Wishes`: `target_lufs`, `max_limiting_db`, `noise_reduction` (dB),
            `dereverb` and `treble` (0 to 1), `music` (keep or reduce). What is not given is decided by the diagnosis.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
        ChainError: there is no such preset, or no stage of it does what is wished.
        ParameterError: a wish is out of range.
    """
    asked = Wishes(**wishes)
    check_preset(preset)
    guard(source, target, replace, save_removed, save_chain, report)
    file = open_audio(source, strict, track)
    watch.expect(5)  # a guess, until the chain is known
    before = examine(file, watch)
    return carry_out(
        plan(before, preset, asked),
        before,
        file,
        target,
        replace=replace,
        save_removed=save_removed,
        save_chain=save_chain,
        report=report,
        report_audio=report_audio,
        audio_only=audio_only,
        watch=watch,
    )


def carry_out(
    chosen: Plan,
    before: Diagnosis,
    file: AudioFile,
    target: str | Path,
    *,
    replace: bool = False,
    save_removed: bool = False,
    save_chain: str | Path | None = None,
    report: str | Path | None = None,
    report_audio: str = AUDIO[0],
    audio_only: bool = False,
    names: Mapping[str, str] | None = None,
    watch: Watch = UNWATCHED,
) -> Cleaned:
    """Do what was planned for a recording that was examined, and write the result. As `clean`.

    Args:
        names: what files that the chain names, such as a reference, are called in what comes back and in the report.
    """
    watch.expect(1 + chosen.chain.passes + (PASSES if report else 0))
    removed = Removed()
    kept = save_removed or report
    run = (keeping(chosen.chain, removed) if kept else chosen.chain).render(file, file.format, watch)
    with Results(replace, likes=[file.info.path]) as results:
        written = deliver(results.open(target), run, file.info, audio_only)
        after = dataclasses.replace(examine(written, watch), info=None)  # the file has another name by now
        ran = write_beside(results, run.stage, removed if save_removed else Removed(), file, target, save_chain)
        ran = dataclasses.replace(ran, stages=tuple(called(stage, names or {}) for stage in ran.stages))
        done = Cleaned(file.info.path, Path(target), chosen, ran, before, after)
        if report:
            shown = write_report(results.open(report), done, file, written, removed, report_audio, watch)
            done = dataclasses.replace(done, shown=shown)
    return done


def called(stage: AnyStage, names: Mapping[str, str]) -> AnyStage:
    """Return a stage in which files have other names."""
    texts = {f.name: value for f in dataclasses.fields(stage) if isinstance(value := getattr(stage, f.name), str)}
    return dataclasses.replace(stage, **{key: names[text] for key, text in texts.items() if text in names})
