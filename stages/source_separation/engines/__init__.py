"""The engines of source separation, in the order in which they are offered."""

from dataclasses import dataclass

from aural.engine import OwnWeights
from aural.stages.source_separation.engine import SeparationEngine
from aural.stages.source_separation.engines.center import CenterEngine, CenterParameters
from aural.stages.source_separation.engines.demucs.engine import DemucsEngine, DemucsParameters
from aural.stages.source_separation.engines.hpss import HpssEngine
from aural.stages.source_separation.engines.msst.engine import MsstEngine, MsstParameters
from aural.stages.source_separation.engines.voice.engine import VoiceEngine

ENGINES: tuple[type[SeparationEngine], ...] = (VoiceEngine, HpssEngine, CenterEngine, DemucsEngine, MsstEngine)


@dataclass(frozen=True, kw_only=True)
class Parameters(MsstParameters, DemucsParameters, CenterParameters, OwnWeights):
    """The parameters of the engines."""
