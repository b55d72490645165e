"""The voice network as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.engine import Model, Network
from aural.signals import Format
from aural.stages.source_separation.engine import SeparationEngine
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe


@dataclass(frozen=True, kw_only=True)
class VoiceEngine(Network, SeparationEngine):
    """The network that separates a voice from the rest."""

    name, meaning = "voice", "a network for a voice, spoken or sung, and the rest"
    stems = ("voice", "rest")
    models: ClassVar[Mapping[str, Model]] = {"voice": Model(meaning="voice, rest", megabytes=3.8, licence="MIT")}

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            WeightsError: the weights are missing or damaged.
        """
        from aural.stages.source_separation.engines.voice.stream import open_voice

        return open_voice(source, self.path)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.source_separation.engines.voice import network, recipe

        return recipe.SeparationRecipe(settings, network.Voice())
