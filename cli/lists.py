"""`aural stages`, `aural presets` and `aural models`: lists of what is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from aural import registry
from aural.cli.options import shared
from aural.cli.stages import summary
from aural.cli.terminal import say, say_json
from aural.engine import INCLUDED, Model
from aural.errors import WeightsError
from aural.parameters import brief, hint


@click.command()
@shared("json")
def stages(as_json: bool) -> None:
    """List the installed stages."""
    _show({name: summary(name) for name in registry.names()}, as_json)


@click.command()
@shared("json")
def presets(as_json: bool) -> None:
    """List the presets of `clean` and `chain`."""
    from aural.chainfile import presets as known

    _show(known(), as_json)


@click.command()
@click.option("--download", metavar="NAME", help="Download this model now, so that it can be used offline later.")
@shared("json")
def models(download: str | None, as_json: bool) -> None:
    """List the models that stages can load by name, or download one."""
    known = [
        (model, name, engine)
        for name in registry.names()
        for engine in registry.stage_class(name).engines
        for model in engine.models
    ]
    if download is not None:
        owners = {model: engine for model, _, engine in known}
        if download not in owners:
            raise WeightsError(f"no model called {brief(download)}{hint(download, owners)}")
        engine = owners[download]
        source = engine.models[download].source
        bundled = f"comes with {'AURAL' if source == INCLUDED else source}"
        say(f"{download}: {'is here' if engine.download(download) else bundled}")
    elif as_json:
        say_json([{"name": model, "stage": name} | asdict(engine.models[model]) for model, name, engine in known])
    else:
        _say_list([(model, f"{name}: {_line(engine.models[model])}") for model, name, engine in known])


def _line(model: Model) -> str:
    size = f"{model.megabytes:g} MB, " if model.megabytes else ""
    return f"{model.meaning}; {size}{model.licence}, {model.source}"


def _show(items: dict[str, str], as_json: bool) -> None:
    if as_json:
        say_json(items)
    else:
        _say_list(list(items.items()))


def _say_list(items: Sequence[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in items), default=0) + 3
    say(*(f"{name:<{width}}{text}" for name, text in items))
