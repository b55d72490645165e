"""AURAL turns a poor recording into a good one, through a chain of independent stages.

import aural

stage = aural.create("noise-reduction", max_attenuation_db=18)
quieter = stage(audio, sample_rate)
aural.clean("memo.m4a", "memo.wav")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aural.advice import Decision
from aural.chain import Chain, Split
from aural.errors import AudioError, AuralError, ChainError, NotReady, ParameterError, WeightsError
from aural.parameters import param
from aural.registry import create
from aural.stage import Block, Effect, Format, Separator, Stage, Stream

if TYPE_CHECKING:
    from aural.audio.files import read
    from aural.audio.writing import write
    from aural.diagnosis import inspect
    from aural.mixdown import mix_files
    from aural.mixing import Mix, Track
    from aural.runner import clean

LATER = {
    "Mix": "aural.mixing",
    "Track": "aural.mixing",
    "clean": "aural.runner",
    "inspect": "aural.diagnosis",
    "mix_files": "aural.mixdown",
    "read": "aural.audio.files",
    "write": "aural.audio.writing",
}
"""Where to find what takes a while to load: it is imported when it is used."""

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "AuralError",
    "Block",
    "Chain",
    "ChainError",
    "Decision",
    "Effect",
    "Format",
    "Mix",
    "NotReady",
    "ParameterError",
    "Separator",
    "Split",
    "Stage",
    "Stream",
    "Track",
    "WeightsError",
    "clean",
    "create",
    "inspect",
    "mix_files",
    "param",
    "read",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *LATER]
