"""The engines of noise reduction, in the order in which they are offered; the first is the default."""

from dataclasses import dataclass

from aural.stages.noise_reduction.engine import NoiseEngine
from aural.stages.noise_reduction.engines.compact.engine import Compact, CompactParameters
from aural.stages.noise_reduction.engines.gate import Gate
from aural.stages.noise_reduction.engines.mmse.engine import Mmse
from aural.stages.noise_reduction.engines.unet.engine import Unet, UnetParameters
from aural.stages.noise_reduction.profile import ProfileParameters

ENGINES: tuple[type[NoiseEngine], ...] = (Compact, Unet, Mmse, Gate)


@dataclass(frozen=True, kw_only=True)
class Parameters(CompactParameters, UnetParameters, ProfileParameters):
    """What the engines are told."""
