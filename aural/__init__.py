"""AURAL turns a poor recording into a good one, through a chain of independent stages.

import aural

stage = aural.create("noise-reduction", max_attenuation_db=18)
quieter = stage(audio, sample_rate)
aural.clean("memo.m4a", "memo.wav")
"""

from typing import TYPE_CHECKING, Any

from aural.chain import Chain, Split
from aural.errors import AudioError, AuralError, ChainError, NotReady, ParameterError, WeightsError
from aural.parameters import param
from aural.registry import create
from aural.stage import Block, Effect, Format, Separator, Stage, Stream

if TYPE_CHECKING:
    from aural.runner import clean

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
    "clean",
    "create",
    "param",
]


def __getattr__(name: str) -> Any:
    if name == "clean":  # imports the meters, which take a while to load, when it is used
        from aural.runner import clean

        return clean
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
