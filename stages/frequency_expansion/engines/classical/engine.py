"""Spectral band replication as an engine."""

from __future__ import annotations

from dataclasses import dataclass

from aural.parameters import param
from aural.signals import Format
from aural.stages.frequency_expansion.engine import ExpansionEngine, NewBand
from aural.stream import Stream


@dataclass(frozen=True, kw_only=True)
class ClassicalParameters:
    """The parameters of spectral band replication."""

    decline_db: float = param(1.6, "Slope with which the level of the new band falls", unit="dB/kHz",
                              low=0.0, high=6.0)  # fmt: skip
    noise: float = param(0.5, "Proportion of noise in the new band, from an octave above the cut-off; the rest is "
                         "copied", low=0.0, high=1.0)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClassicalEngine(ClassicalParameters, ExpansionEngine):
    """Spectral band replication."""

    name, meaning = "classical", "copies of the band below the cut-off"

    def stream(self, source: Format, band: NewBand) -> Stream:
        from aural.stages.frequency_expansion.engines.classical.stream import ExpansionStream

        return ExpansionStream(source, band, self.decline_db, self.noise)
