"""Spectral band replication as an engine."""

from __future__ import annotations

from dataclasses import dataclass

from aural.parameters import param
from aural.signals import Format
from aural.stages.frequency_expansion.engine import CopyingParameters, ExpansionEngine, NewBand
from aural.stream import Stream


@dataclass(frozen=True, kw_only=True)
class ClassicalParameters(CopyingParameters):
    """The parameters of spectral band replication."""

    decline_db: float = param(2.4, "Slope with which the level of the new band falls, down to the background",
                              unit="dB/kHz", low=0.0, high=6.0)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClassicalEngine(ClassicalParameters, ExpansionEngine):
    """Spectral band replication."""

    name, meaning = "classical", "copies of the band below the cut-off"

    def stream(self, source: Format, band: NewBand) -> Stream:
        from aural.stages.frequency_expansion.engines.classical.stream import DecliningStream

        return DecliningStream(source, band, self.noise, self.decline_db)
