"""Base class of the source separation engines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aural.engine import Engine
from aural.parameters import param
from aural.signals import Block, Format
from aural.stream import Stream

NAME = "source-separation"


@dataclass(frozen=True, kw_only=True)
class OverlapParameters:
    """The parameter of engines that work in segments."""

    overlap: float = param(0.25, "Overlap of successive segments, as a share of their length; they are cross-faded",
                           low=0.0, high=0.95)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SeparationEngine(Engine):
    """A method that splits a recording into stems."""

    @property
    @abstractmethod
    def stems(self) -> tuple[str, ...]:
        """Names of its stems."""

    @property
    def rest(self) -> int:
        """The stem that is what the others leave of the mixture."""
        return self.stems.index("other" if "other" in self.stems else self.stems[-1])

    def measure(self, blocks: Iterable[Block], source: Format) -> Mapping[str, Any]:
        """Run the first pass, if the engine needs one; return the values of its parameters that it gives."""
        return {}

    @abstractmethod
    def stream(self, source: Format) -> Stream:
        """Make the stream: audio to estimates of all stems but the rest, one after the other in place of channels.

        Raises:
            AudioError: the engine does not take this many channels.
        """
