"""`aural train`: the networks of a stage, from folders of audio."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aural import registry
from aural.cli.options import HintingGroup, parameter_options
from aural.cli.stages import description
from aural.errors import AuralError

if TYPE_CHECKING:
    from aural.learning.training import Training


class TrainGroup(HintingGroup):
    """A command for each stage that can learn."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in registry.names() if registry.stage_class(name).training]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in registry.names():
            return None
        training = registry.stage_class(name).training
        if training is None:
            raise AuralError(f"{name} has nothing to learn; known: {', '.join(self.list_commands(ctx))}")
        module, _, attribute = training.partition(":")
        owner: type[Training] = getattr(import_module(module), attribute)
        return click.Command(
            name,
            params=[
                click.Option(["-o", "--output"], type=click.Path(path_type=Path), help="Folder of the run."),
                click.Option(
                    ["--resume"],
                    type=click.Path(path_type=Path),
                    help="Folder of a run to go on with, by its own settings.",
                ),
                *parameter_options(owner),
            ],
            help=description(owner),
            callback=partial(_train, owner),
        )


@click.group(cls=TrainGroup, subcommand_metavar="STAGE [OPTIONS]")
def train() -> None:
    """Train the networks of a stage.

    \b
      aural train noise-reduction --speech voices/ --noise noises/ -o run/
      aural train noise-reduction --resume run/
    """


def _train(owner: type[Training], output: Path | None, resume: Path | None, **values: Any) -> None:
    from aural.learning.training import fit

    if (output is None) == (resume is None):
        raise click.UsageError("name the folder of a new run with -o, or of one to go on with by --resume")
    if resume:
        path = fit(owner.read(resume), resume, resume=True)
    else:
        assert output
        path = fit(owner(**values), output)
    click.echo(f"{path}: try it with --weights {path}; what it is stands in {path.parent / 'MODEL_CARD.md'}")
