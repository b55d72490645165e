"""`aural train` and `aural evaluate`."""

from __future__ import annotations

import io
import random
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
from click.core import ParameterSource

from aural import registry
from aural.audio.atomic import destination, write_text
from aural.audio.leftovers import scratch
from aural.cli.options import FileName, HintingGroup, parameter_options, shared
from aural.cli.stages import description
from aural.cli.terminal import say
from aural.errors import AudioError, AuralError, TargetExists
from aural.measure.content.meter import ContentMeter
from aural.measure.noise.meter import NoiseMeter
from aural.measure.room.meter import RoomMeter

if TYPE_CHECKING:
    from aural.learning.evaluation import Evaluation, Verdict
    from aural.learning.report import Report
    from aural.learning.training import Training


class LearningGroup(HintingGroup):
    """A command for each stage, and each meter, that names a training, or an evaluation; its parameters are the
    options."""

    attribute: ClassVar[str]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, owner in _learners().items() if getattr(owner, self.attribute)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _learners():
            return None
        place = getattr(_learners()[name], self.attribute)
        if place is None:
            raise AuralError(f"{name} has no {self.attribute}; known: {', '.join(self.list_commands(ctx))}")
        module, _, owner = place.partition(":")
        return self.command_of(name, getattr(import_module(module), owner))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List what learns without loading what it needs to learn."""
        lines = [(name, description(_learners()[name]).split("\n")[0]) for name in self.list_commands(ctx)]
        with formatter.section("Stages and meters"):
            formatter.write_dl(lines)

    @abstractmethod
    def command_of(self, name: str, owner: Any) -> click.Command:
        """Make the command."""


def _learners() -> dict[str, type[Any]]:
    """Return the classes of the stages, and of the meters that learn, by name."""
    return {"content": ContentMeter, "noise": NoiseMeter, "room": RoomMeter} | {
        name: registry.stage_class(name) for name in registry.names()
    }


class TrainGroup(LearningGroup):
    attribute = "training"

    def command_of(self, name: str, owner: type[Training]) -> click.Command:
        run = FileName()
        return click.Command(
            name,
            params=[
                click.Option(
                    ["-o", "--output"], type=run, help=f"Folder of the run, which ends with {owner.ends_in}."
                ),
                click.Option(["--resume"], type=run, help="Folder of a run to continue; its settings are kept."),
                *parameter_options(owner),
            ],
            help=description(owner),
            callback=partial(_train, owner),
        )


@click.group(cls=TrainGroup, subcommand_metavar="NAME [OPTIONS]")
def train() -> None:
    """Train the networks of a stage or meter, or fit its settings to pairs of recordings.

    \b
      aural train noise-reduction --speech voices/ --noise noises/ -o run/
      aural train dynamic-compression --input raw/ --target mastered/ -o run/
      aural train content --speech voices/ --music songs/ --noise noises/ --ir rooms/ -o run/
      aural train noise-reduction --resume run/
    """


def _train(owner: type[Training], output: Path | None, resume: Path | None, **values: Any) -> None:
    from aural.cli.epochs import watching
    from aural.learning.run import CARD, fit

    if (output is None) == (resume is None):
        raise click.UsageError("name the folder of a new run with -o, or of one to continue with --resume")
    if resume:
        source = click.get_current_context().get_parameter_source
        given = [name for name in values if source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(f"--resume continues with the settings of the run; leave out {', '.join(given)}")
        path = fit(owner.read(resume), resume, resume=True, watching=watching())
    else:
        assert output
        path = fit(owner(**values), output, watching=watching())
    if path:
        say(f"{owner.ends_in}: {path}, described in {path.with_name(CARD)}")


class EvaluateGroup(LearningGroup):
    attribute = "evaluation"

    def command_of(self, name: str, owner: type[Evaluation]) -> click.Command:
        page = click.Option(
            ["--listen"],
            type=FileName(),
            help="Also write a listening test (.html), like aural listen: 4 s each of recordings drawn at random, "
            "as many as stay below 3 MB, but three at least.",
        )
        command = click.Command(
            name,
            params=[*parameter_options(owner), page],
            help=description(owner),
            callback=partial(_evaluate, owner),
        )
        options = ["table", "force", "jobs", *["device"] * _learners()[name].uses_device()]
        return shared(*options)(command)


@click.group(cls=EvaluateGroup, subcommand_metavar="STAGE [OPTIONS]")
def evaluate() -> None:
    """Evaluate a stage, or compare its engines.

    \b
      aural evaluate noise-reduction --clean clean/ --noisy noisy/
      aural evaluate noise-reduction --speech voices/ --noise noises/ -o table.md --jobs 4
      aural evaluate noise-reduction --clean clean/ --noisy noisy/ --listen test.html
    """


def _evaluate(
    owner: type[Evaluation], output: Path | None, force: bool, jobs: int, listen: Path | None, **values: Any
) -> None:
    from aural.learning.report import FORMATS

    _check_output(output, tuple(FORMATS), "a table", force)
    _check_output(listen, (".html",), "a page", force)
    with scratch() as folder:
        report = owner(**values).run(jobs, _watched, folder if listen else None)
        _print(report)
        if output:
            write_text(output, report.text(output.suffix), force)
        if listen:
            _write_test(folder, listen, force)
    if report.errors:
        sys.exit(1 if report.scores else 2)


def _write_test(folder: Path, page: Path, force: bool) -> None:
    """Make a listening test of the recordings, or stems, that most systems have done."""
    from aural.listening.making import REFERENCE, ListeningTest

    found: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.glob("*/*")):
        found.setdefault(file.stem, {})[file.parent.name] = file
    most = max((len(versions) for versions in found.values()), default=0)
    items = {name: versions for name, versions in found.items() if len(versions) == most and REFERENCE in versions}
    if most < 2:
        raise AudioError("there is no recording that a system has done", path=page)
    drawn = {name: items[name] for name in random.Random(0).sample(list(items), len(items))}
    held = sorted(ListeningTest().write_brief(drawn, page, replace=force))
    systems = sorted({name for item in held for name in items[item]} - {REFERENCE})
    say(f"{page}: listening test of {'; '.join(held)}, made by {'; '.join(systems)}")


def _check_output(output: Path | None, formats: tuple[str, ...], what: str, force: bool) -> None:
    if output is None:
        return
    if output.suffix not in formats:
        raise AudioError(f"{what} is written as {' or '.join(formats)}", path=output)
    if destination(output).exists() and not force:
        raise TargetExists("exists already", path=output)


def _watched(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    """Show how far it is on stderr, if that is a terminal, and every failure as it comes."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    for verdict in track(
        verdicts, "judging", total, console=console, transient=True, disable=not console.is_terminal
    ):
        for error in verdict.errors:
            say(f"aural: {error}", err=True)
        yield verdict


def _print(report: Report) -> None:
    from rich.console import Console

    console = Console()
    for table in report.tables:
        drawn = io.StringIO()
        Console(file=drawn, width=console.width).print(table.rich())
        say(*drawn.getvalue().rstrip("\n").split("\n"))
    say(*report.notes)
