"""The engines of noise reduction, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.stages.noise_reduction.engine import NoiseEngine
from aural.stages.noise_reduction.engines.compact.engine import CompactEngine, CompactParameters
from aural.stages.noise_reduction.engines.deepfilternet import DeepFilterNetEngine
from aural.stages.noise_reduction.engines.gate import GateEngine
from aural.stages.noise_reduction.engines.mmse.engine import MmseEngine
from aural.stages.noise_reduction.engines.unet.engine import UnetEngine, UnetParameters
from aural.stages.noise_reduction.profile import ProfileParameters

ENGINES: tuple[type[NoiseEngine], ...] = (CompactEngine, UnetEngine, DeepFilterNetEngine, MmseEngine, GateEngine)


@dataclass(frozen=True, kw_only=True)
class Parameters(CompactParameters, UnetParameters, ProfileParameters):
    """The parameters of the engines."""
