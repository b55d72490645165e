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
"""What stands in front of the engine."""


@dataclass(frozen=True, kw_only=True)
class NoiseEngine(Engine):
    """A method that separates noise from signal."""

    most_db: ClassVar[float]
    """Most that noise is lowered where the user does not say."""

    @property
    def limit_db(self) -> float:
        """Most that noise is lowered with these parameters where the user does not say."""
        return self.most_db

    @property
    def keeps_music(self) -> bool:
        """Music is signal, too."""
        return False

    @property
    def level_independent(self) -> bool:
        """Scaling the input scales the output alike."""
        return True

    @property
    def ready(self) -> bool:
        """False while the engine needs a first pass."""
        return True

    def measure(self, filters: Filters, blocks: Iterable[Block], source: Format) -> Mapping[str, Any]:
        """Run the first pass; return the values of its parameters that it gives."""
        return {}

    def does_nothing(self, max_attenuation_db: float) -> bool:
        """Say whether the output is the input."""
        return max_attenuation_db == 0

    @abstractmethod
    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        """Make the stream."""
