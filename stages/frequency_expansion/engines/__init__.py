"""The engines of frequency expansion, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.engine import OwnWeights
from aural.stages.frequency_expansion.engine import ExpansionEngine
from aural.stages.frequency_expansion.engines.classical.engine import ClassicalEngine, ClassicalParameters
from aural.stages.frequency_expansion.engines.envelope.engine import EnvelopeEngine

ENGINES: tuple[type[ExpansionEngine], ...] = (EnvelopeEngine, ClassicalEngine)


@dataclass(frozen=True, kw_only=True)
class Parameters(OwnWeights, ClassicalParameters):
    """The parameters of the engines."""
