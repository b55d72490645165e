"""The envelope network as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.engine import Model, Network
from aural.signals import Format
from aural.stages.frequency_expansion.engine import CopyingParameters, ExpansionEngine, NewBand
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe


@dataclass(frozen=True, kw_only=True)
class EnvelopeEngine(CopyingParameters, Network, ExpansionEngine):
    """A network that predicts the level of every band of the new spectrum."""

    name, meaning = "envelope", "a network that predicts its level, band by band"
    models: ClassVar[Mapping[str, Model]] = {
        "envelope": Model(meaning="predicts levels above any cut-off", megabytes=0.4, licence="MIT")
    }

    def stream(self, source: Format, band: NewBand) -> Stream:
        from aural.stages.frequency_expansion.engines.envelope.stream import EnvelopeStream, network

        return EnvelopeStream(source, band, self.noise, network(self.path))

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.frequency_expansion.engines.envelope import network, recipe

        return recipe.EnvelopeRecipe(settings, network.Envelope())
