"""The engines of frequency generation, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.engine import OwnWeights
from aural.stages.frequency_generation.engine import GenerationEngine
from aural.stages.frequency_generation.engines.classical.engine import SubstitutionEngine, SubstitutionParameters
from aural.stages.frequency_generation.engines.stochastic.engine import DeterministicEngine, StochasticEngine
from aural.stages.frequency_generation.engines.unet.engine import LevelsUnetEngine

ENGINES: tuple[type[GenerationEngine], ...] = (
    StochasticEngine,
    DeterministicEngine,
    LevelsUnetEngine,
    SubstitutionEngine,
)


@dataclass(frozen=True, kw_only=True)
class Parameters(OwnWeights, SubstitutionParameters):
    """The parameters of the engines."""
