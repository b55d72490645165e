"""`aural evaluate`: what the engines of a stage are worth, beside each other and beside others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aural import registry
from aural.cli.options import HintingGroup, parameter_options, shared
from aural.cli.stages import description
from aural.errors import AudioError, AuralError

if TYPE_CHECKING:
    from aural.learning.evaluation import Evaluation, Verdict
    from aural.learning.report import Report

FORMATS = (".md", ".json")


class EvaluateGroup(HintingGroup):
    """A command for each stage that has an evaluation."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in registry.names() if registry.stage_class(name).evaluation]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in registry.names():
            return None
        evaluation = registry.stage_class(name).evaluation
        if evaluation is None:
            raise AuralError(f"{name} has no evaluation; known: {', '.join(self.list_commands(ctx))}")
        module, _, attribute = evaluation.partition(":")
        owner: type[Evaluation] = getattr(import_module(module), attribute)
        command = click.Command(
            name, params=parameter_options(owner), help=description(owner), callback=partial(_evaluate, owner)
        )
        return shared("table", "force", "jobs")(command)


@click.group(cls=EvaluateGroup, subcommand_metavar="STAGE [OPTIONS]")
def evaluate() -> None:
    """Measure what the engines of a stage are worth.

    \b
      aural evaluate noise-reduction --clean clean/ --noisy noisy/
      aural evaluate noise-reduction --speech voices/ --noise noises/ -o table.md --jobs 4
    """


def _evaluate(owner: type[Evaluation], output: Path | None, force: bool, jobs: int, **values: Any) -> None:
    _check_output(output, force)
    report = owner(**values).run(jobs, _watched)
    _print(report)
    if output:
        from aural.audio.writing import replacing

        with replacing(output) as part:
            part.write_text(report.json() if output.suffix == ".json" else report.markdown(), "utf-8")
    if report.errors:
        sys.exit(1 if report.scores else 2)


def _check_output(output: Path | None, force: bool) -> None:
    if output is None:
        return
    if output.suffix not in FORMATS:
        raise AudioError(f"{output}: a table is written as {' or '.join(FORMATS)}")
    if not output.parent.is_dir():
        raise AudioError(f"{output}: the folder {output.parent} does not exist")
    if output.exists() and not force:
        raise AudioError(f"{output}: exists; use -f to replace it")


def _watched(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    """Show how far it is on stderr, if that is a terminal, and every failure as it comes."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    for verdict in track(
        verdicts, "judging", total, console=console, transient=True, disable=not console.is_terminal
    ):
        for error in verdict.errors:
            click.echo(f"aural: {error}", err=True)
        yield verdict


def _print(report: Report) -> None:
    from rich.console import Console

    console = Console()
    for table in report.tables:
        console.print(table.rich())
    for note in report.notes:
        click.echo(note)
