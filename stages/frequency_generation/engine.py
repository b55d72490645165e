"""Base class of the frequency generation engines."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from aural.engine import Engine
from aural.parameters import param
from aural.signals import Format
from aural.stream import Stream


@dataclass(frozen=True)
class Damage:
    """What is missing: all from the cut-off to the ceiling, and holes below where the spectrum is porous."""

    cutoff_hz: float
    ceiling_hz: float
    porous: bool
    slight: bool
    """Whether the codec had many bits: what is empty all the time may have been so before."""
    level_db: float
    """Level of the fill relative to the predicted one."""


@dataclass(frozen=True, kw_only=True)
class SeedParameters:
    """The parameter of engines that give several fills."""

    seed: int = param(0, "Random seed of the fill; the same seed gives the same bits", low=0, high=2**31)


@dataclass(frozen=True, kw_only=True)
class GenerationEngine(Engine):
    """A method that fills holes."""

    @abstractmethod
    def stream(self, source: Format, damage: Damage) -> Stream:
        """Make the stream: audio to what it lacks, and nothing else."""
