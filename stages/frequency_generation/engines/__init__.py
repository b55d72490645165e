"""The engines of frequency generation, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.stages.frequency_generation.engine import GenerationEngine
from aural.stages.frequency_generation.engines.classical.engine import ClassicalEngine, ClassicalParameters

ENGINES: tuple[type[GenerationEngine], ...] = (ClassicalEngine,)


@dataclass(frozen=True, kw_only=True)
class Parameters(ClassicalParameters):
    """The parameters of the engines."""
