"""`aural stages`, `aural presets` and `aural models`: lists of what is installed."""

from __future__ import annotations

from dataclasses import asdict

import click

from aural import registry
from aural.cli.options import shared
from aural.cli.stages import summary
from aural.cli.terminal import say, say_json
from aural.engine import Model
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
    engines = [(name, engine) for name in registry.names() for engine in registry.stage_class(name).engines]
    owners = {model: (name, engine) for name, engine in engines for model in engine.models}
    if download is not None:
        if download not in owners:
            raise WeightsError(f"no model called {brief(download)}{hint(download, owners)}")
        _, engine = owners[download]
        say(f"{download}: {'is here' if engine.download(download) else 'comes with AURAL'}")
    elif as_json:
        say_json({model: {"stage": name} | asdict(engine.models[model]) for model, (name, engine) in owners.items()})
    else:
        _show({model: f"{name}: {_line(engine.models[model])}" for model, (name, engine) in owners.items()}, False)


def _line(model: Model) -> str:
    size = f"{model.megabytes:g} MB, " if model.megabytes else ""
    return f"{model.meaning}; {size}{model.licence}, {model.source}"


def _show(items: dict[str, str], as_json: bool) -> None:
    if as_json:
        say_json(items)
        return
    width = max(map(len, items), default=0) + 3
    say(*(f"{name:<{width}}{text}" for name, text in items.items()))
