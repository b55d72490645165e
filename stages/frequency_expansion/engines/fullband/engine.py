"""The fullband network as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aural.engine import Model, Network
from aural.signals import Format
from aural.stages.frequency_expansion.engine import ExpansionEngine, NewBand
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.learning.training import Recipe

LOWEST_HZ = 3000.0  # cut-off that it was made for
END_HZ = 20000.0  # where its spectra end: nothing above is heard


@dataclass(frozen=True, kw_only=True)
class FullbandEngine(Network, ExpansionEngine):
    """A network that extends a spectrum from any cut-off."""

    name, meaning = "fullband", "a network that predicts spectra up to 20 kHz, for comparison"
    models: ClassVar[Mapping[str, Model]] = {
        "fullband": Model(meaning="extends a spectrum from any cut-off, 48 kHz", megabytes=5.5, licence="MIT")
    }
    lowest_hz, end_hz = LOWEST_HZ, END_HZ

    def stream(self, source: Format, band: NewBand) -> Stream:
        from aural.stages.frequency_expansion.engines.fullband.stream import open_fullband

        return open_fullband(source, self.path, band)

    @classmethod
    def recipe(cls, settings: Any) -> Recipe:
        from aural.stages.frequency_expansion.engines.fullband import network, recipe

        return recipe.FullbandRecipe(settings, network.Fullband())
