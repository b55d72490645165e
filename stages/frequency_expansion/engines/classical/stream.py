"""The level of the new band, guessed from the band below."""

from __future__ import annotations

import numpy as np

from aural.dsp.spectra import Levels
from aural.signals import Format
from aural.stages.frequency_expansion.bands import CENTRES_HZ, top
from aural.stages.frequency_expansion.engine import NewBand
from aural.stages.frequency_expansion.stream import NewBandStream


class DecliningStream(NewBandStream):
    """Lets the level fall by so many dB per kHz, from that of the half octave below the cut-off, down to
    the background."""

    def __init__(self, source: Format, band: NewBand, noise: float, decline_db: float) -> None:
        super().__init__(source, band, noise, reach=0)
        self.half = top(band.cutoff_hz, 0.5)
        self.decline_db = (decline_db * (CENTRES_HZ - band.cutoff_hz) / 1000).astype(np.float32)

    def expect(self, levels: Levels, standing: Levels, floor: Levels) -> Levels:
        return np.maximum(levels[:, :, self.half].mean(axis=-1, keepdims=True) - self.decline_db, floor)
