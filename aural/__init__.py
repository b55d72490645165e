"""AURAL turns a poor recording into a good one, through a chain of independent stages.

import aural

stage = aural.create("noise-reduction", max_attenuation_db=18)
quieter = stage(audio, sample_rate)
aural.clean("memo.m4a", "memo.wav")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aural.advice import Decision
    from aural.audio.files import read
    from aural.audio.writing import write
    from aural.chain import Chain, Split
    from aural.cleaning.reporting import compare, report
    from aural.cleaning.running import clean
    from aural.devices import device
    from aural.errors import AudioError, AuralError, ChainError, NotReady, ParameterError, WeightsError
    from aural.measure.examination import inspect
    from aural.mix.mixdown import mix_files
    from aural.mix.mixing import Mix, Track
    from aural.parameters import param
    from aural.registry import create
    from aural.signals import Block, Format
    from aural.stage import Effect, Separator, Stage
    from aural.stream import Stream

WHERE = {
    "aural.advice": ("Decision",),
    "aural.audio.files": ("read",),
    "aural.audio.writing": ("write",),
    "aural.chain": ("Chain", "Split"),
    "aural.devices": ("device",),
    "aural.measure.examination": ("inspect",),
    "aural.errors": ("AudioError", "AuralError", "ChainError", "NotReady", "ParameterError", "WeightsError"),
    "aural.mix.mixdown": ("mix_files",),
    "aural.mix.mixing": ("Mix", "Track"),
    "aural.parameters": ("param",),
    "aural.registry": ("create",),
    "aural.cleaning.reporting": ("compare", "report"),
    "aural.cleaning.running": ("clean",),
    "aural.stage": ("Block", "Effect", "Format", "Separator", "Stage", "Stream"),
}
"""Names by the module they come from, which is imported when one is used: so that the command starts at once."""

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
    "compare",
    "create",
    "device",
    "inspect",
    "mix_files",
    "param",
    "read",
    "report",
    "write",
]


def __getattr__(name: str) -> Any:
    for module, names in WHERE.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
