"""One command for each stage, made from the registry."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from aural import registry
from aural.cli.options import FileName, parameter_options, shared
from aural.cli.terminal import say, sentence
from aural.errors import AudioError
from aural.parameters import parameters
from aural.stage import Effect, Separator, Stage
from aural.stream import Watch

if TYPE_CHECKING:
    from aural.cli.jobs import Batch, Job, Outcome

MOST_TAKES = 1000
TAKE = re.compile(r"_take(\d+)$")
EFFECT_HELP = """

    \b
      aural {name} in.wav out.wav
      aural {name} *.wav -o out/
    """
ALBUM_HELP = "Measure all inputs as one recording: all get the same processing, so their level differences remain."
TRUST_HELP = "Open --model even if it is a pickle (.th), which can run any program: only if you trust who made it."
SEPARATOR_HELP = """

    Writes each stem to a file of its own in FOLDER, which is created if needed.

    \b
      aural {name} song.mp3 stems/
      aural {name} *.mp3 -o stems/
    """


def stage_command(name: str) -> click.Command:
    """Make the command of a stage."""
    stage = registry.stage_class(name)
    effect = issubclass(stage, Effect)
    command = click.Command(
        name,
        callback=partial(_run_effect if effect else _run_separator, stage),
        params=[
            click.Argument(
                ["files"],
                nargs=-1,
                required=True,
                type=FileName(),
                metavar="INPUT... OUTPUT" if effect else "INPUT... FOLDER",
            ),
            *parameter_options(stage),
        ],
        help=description(stage) + (EFFECT_HELP if effect else SEPARATOR_HELP).format(name=name),
    )
    if any(p.name == "seed" for p in parameters(stage)):
        takes = click.option(
            "--takes",
            type=click.IntRange(1, MOST_TAKES),
            default=1,
            help=f"Number of results to write, up to {MOST_TAKES}, each with the next seed.",
        )
        takes(command)
    if effect and any(p.spec.measured for p in parameters(stage)):
        command.params.append(click.Option(["--album"], is_flag=True, help=ALBUM_HELP))
    if stage.trusted:
        command.params.append(click.Option(["--trust-model"], is_flag=True, help=TRUST_HELP))
    of_effects = [
        "output",
        "to",
        "force",
        "skip-existing",
        "dry-run",
        "jobs",
        "compare",
        "track",
        "audio-only",
        "strict",
    ]
    options = of_effects if effect else ["folder", "to", "force", "skip-existing", "jobs", "compare", "strict"]
    options += ["removed"] * stage.suppresses + ["device"] * stage.uses_device()
    return shared(*reversed(options))(command)


def description(owner: type) -> str:
    """Return what a docstring says to everybody: all in front of its sections."""
    return re.split(r"\n\s*(Raises|References|Attributes):", owner.__doc__ or "")[0].strip()


def summary(name: str) -> str:
    """Return the first line of a stage's description."""
    return description(registry.stage_class(name)).split("\n")[0]


def _run_effect(
    stage: type[Stage],
    files: tuple[Path, ...],
    output: Path | None,
    to: str | None,
    force: bool,
    skip_existing: bool,
    dry_run: bool,
    jobs: int,
    track: int | None,
    audio_only: bool,
    strict: bool,
    with_report: bool = False,
    save_removed: bool = False,
    takes: int = 1,
    album: bool = False,
    **values: Any,
) -> None:
    from aural.cleaning.processing import measure_album
    from aural.cli.jobs import STDIO, check_targets, pair, unfinished

    effect = cast(Effect, stage(**values))
    batch = pair(*_inputs(files, output), f"_{stage.name}", to, dry_run, audio_only)
    if album and any(job.source == STDIO for job in batch.jobs):
        raise click.UsageError("--album needs files as input")
    if album:
        try:
            effect = measure_album(effect, [job.source for job in batch.jobs], strict)
        except (OSError, MemoryError) as error:
            raise AudioError(sentence(error)) from error
    if takes > 1 and any(STDIO in (job.source, job.target) for job in batch.jobs):
        raise click.UsageError("--takes needs files as input and output")
    all_takes = [take for job in batch.jobs for take in _takes(job, takes, effect)]
    check_targets([job.target for job in all_takes if job.target], [job.source for job in all_takes])
    batch = unfinished(replace(batch, jobs=all_takes), force, skip_existing)
    process_all(batch, force, dry_run, jobs, with_report, save_removed, strict, track, audio_only)


def _takes(job: Job, takes: int, effect: Any) -> list[Job]:
    """Make a job of each take; with one, the name of the result stays."""
    if takes == 1 or not job.target:
        return [replace(job, effect=effect)]
    names = [job.target.with_stem(f"{job.target.stem}_take{take + 1}") for take in range(takes)]
    return [
        replace(job, target=name, effect=replace(effect, seed=effect.seed + take)) for take, name in enumerate(names)
    ]


def _inputs(files: tuple[Path, ...], output: Path | None) -> tuple[tuple[Path, ...], Path]:
    """Tell inputs from the output, which comes last unless -o names it."""
    if output is not None:
        return files, output
    if len(files) < 2:
        raise click.UsageError("name an output, as the last argument or with -o")
    return files[:-1], files[-1]


