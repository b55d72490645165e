"""`aural stages`, `aural presets` and `aural models`: what is there."""

from __future__ import annotations

import click

from aural import registry
from aural.cli.options import shared
from aural.cli.terminal import say, say_json


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
@shared("json")
def models(as_json: bool) -> None:
    """List the models that stages can load by name."""
    found: dict[str, str] = {}
    for name in registry.names():
        for engine in registry.stage_class(name).engines:
            found |= {model: f"{name}: {text}" for model, text in engine.models.items()}
    _show(found, as_json)


def summary(stage: str) -> str:
    """Return the first line of a stage's description."""
    return (registry.stage_class(stage).__doc__ or "").strip().split("\n")[0]


def _show(items: dict[str, str], as_json: bool) -> None:
    if as_json:
        say_json(items)
        return
    width = max(map(len, items), default=0) + 3
    say(*(f"{name:<{width}}{text}" for name, text in items.items()))
