"""Engines: the ways in which a stage can do its work, each a value with parameters of its own.

    @dataclass(frozen=True, kw_only=True)
    class MyParameters:
        strength: float = param(0.5, "Strength", low=0.0, high=1.0)

    @dataclass(frozen=True, kw_only=True)
    class Mine(MyParameters, Engine):
        name, meaning = "mine", "a method of my own"

A stage lists the classes of its engines as `engines`, and inherits the classes that declare their parameters. So its
users see flat parameters, and command line, TOML, documentation and checks know which engine takes which of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from aural.parameters import param

if TYPE_CHECKING:
    from aural.learning.training import Recipe

INCLUDED = "included"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that an engine can load by name."""

    meaning: str
    """What it does, or the stems it gives."""
    megabytes: float | None
    """Size of its files, if it is known."""
    licence: str
    source: str = INCLUDED
    """Where it is downloaded from, or "included" if it comes with AURAL."""


@dataclass(frozen=True, kw_only=True)
class Engine(ABC):
    """One way in which a stage does its work. Its fields are its parameters; how it is run is up to the stage."""

    name: ClassVar[str]
    meaning: ClassVar[str]
    """What it is, in a few words for the help of the stage."""

    uses_device: ClassVar[bool] = False
    """Whether it runs a network, on the device that `aural.device` chose."""

    models: ClassVar[Mapping[str, Model]] = {}
    """Networks that it can load by name."""

    package: ClassVar[str | None] = None
    """A package that it needs beyond those of AURAL; the extra with the name of the engine installs it."""

    @classmethod
    def installed(cls) -> bool:
        """Say whether the package that it needs is there."""
        return cls.package is None or find_spec(cls.package) is not None

    @classmethod
    def download(cls, model: str) -> bool:
        """Fetch one of its models, so that it is there when it is needed; say whether there was anything to fetch.

        Raises:
            WeightsError: it cannot be fetched here.
        """
        return False


@dataclass(frozen=True, kw_only=True)
class OwnWeights:
    """The parameters of an engine whose network can be trained."""

    weights: str | None = param(None, "Weights you trained, instead of those included with AURAL: path of a "
                                ".safetensors file")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Network(OwnWeights, Engine):
    """An engine that is a network. Its weights lie in the folder `weights` beside its module."""

    uses_device = True
    pretrains: ClassVar[bool] = False
    """Whether it can be pre-trained on audio without targets."""

    @classmethod
    @abstractmethod
    def recipe(cls, settings: Any) -> Recipe:
        """Make the network and its recipe, from the settings of the stage's training."""

    @property
    def path(self) -> Path:
        """Where the weights are.

        Raises:
            WeightsError: none are given, and none come with AURAL.
        """
        return Path(self.weights) if self.weights else self.shipped()

    @classmethod
    def shipped(cls) -> Path:
        """Return the path of the weights that come with AURAL."""
        from aural.learning.weights import shipped

        return shipped(cls.__module__.rpartition(".")[0], cls.name)


E = TypeVar("E", bound=Engine)


def networks(engines: Sequence[type[Engine]]) -> dict[str, type[Network]]:
    """Return those of some engines that are networks, and so can be trained, by name."""
    return {engine.name: engine for engine in engines if issubclass(engine, Network)}


def engine_param(engines: Sequence[type[Engine]], help: str) -> str:
    """Declare the parameter that chooses among engines; the first is the default."""
    meanings = "; ".join(f"{engine.name}, {engine.meaning}" for engine in engines)
    return param(engines[0].name, f"{help}: {meanings}", choices=tuple(engine.name for engine in engines))


def chosen(engines: Sequence[type[E]], name: str, values: object) -> E:
    """Return the engine of this name as a value; its parameters are attributes of `values`, which is the stage."""
    (engine,) = (engine for engine in engines if engine.name == name)
    return engine(**{field.name: getattr(values, field.name) for field in fields(engine)})
