"""Options that make no sense."""

from __future__ import annotations

import click

from aural.cli.commands import aural
from fuzz import material
from fuzz.trial import Trial


def family(trial: Trial) -> None:
    """Give a command odd values."""
    material.good(trial.folder)
    material.traps(trial.folder)
    names = aural.list_commands(click.Context(aural))
    name = names[trial.rng.integers(len(names))]
    command = aural.get_command(click.Context(aural), name)
    given = [name]
    if name in ("train", "evaluate"):
        context = click.Context(command)
        inner = command.list_commands(context)
        given.append(inner[trial.rng.integers(len(inner))])
        command = command.get_command(context, given[-1])
    if name == "chain":
        inner = command.list_commands(click.Context(command))
        stage = inner[trial.rng.integers(len(inner))]
        last = [stage, *odd(trial, command.get_command(click.Context(command), stage))]
    else:
        last = []
    wanted = odd(trial, command)
    if name not in ("train", "evaluate", "stages", "presets", "models"):
        files = ["good.wav"] if name in ("clean", "inspect", "mix") else ["good.wav", "out.wav"]
        files = [material.word(trial.rng) if trial.chance(0.08) else file for file in files]
        given += files
        if name == "mix" and trial.chance(0.9):
            given += ["-o", "out.wav"]
        if name == "source-separation" and trial.chance(0.7):
            given += ["--engine", trial.pick("center", "hpss")]
    trial.arguments = [text.replace("\0", "") for text in [*given, *wanted, *last]]


def odd(trial: Trial, command: click.Command) -> list[str]:
    """Choose some options of a command, and values for them."""
    options = [p for p in command.params if isinstance(p, click.Option)]
    if not options:
        return []
    given = []
    for _ in range(trial.rng.integers(1, 4)):
        option = options[trial.rng.integers(len(options))]
        given.append(trial.pick(*option.opts, *option.secondary_opts))
        if not option.is_flag:
            given.append(value(trial, option.type))
    return given


def value(trial: Trial, kind: click.ParamType) -> str:
    """Choose a value: mostly of the right kind, so that more than the parser is tried."""
    choices = getattr(kind, "choices", ())
    if choices and trial.chance(0.8):
        return trial.pick(*choices)
    if kind.name in ("integer", "integer range") and trial.chance(0.6):
        return str(int(10 ** trial.rng.uniform(0, 12)) * int(trial.rng.choice([1, 1, -1])))
    if kind.name not in ("text", "path", "choice") and trial.chance(0.85):
        return material.number(trial.rng)
    return material.word(trial.rng) if trial.chance(0.8) else material.number(trial.rng)
