"""Spectral band replication without side information: the copied band and its level are guessed from below.

References:
    M. Dietz, L. Liljeryd, K. Kjörling, O. Kunz: Spectral NewBand Replication, a novel approach in audio coding,
    112th AES Convention, 2002. Here no encoder sends an envelope: it is continued from the band below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aural.dsp import spectra as spectrum
from aural.dsp.decibels import db_to_gain
from aural.dsp.frames import FrameStream, Spectra, frame_sizes
from aural.signals import Format
from aural.stages.frequency_expansion.engine import NewBand

WINDOW_MS = 21.0
OVERLAP = 4
FLAT_HZ = 250.0  # the copied band is made flat over so much to both sides


class ExpansionStream(FrameStream):
    """Turns a signal into a plausible band above its cut-off, and nothing else.

    The octave below the cut-off is copied upwards as often as needed. A copy is flattened, so that it brings
    its partials and its shape in time but not its levels; these are the geometric mean of the half octave
    below the cut-off, falling with frequency.
    """

    def __init__(self, source: Format, band: NewBand, decline_db: float, noise: float) -> None:
        window, hop = frame_sizes(source.sample_rate, WINDOW_MS, OVERLAP)
        super().__init__(source, window, hop)
        step = source.sample_rate / window
        top = int(0.97 * band.cutoff_hz / step)
        self.below = slice(top // 2, top)
        self.upper = slice((top - top // 2) * 3 // 5, None)  # of those
        self.flat = round(FLAT_HZ / step)
        self.bins = np.arange(top, min(int(band.ceiling_hz / step), window // 2))
        self.origin = (self.bins - top) % (top - top // 2)
        moved = self.bins - self.origin - top // 2
        self.turns = np.exp(2j * np.pi * np.outer(np.arange(OVERLAP), moved) / OVERLAP).astype(np.complex64)
        self.level = self._levels(band, decline_db, self.bins * step)
        share = noise * np.clip(np.log2(self.bins * step / band.cutoff_hz), 0, 1)
        self.tones = (self.level * np.sqrt(1 - share**2)).astype(np.float32)
        self.noise = (self.level * share * spectrum.noise_gain(self)).astype(np.float32)
        self.frame = 0

    def _levels(self, band: NewBand, decline_db: float, hz: Any) -> Any:
        """Return the amplitude over frequency, both ends faded, relative to the band below."""
        fall_db = band.level_db - decline_db * (hz - band.cutoff_hz) / 1000
        ends = np.clip(np.minimum(hz - hz[0], hz[-1] - hz) / 150, 0, 1)
        return db_to_gain(fall_db) * np.sin(np.pi / 2 * ends)

    def change(self, spectra: Spectra) -> Spectra:
        below = spectra[:, :, self.below]
        power = spectrum.power(below)
        level = np.sqrt(spectrum.typical(power[:, :, self.upper]))[:, :, None]
        flat = spectrum.flattened(below, self.flat)
        frames = range(self.frame, self.frame + spectra.shape[1])
        self.frame = frames.stop
        tones = flat[:, :, self.origin] * self.turns[np.arange(frames.start, frames.stop) % OVERLAP]
        bins = range(int(self.bins[0]), int(self.bins[-1]) + 1)
        hiss = spectrum.noise(0, frames, bins, spectrum.likeness(below))
        out = np.zeros_like(spectra)
        out[:, :, self.bins] = level * (self.tones * tones + self.noise * hiss)
        return out
