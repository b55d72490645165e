"""AURAL turns a poor recording into a good one, through a chain of independent stages.

import aural

stage = aural.create("noise-reduction", max_attenuation_db=18)
quieter = stage(audio, sample_rate)
aural.clean("memo.m4a", "memo.wav")
"""

from aural.chain import Chain, Split
from aural.errors import AudioError, AuralError, ChainError, NotReady, ParameterError, WeightsError
from aural.parameters import param
from aural.registry import create
from aural.stage import Block, Effect, Format, Separator, Stage, Stream

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "AuralError",
    "Block",
    "Chain",
    "ChainError",
    "Effect",
    "Format",
    "NotReady",
    "ParameterError",
    "Separator",
    "Split",
    "Stage",
    "Stream",
    "WeightsError",
    "create",
    "param",
]
