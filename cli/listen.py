"""`aural listen`: making a listening test, and reading its answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from aural.cli.options import FileName, parameter_options, shared
from aural.cli.terminal import say, say_json
from aural.errors import AudioError
from aural.listening.settings import ListeningSettings

if TYPE_CHECKING:
    from aural.listening.results import Findings, ResultRow

NAME = 28


def listen(
    files: tuple[Path, ...], output: Path | None, force: bool, results: bool, as_json: bool, **values: Any
) -> None:
    """Make a listening test that runs in a browser, or read what its listeners answered.

    The first FILE is the reference, the others were made of it; or folders, whose recordings of one name belong
    together. All are brought to the same loudness. Send the page to your listeners: it works offline, and each
    saves a file with the answers.

    \b
      aural listen reference.wav a.wav b.wav -o test.html
      aural listen reference/ a/ b/ -o test.html --kind abx --trials 12
      aural listen --results *.json
      aural listen --results *.json -o ratings.png
    """
    if results:
        source = click.get_current_context().get_parameter_source
        if given := [name for name in values if source(name) is ParameterSource.COMMANDLINE]:
            raise click.UsageError(f"--results reads answers; leave out {', '.join(given)}")
        _results(files, output, force, as_json)
        return
    if as_json:
        raise click.UsageError("--json is for --results")
    if output is None:
        raise click.UsageError("name the page with -o, such as -o test.html")
    from aural.listening.making import ListeningTest

    test = ListeningTest(**values)
    test.write(files[0], files[1:], output, replace=force)
    say(f"{output}: {test.kind} test, the reference and {len(files) - 1} made of it, seed {test.seed}")


def _results(files: tuple[Path, ...], output: Path | None, force: bool, as_json: bool) -> None:
    from aural.listening.results import judge, read_answers

    findings = judge(read_answers(files))
    if output:
        _draw(findings, output, force)
    if as_json:
        say_json(findings.as_dict())
    else:
        say(*findings_lines(findings))


def findings_lines(findings: Findings) -> list[str]:
    """Write findings: a line for each version or pair, and for each listener who is left out."""
    count = len(findings.listeners)
    lines = [f"{findings.kind}, {count} listener{'s' * (count != 1)}, 95 % intervals"]
    lines += [f"  {row.name:<{NAME}} {_figures(findings.kind, row)}" for row in findings.rows]
    return [*lines, *(f"  - left out: {name} {why}" for name, why in findings.left_out.items())]


def _figures(kind: str, row: ResultRow) -> str:
    scale, unit = (1, "") if kind == "mushra" else (100, " %")
    span = "" if math.isnan(row.low) else f"   {scale * row.low:.1f} to {scale * row.high:.1f}{unit}"
    chance = "" if row.p is None else f"   p = {row.p:.3g}"
    return f"{scale * row.value:.1f}{unit}{span}   of {row.count}{chance}"


def _draw(findings: Findings, output: Path, force: bool) -> None:
    import io

    from aural import plot
    from aural.audio.atomic import destination, write_bytes
    from aural.errors import TargetExists

    if output.suffix.lower() not in (".png", ".svg"):
        raise AudioError("a picture is written as .png or .svg", path=output)
    if destination(output).exists() and not force:
        raise TargetExists("exists already", path=output)
    drawn = io.BytesIO()
    plot.findings(findings).savefig(drawn, format=output.suffix[1:].lower())
    write_bytes(output, drawn.getvalue(), force)


command = shared("force", "json")(
    click.Command(
        "listen",
        params=[
            click.Argument(["files"], nargs=-1, required=True, type=FileName(), metavar="FILE..."),
            *parameter_options(ListeningSettings),
            click.Option(["--results"], is_flag=True, help="Read FILEs as answers, and print the results."),
            click.Option(
                ["-o", "--output"],
                type=FileName(),
                help="Page of the test (.html); with --results, a picture of the results (.png or .svg).",
            ),
        ],
        help=listen.__doc__,
        callback=listen,
    )
)
