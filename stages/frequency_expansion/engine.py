"""Base class of the frequency expansion engines."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from aural.engine import Engine
from aural.parameters import param
from aural.signals import Format
from aural.stream import Stream


@dataclass(frozen=True)
class NewBand:
    """The band to be made: from the cut-off to the ceiling."""

    cutoff_hz: float
    ceiling_hz: float
    level_db: float


@dataclass(frozen=True, kw_only=True)
class CopyingParameters:
    """The parameters of engines whose new band is made of copies and noise."""

    noise: float = param(1.0, "Proportion of noise in the new band, from an eighth of an octave above the cut-off; "
                         "the rest is copied from below", low=0.0, high=1.0)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExpansionEngine(Engine):
    """A method that generates the new band."""

    @abstractmethod
    def stream(self, source: Format, band: NewBand) -> Stream:
        """Make the stream: audio to the new band, and what it has put below the cut-off."""
