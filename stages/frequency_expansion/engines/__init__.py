"""The engines of frequency expansion, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.engine import OwnWeights
from aural.stages.frequency_expansion.engine import ExpansionEngine
from aural.stages.frequency_expansion.engines.classical.engine import Classical, ClassicalParameters
from aural.stages.frequency_expansion.engines.fullband.engine import Fullband

ENGINES: tuple[type[ExpansionEngine], ...] = (Fullband, Classical)


@dataclass(frozen=True, kw_only=True)
class Parameters(OwnWeights, ClassicalParameters):
    """What the engines are told."""
