"""Finds stages by name. AURAL's own are registered by entry point, like those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from aural.errors import ChainError, ParameterError
from aural.parameters import brief, hint, parameters
from aural.stage import Effect, Stage

GROUP = "aural.stages"


@cache
def _entries() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def names() -> tuple[str, ...]:
    """List the names of all installed stages."""
    return tuple(_entries())


def classes(package: str) -> dict[str, str]:
    """List the stages that a package defines: the stage's name by that of its class."""
    found = {entry.attr: name for name, entry in _entries().items() if entry.module.startswith(f"{package}.")}
    return dict(sorted(found.items()))


def stage_class(name: str) -> type[Stage]:
    """Return the class of a stage.

    Raises:
        ChainError: no stage has this name, or the package that brings it cannot be loaded.
    """
    entries = _entries()
    if name not in entries:
        raise ChainError(f"no stage called {brief(name)}{hint(name, entries)}")
    try:
        found: type[Stage] = entries[name].load()
    except ImportError as error:
        raise ChainError(f"cannot be loaded from {entries[name].value}: {error}", stage=name) from error
    return found


def finisher() -> type[Effect]:
    """Return the class of the stage that brings a recording to a named target: one that sets the level.

    Raises:
        ChainError: none is installed.
    """
    for name in names():
        found = stage_class(name)
        if issubclass(found, Effect) and found.sets_level:
            return found
    raise ChainError("no installed stage brings a recording to a target")


def create(name: str, /, **values: Any) -> Any:
    """Make a stage by its name, e.g. `create("noise-reduction", max_attenuation_db=12)`.

    Returns:
        An Effect or a Separator: which one is known only when the name is looked up.

    Raises:
        ChainError: no stage has this name.
        ParameterError: the stage has no such parameter, or the value is not allowed.
    """
    found = stage_class(name)
    known = [p.name for p in parameters(found)]
    for key in values:
        if key not in known:
            raise ParameterError(f"no parameter called {brief(key)}{hint(key, known)}", stage=name, parameter=key)
    return found(**values)
