"""Options of the command line, made from the parameters of stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from aural.parameters import Parameter, parameters
from aural.stage import Stage

F = TypeVar("F", bound=Callable[..., Any])


class Numbers(click.ParamType):
    """Numbers separated by commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(float(number) for number in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers separated by commas", param, ctx)


def stage_options(stage: type[Stage]) -> list[click.Parameter]:
    """Make one option for each parameter of a stage."""
    return [_option(parameter) for parameter in parameters(stage)]


def _option(parameter: Parameter) -> click.Option:
    name, spec = parameter.name.replace("_", "-"), parameter.spec
    flags = f"--{name}/--no-{name}" if parameter.kind is bool else f"--{name}"
    text = spec.help
    if spec.when:
        text += " (" + ", ".join(f"{key.replace('_', '-')} {value}" for key, value in spec.when.items()) + " only)"
    if spec.examples:
        text += f", e.g. {spec.examples[0]}"
    if parameter.default is None and spec.measured:
        text += "; measured if not given"
    return click.Option(
        [flags],
        type=_type(parameter),
        default=parameter.default,
        show_default=parameter.default not in (None, ""),
        metavar=spec.unit or None if parameter.kind in (int, float) else None,
        help=text + ".",
    )


def _type(parameter: Parameter) -> click.ParamType | type | None:
    spec = parameter.spec
    if spec.choices:
        return click.Choice(spec.choices)
    if parameter.kind is float:
        return click.FloatRange(spec.low, spec.high)
    if parameter.kind is int:
        return click.IntRange(spec.low, spec.high)  # type: ignore[arg-type]
    if parameter.kind is tuple:
        return Numbers()
    return None if parameter.kind is bool else str


def shared(*names: str) -> Callable[[F], F]:
    """Decorate a command with options that several commands have, in this order."""

    def decorate(command: F) -> F:
        for name in reversed(names):
            command = SHARED[name](command)
        return command

    return decorate


SHARED: dict[str, Callable[[Any], Any]] = {
    "output": click.option(
        "-o", "--output", type=click.Path(path_type=Path), help="File, or folder for several; - is stdout."
    ),
    "force": click.option(
        "-f", "--force", is_flag=True, help="Replace results that exist. Inputs are never replaced."
    ),
    "dry-run": click.option("-n", "--dry-run", is_flag=True, help="Say what would be done; write nothing."),
    "jobs": click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Files to work on at the same time.",
    ),
    "to": click.option("--to", metavar="SUFFIX", help="Format of the results: wav, flac, m4a, mp3, opus, ..."),
    "removed": click.option(
        "--save-removed", is_flag=True, help="Also write what was taken away, beside the result."
    ),
    "save-chain": click.option(
        "--save-chain",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the chain, as it ran, to a TOML file.",
    ),
    "json": click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
}
