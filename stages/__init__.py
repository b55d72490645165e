"""The stages. `from aural.stages import NoiseReduction` imports only what that stage needs.

Stages of other packages are found by `aural.create` and on the command line, not here.
"""

from typing import TYPE_CHECKING, Any

from aural import registry

if TYPE_CHECKING:
    from aural.stages.dynamic_compression.de_esser import DeEsser as DeEsser
    from aural.stages.dynamic_compression.gate import Gate as Gate
    from aural.stages.dynamic_compression.multiband import Multiband as Multiband
    from aural.stages.dynamic_compression.stage import DynamicCompression as DynamicCompression
    from aural.stages.dynamic_compression.upward import UpwardCompression as UpwardCompression
    from aural.stages.frequency_expansion.stage import FrequencyExpansion as FrequencyExpansion
    from aural.stages.frequency_generation.stage import FrequencyGeneration as FrequencyGeneration
    from aural.stages.leveller.stage import Leveller as Leveller
    from aural.stages.mastering.equaliser import Equaliser as Equaliser
    from aural.stages.mastering.match import Match as Match
    from aural.stages.mastering.stage import Master as Master
    from aural.stages.noise_reduction.stage import NoiseReduction as NoiseReduction
    from aural.stages.repair.stage import Conceal as Conceal
    from aural.stages.repair.stage import DeBreath as DeBreath
    from aural.stages.repair.stage import Declick as Declick
    from aural.stages.repair.stage import Declip as Declip
    from aural.stages.repair.stage import DePlosive as DePlosive
    from aural.stages.source_separation.music import MusicReduction as MusicReduction
    from aural.stages.source_separation.stage import SourceSeparation as SourceSeparation

CLASSES = registry.classes(__name__)

__all__ = list(CLASSES)


def __getattr__(name: str) -> Any:
    if name in CLASSES:
        return registry.stage_class(CLASSES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *CLASSES]
