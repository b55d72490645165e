"""Base class of the noise reduction engines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aural.engine import Engine
from aural.signals import Block, Format
from aural.stream import Stream

NAME = "noise-reduction"

Filters = Callable[[Iterable[Block], Format], Iterable[Block]]
"""Runs the filters in front of the engine over blocks of a format."""


@dataclass(frozen=True, kw_only=True)
class NoiseEngine(Engine):
    """A method that separates noise from signal."""

    default_limit_db: ClassVar[float]
    """Limit of the attenuation of noise, if the user sets none."""

    @property
    def limit_db(self) -> float:
        """Limit of the attenuation of noise with these parameters, if the user sets none."""
        return self.default_limit_db

    @property
    def keeps_music(self) -> bool:
        """Whether music is kept too."""
        return False

    @property
    def meets_music(self) -> bool:
        """Whether music is kept too, in some passages at least."""
        return self.keeps_music

    @property
    def level_independent(self) -> bool:
        """Whether scaling the input scales the output by the same factor."""
        return True

    @property
    def ready(self) -> bool:
        """False while the engine needs a first pass."""
        return True

    def measure(self, filters: Filters, blocks: Iterable[Block], source: Format) -> Mapping[str, Any]:
        """Run the first pass; return the values of the parameters that it measures."""
        return {}

    def does_nothing(self, max_attenuation_db: float) -> bool:
        """Say whether the output is the input."""
        return max_attenuation_db == 0

    @abstractmethod
    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        """Make the stream."""