def process_all(
    batch: Batch,
    force: bool,
    dry_run: bool,
    jobs: int,
    with_report: bool,
    save_removed: bool,
    strict: bool,
    track: int | None,
    audio_only: bool,
    save_chain: Path | None = None,
) -> None:
    """Run the effect of each job over its file, and say what was done."""
    from aural.cli.jobs import STDIO, check_chain_file, check_removed
    from aural.cli.reports import Comparisons
    from aural.cli.text import effect_line, effect_lines
    from aural.cli.work import run_jobs, show_outcomes

    to_stdout = any(job.target == STDIO for job in batch.jobs)
    if save_removed:
        check_removed(batch.jobs)
    if save_chain:
        check_chain_file(save_chain, force, batch.jobs)

    report_pages = Comparisons(batch.jobs, _page, _named, force, track=track) if with_report and not dry_run else None

    def show(outcome: Outcome) -> None:
        write = effect_line if batch.several else effect_lines
        say(*batch.noted(write(outcome.job, outcome.result), outcome), err=to_stdout)

    work: Any = _planned if dry_run else partial(_process, force, save_removed, save_chain, strict, track, audio_only)
    with run_jobs(batch.jobs, work, jobs) as outcomes:
        show_outcomes(report_pages.note(outcomes) if report_pages else outcomes, show, batch, err=to_stdout)


def _page(job: Job) -> Path:
    """Name the page of a result, which all takes of a recording have in common."""
    assert job.target
    return job.target.with_name(f"{TAKE.sub('', job.target.stem)}.html")


def _named(outcome: Outcome) -> dict[str, Path]:
    """Name a result on the page."""
    assert outcome.job.target
    take = TAKE.search(outcome.job.target.stem)
    return {f"take-{take[1]}" if take else "after": outcome.job.target}


def _planned(job: Job, watch: Watch) -> Effect | None:
    from aural.cli.work import foresee

    foresee(job)
    return job.effect


def _process(
    force: bool,
    save_removed: bool,
    save_chain: Path | None,
    strict: bool,
    track: int | None,
    audio_only: bool,
    job: Job,
    watch: Watch,
) -> Effect:
    from aural.cleaning.processing import process

    assert job.effect
    assert job.target
    return process(
        job.effect,
        job.source,
        job.target,
        replace=force,
        save_removed=save_removed,
        save_chain=save_chain,
        strict=strict,
        track=track,
        audio_only=audio_only,
        watch=watch,
    )


def _run_separator(
    stage: type[Stage],
    files: tuple[Path, ...],
    output: Path | None,
    to: str | None,
    force: bool,
    skip_existing: bool,
    jobs: int,
    strict: bool,
    with_report: bool = False,
    trust_model: bool = False,
    **values: Any,
) -> None:
    from aural.cleaning.stems import stem_names
    from aural.cli.jobs import STDIO, Batch, Job, check_targets, recordings_of, unfinished
    from aural.cli.reports import Comparisons
    from aural.cli.work import run_jobs, show_outcomes

    if trust_model and stage.trusted:
        if not values["model"]:
            raise click.UsageError("--trust-model needs --model, the checkpoint whose maker you trust")
        module, _, opened = stage.trusted.partition(":")
        values["model"] = getattr(import_module(module), opened)(values["model"])
    separator = cast(Separator, stage(**values))
    if output is None and len(files) < 2:
        raise click.UsageError("name a folder for the stems, as the last argument or with -o")
    sources, folder = _inputs(files, output)
    if folder == STDIO:
        raise click.UsageError("stems are several files and cannot go to standard output; name a folder")
    suffix = f".{(to or 'wav').lstrip('.')}"
    found, passed_over = recordings_of(sources, folder)
    batch = Batch([Job(one.path, folder / one.inside) for one in found], passed_over=passed_over)

    def stems_of(job: Job) -> list[Path]:
        assert job.target
        return stem_names(separator, job.source, job.target, suffix)

    for stems in zip(*map(stems_of, batch.jobs), strict=True):
        check_targets(stems, [job.source for job in batch.jobs])
    batch = unfinished(batch, force, skip_existing, stems_of)

    def show(outcome: Outcome) -> None:
        stems = [str(path) for path in outcome.result]
        say(*(f"{outcome.job.source} -> {path}" for path in ([", ".join(stems)] if batch.several else stems)))

    def page(job: Job) -> Path:
        assert job.target
        return job.target / f"{job.source.stem}.html"

    def named(outcome: Outcome) -> dict[str, Path]:
        return dict(zip(separator.stems, outcome.result, strict=True))

    pages = Comparisons(batch.jobs, page, named, force, matched=False) if with_report else None
    with run_jobs(batch.jobs, partial(_separate, separator, suffix, force, strict), jobs) as outcomes:
        show_outcomes(pages.note(outcomes) if pages else outcomes, show, batch)


def _separate(separator: Separator, suffix: str, force: bool, strict: bool, job: Job, watch: Watch) -> list[Path]:
    from aural.cleaning.stems import separate

    assert job.target
    return separate(separator, job.source, job.target, suffix=suffix, replace=force, strict=strict, watch=watch)
