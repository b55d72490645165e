"""The engines of source separation, in the order in which they are offered."""

from dataclasses import dataclass

from aural.engine import OwnWeights
from aural.stages.source_separation.engine import SeparationEngine
from aural.stages.source_separation.engines.center import CenterEngine, CenterParameters
from aural.stages.source_separation.engines.demucs.engine import DemucsEngine, DemucsParameters
from aural.stages.source_separation.engines.hpss import HpssEngine
from aural.stages.source_separation.engines.voice.engine import VoiceEngine

ENGINES: tuple[type[SeparationEngine], ...] = (VoiceEngine, HpssEngine, CenterEngine, DemucsEngine)


@dataclass(frozen=True, kw_only=True)
class Parameters(DemucsParameters, CenterParameters, OwnWeights):
    """The parameters of the engines."""
