"""Options of the command line, made from parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click

from aural.devices import DEVICES, device
from aural.parameters import Parameter, hint, parameters, shown

MANY = 6

F = TypeVar("F", bound=Callable[..., Any])


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Numbers separated by commas; an option of them may be given several times."""

    name = "numbers"

    def __init__(self, element: type) -> None:
        self.element = element

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(self.element(number) for number in value.split(",") if value)
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers separated by commas", param, ctx)


class Worded(click.ParamType):  # type: ignore[type-arg]
    """A number, or one of some words that stand for a value."""

    name = "number"

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in self.words:
            return self.words[value]
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor one of {', '.join(self.words)}", param, ctx)


class FileName(click.Path):
    """A path that has a name. Whether it can be read is found out file by file."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(path_type=Path, readable=False, **rest)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value) or "\0" in str(value):
            self.fail("a file has no empty name, and none with a zero byte in it", param, ctx)
        return super().convert(value, param, ctx)


def workers(ctx: click.Context, param: click.Parameter, asked: int) -> int:
    """Limit how many work at the same time to the cores that are there."""
    if asked == 1:
        return 1
    from joblib import cpu_count

    return min(asked, cpu_count())


def choose_device(ctx: click.Context, param: click.Parameter, name: str | None) -> None:
    """Choose the device of networks, where one is named."""
    if name:
        device(name)


def parameter_options(owner: type) -> list[click.Parameter]:
    """Make one option for each parameter of a dataclass: a stage, an evaluation, a training."""
    return [_option(parameter) for parameter in parameters(owner)]


def _option(parameter: Parameter) -> click.Option:
    name, spec = parameter.name.replace("_", "-"), parameter.spec
    numbers = parameter.kind is tuple and parameter.element is not str
    return click.Option(
        [f"--{name}/--no-{name}" if parameter.kind is bool else f"--{name}"],
        type=_type(parameter),
        default=None if numbers else parameter.default,
        multiple=parameter.kind is tuple,
        callback=(lambda _, __, given: tuple(chain(*given)) if given else parameter.default) if numbers else None,
        metavar="|".join([*spec.words, _metavar(parameter) or ""]) if spec.words else _metavar(parameter),
        help=f"{spec.help}.{_notes(parameter)}",
    )


def _metavar(parameter: Parameter) -> str | None:
    """Name what is to be typed behind an option."""
    return parameter.spec.unit or ("NUMBER" if parameter.numeric else "NAME" if _many(parameter) else None)


def _notes(parameter: Parameter) -> str:
    """Say what is allowed, what is taken where nothing is given, and when it matters."""
    spec, notes = parameter.spec, [parameter.allowed] if _many(parameter) else []
    if spec.low is not None or spec.high is not None:
        notes.append(parameter.allowed.removesuffix(f" {spec.unit}"))
    if spec.examples and parameter.kind is not tuple:
        notes.append(f"e.g. {spec.examples[0]}")
    notes += [_condition(key.replace("_", "-"), wanted) for key, wanted in spec.when.items()]
    if parameter.default not in (None, (), ""):
        notes.append(f"default: {_written(parameter.default)}")
    elif spec.measured:
        notes.append("measured if not given")
    return f"  [{'; '.join(notes)}]" if notes else ""


def _condition(name: str, wanted: object) -> str:
    """Say what another option must be for this one to matter."""
    return f"unless --{name} is given" if wanted is None else f"with {name} {shown(wanted)}"


def _many(parameter: Parameter) -> bool:
    """Tell whether there are too many choices to stand beside the option."""
    return len(parameter.spec.choices) > MANY


def _written(value: Any) -> str:
    """Write a value as it is given on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _type(parameter: Parameter) -> Any:
    """Return what reads the text; whether the value is allowed is the stage's to say."""
    if parameter.spec.choices:
        return click.Choice(parameter.spec.choices)
    if parameter.spec.words:
        return Worded(parameter.spec.words)
    if parameter.kind is tuple and parameter.element is not str:
        return Numbers(parameter.element)
    return parameter.kind if parameter.kind in (int, float) else None if parameter.kind is bool else str


class HintingGroup(click.Group):
    """A group that answers a misspelt command with the nearest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-") and not self.get_command(ctx, args[0]):
            raise click.UsageError(f"no command called {args[0]!r}{self.meant(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

    def meant(self, typed: str, known: list[str]) -> str:
        """Say what may have been meant instead."""
        return hint(typed, known)


def shared(*names: str) -> Callable[[F], F]:
    """Decorate a command with options that several commands have, in this order."""

    def decorate(command: F) -> F:
        for name in reversed(names):
            command = SHARED[name](command)
        return command

    return decorate


SHARED: dict[str, Callable[[Any], Any]] = {
    "output": click.option("-o", "--output", type=FileName(), help="File, or folder for several; - is stdout."),
    "folder": click.option("-o", "--output", type=FileName(), help="Folder for the stems."),
    "table": click.option("-o", "--output", type=FileName(), help="Save the tables, as .md or .json."),
    "force": click.option(
        "-f", "--force", is_flag=True, help="Overwrite existing results. Inputs are never overwritten."
    ),
    "skip-existing": click.option(
        "--skip-existing", is_flag=True, help="Skip files whose results exist already: resumes a batch."
    ),
    "dry-run": click.option("-n", "--dry-run", is_flag=True, help="Show what would be done; write nothing."),
    "jobs": click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1),
        default=1,
        callback=workers,
        show_default=True,
        help="Number of files processed at the same time; at most one per core.",
    ),
    "to": click.option("--to", metavar="SUFFIX", help="Format of the results: wav, flac, m4a, mp3, opus, ..."),
    "removed": click.option(
        "--save-removed", is_flag=True, help="Also write the removed signal, next to the result."
    ),
    "save-chain": click.option(
        "--save-chain",
        type=FileName(dir_okay=False),
        help="Write the chain to a TOML file as it ran, with the values measured on this recording.",
    ),
    "report": click.option(
        "--report",
        "with_report",
        is_flag=True,
        help="Also write a page for a browser next to the result, which shows and plays what was done; for several "
        "files, also index.html.",
    ),
    "compare": click.option(
        "--report",
        "with_report",
        is_flag=True,
        help="Also write a page for a browser next to the results, which plays them beside the inputs.",
    ),
    "report-audio": click.option(
        "--report-audio",
        type=click.Choice(("excerpts", "full", "link")),
        default="excerpts",
        show_default=True,
        help="What that page plays: the passages that changed most, everything, or the files where they are.",
    ),
    "strict": click.option(
        "--strict",
        is_flag=True,
        help="Refuse damaged and truncated recordings; by default what can be read is used, with a warning.",
    ),
    "track": click.option(
        "--track", type=click.IntRange(1), help="Number of the sound track, if a file has several."
    ),
    "audio-only": click.option(
        "--audio-only", is_flag=True, help="Write only the sound of a film, without its picture."
    ),
    "device": click.option(
        "--device",
        type=click.Choice(DEVICES),
        expose_value=False,
        callback=choose_device,
        help="Device that neural networks run on; auto, the default, is CUDA if available, else the CPU.",
    ),
    "json": click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, in ASCII."),
}
