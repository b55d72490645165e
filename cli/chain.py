"""`aural chain`: stages one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from aural import registry
from aural.chain import Chain
from aural.cli.options import FileName, HintingGroup, parameter_options, shared
from aural.cli.stages import description, process_all
from aural.errors import ChainError
from aural.stage import Effect


class StagesGroup(HintingGroup):
    """The effects as subcommands that follow each other: `noise-reduction --mix 0.8 master`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in registry.names() if issubclass(registry.stage_class(name), Effect)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in registry.names():
            return None
        stage = registry.stage_class(name)
        if not issubclass(stage, Effect):
            raise ChainError(f'{name} gives stems; use it in a chain file, with use = "split"')
        return click.Command(
            name, params=parameter_options(stage), help=description(stage), callback=partial(_make, stage)
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let the flags of `chain` itself stand anywhere, its other options anywhere in front of the first stage."""
        first = next((i for i, arg in enumerate(args) if arg in registry.names()), len(args))
        flags = {name for option in self.params if getattr(option, "is_flag", False) for name in option.opts}
        moved = [arg for arg in args[first:] if arg in flags]
        stages = [arg for arg in args[first:] if arg not in flags]
        return super().parse_args(ctx, [*args[:first], *moved, *(["--", *stages] if stages else [])])


def _make(stage: type[Effect], **values: Any) -> Effect:
    return stage(**values)


@click.group(
    cls=StagesGroup,
    chain=True,
    invoke_without_command=True,
    context_settings={"allow_interspersed_args": True},
    subcommand_metavar="[STAGE [OPTIONS]]...",
)
@click.argument("source", type=FileName(), metavar="INPUT")
@click.argument("target", type=FileName(), metavar="OUTPUT")
@click.option("--chain", "chain_file", help="A chain file (.toml), or the name of a preset, to run first.")
@shared("force", "dry-run", "compare", "removed", "save-chain", "track", "audio-only", "strict", "device")
def chain(source: Path, target: Path, **options: Any) -> None:
    """Run stages one after the other over a recording.

    \b
      aural chain in.m4a out.wav noise-reduction --mix 0.8 dynamic-compression --ratio 3 master
      aural chain in.m4a out.wav --chain my.toml
    """


@chain.result_callback()
def _run_chain(
    stages: list[Effect],
    source: Path,
    target: Path,
    chain_file: str | None,
    force: bool,
    dry_run: bool,
    with_report: bool,
    save_removed: bool,
    save_chain: Path | None,
    track: int | None,
    audio_only: bool,
    strict: bool,
) -> None:
    from aural.chainfile import read_chain
    from aural.cli.jobs import pair

    first = read_chain(chain_file).stages if chain_file else ()
    effect = Chain((*first, *stages))
    if not effect.stages:
        raise click.UsageError("name at least one stage, or a chain file with --chain")
    batch = pair([source], target, "_chain", None, dry_run, audio_only)
    batch = replace(batch, jobs=[replace(job, effect=effect) for job in batch.jobs])
    process_all(batch, force, dry_run, 1, with_report, save_removed, strict, track, audio_only, save_chain)
