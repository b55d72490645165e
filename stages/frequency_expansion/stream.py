"""The new band: copies of the octave below the cut-off and noise, at the level that an engine says.

References:
    M. Dietz, L. Liljeryd, K. Kjörling, O. Kunz: Spectral Band Replication, a novel approach in audio coding, 112th
    AES Convention, 2002. Here no encoder sends an envelope: engines guess it.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy import fft

from aural.dsp import background
from aural.dsp import spectra as spectrum
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.dsp.frames import Spectra
from aural.dsp.segments import SegmentStream
from aural.dsp.spectra import Levels
from aural.signals import Block, Format
from aural.stages.frequency_expansion.bands import (
    CENTRES_HZ,
    NOISE_DB,
    OVERLAP,
    PASSED,
    SILENT_DB,
    SLAB,
    STEP,
    Analysis,
    top,
)
from aural.stages.frequency_expansion.engine import NewBand

SEGMENT = 64  # blocks of background, 5.5 s
FLAT_HZ = 250.0  # a copy is made flat over so much to both sides
DULLEST_DB = -8.0  # a copy is not raised by more, however far its partials stand out
SILENCE_DB = -125.0  # a softer background counts as silence; the rounding noise of 16 bits is at -101
FADE_HZ = 150.0  # at both ends
NOTHING_DB = -400.0  # which no float32 can hold beside a signal
COPIED_OCTAVES = 0.125  # above the cut-off, over which copies give way to noise
MOST_DB = 15.0  # most by which the new band may exceed the octave below the cut-off


class NewBandStream(SegmentStream):
    """Turns a signal into a plausible band above its cut-off, and nothing else.

    The octave below the cut-off is copied upwards as often as needed, flattened, and mixed with noise. Its level is
    what an engine predicts, or the recording's background where that is louder. Where a filter's slope has left some
    signal, a bin gets only the power that it lacks.

    Args:
        noise: share of noise from an eighth of an octave above the cut-off; the rest is copied.
        reach: frames of levels that an engine's answer depends on to either side.
    """

    def __init__(self, source: Format, band: NewBand, noise: float, reach: int) -> None:
        self.analysis = analysis = Analysis(source.sample_rate)
        block = background.BLOCK * STEP * analysis.hop
        around = -(-(reach * STEP + OVERLAP) // (background.BLOCK * STEP)) + background.AROUND + 2
        super().__init__(source, SEGMENT * block, around * block)
        self.band, self.done = band, 0
        step = analysis.hz[1]
        end = int(PASSED * band.cutoff_hz / step)
        self.below = slice(end // 2, end)
        self.bins = np.arange(end, 1 + int(min(band.ceiling_hz, analysis.hz[-1]) / step))
        self.origin = (self.bins - end) % (end - end // 2)
        moved = self.bins - self.origin - end // 2
        self.turns = np.exp(2j * np.pi * np.outer(np.arange(OVERLAP), moved) / OVERLAP).astype(np.complex64)
        self.flat = round(FLAT_HZ / step)
        self.octave = top(band.cutoff_hz, 1.0)
        hz = analysis.hz[self.bins]
        place = np.interp(hz, CENTRES_HZ, np.arange(len(CENTRES_HZ)))
        self.between = np.maximum(0, 1 - np.abs(place - np.arange(len(CENTRES_HZ))[:, None])).astype(np.float32)
        share = noise * np.clip(np.log2(hz / band.cutoff_hz) / COPIED_OCTAVES, 0, 1)
        self.tones, self.hiss = np.sqrt(1 - share**2).astype(np.float32), share.astype(np.float32)
        ends = np.clip((band.ceiling_hz - hz) / FADE_HZ, 0, 1)
        self.fade = np.sin(np.pi / 2 * ends).astype(np.float32)
        self.synthesis = (analysis.shape / (0.375 * OVERLAP)).astype(np.float32)
        self.gain = np.float32(spectrum.noise_gain(analysis.shape, self.synthesis, OVERLAP))

    @abstractmethod
    def expect(self, levels: Levels, standing: Levels, floor: Levels) -> Levels:
        """Return the level of the new band, background included.

        Args:
            levels, standing: what `Analysis.levels` finds.
            floor: level of the background in all bands, as it is likely to go on above the cut-off.

        Returns:
            In dB, of the shape of the levels. Values below the cut-off are ignored.
        """

    def process(self, audio: Block) -> Block:
        levels = self._levels(audio)
        hop, reach = self.analysis.hop, self.analysis.window // 2
        first = max(0, self.before // hop - OVERLAP)
        asked = self.before + self.segment
        end = asked if audio.shape[-1] >= asked + self.context else audio.shape[-1]  # at the end, all that remains
        last = end // hop + OVERLAP
        out = np.zeros((audio.shape[0], last * hop + 2 * reach + audio.shape[-1]), np.float32)
        begun = (self.done - self.before) // hop
        for start in range(first, last, SLAB):
            frames = range(start, min(start + SLAB, last))
            spectra = self.analysis.spectra(audio, start, len(frames))
            made = self._made(spectra, levels, frames, begun)
            pieces = fft.irfft(made, self.analysis.window) * self.synthesis
            for place, frame in enumerate(frames):
                out[:, frame * hop : frame * hop + 2 * reach] += pieces[:, place]
        self.done += self.segment
        return out[:, reach : reach + audio.shape[-1]]

    def _levels(self, audio: Block) -> Levels:
        """Return the level of the new band, shape (channels, frames of levels, bands)."""
        levels, standing = self.analysis.levels(audio)
        floor = background.continued(background.background(levels), CENTRES_HZ, self.octave)
        floor[floor < SILENCE_DB] = SILENT_DB
        octave = levels[:, :, self.octave]
        most = octave.mean(axis=-1, keepdims=True) + MOST_DB
        found = np.minimum(self.expect(levels, standing, floor), most) + self.band.level_db + NOISE_DB
        return np.where(octave.max(axis=-1, keepdims=True) > SILENT_DB, found, NOTHING_DB).astype(np.float32)

    def _made(self, spectra: Spectra, levels: Levels, frames: range, begun: int) -> Spectra:
        """Return the spectra of the new band."""
        moments = np.minimum(np.arange(frames.start, frames.stop) / STEP, levels.shape[1] - 1)
        share = (moments % 1)[:, None].astype(np.float32)
        early = moments.astype(int)
        late = np.minimum(early + 1, levels.shape[1] - 1)
        level = (1 - share) * levels[:, early] + share * levels[:, late]
        wanted = db_to_power(level @ self.between) / self.analysis.scale
        there = spectrum.power(spectra[:, :, self.bins]) + np.float32(spectrum.TINY)
        lacks = np.sqrt(np.maximum(wanted - there, 0)) * self.fade
        below = spectra[:, :, self.below]
        flat = spectrum.flattened(below, self.flat)
        dull = np.maximum(spectrum.typical(spectrum.power(flat)), db_to_power(DULLEST_DB))
        flat = flat * (db_to_gain(-NOISE_DB) / np.sqrt(dull))[:, :, None].astype(np.float32)
        absolute = range(begun + frames.start, begun + frames.stop)
        tones = flat[:, :, self.origin] * self.turns[np.arange(absolute.start, absolute.stop) % OVERLAP]
        bins = range(int(self.bins[0]), int(self.bins[-1]) + 1)
        hiss = spectrum.noise(0, absolute, bins, spectrum.likeness(below)) * self.gain
        made = np.zeros_like(spectra)
        made[:, :, self.bins] = lacks * (self.tones * tones + self.hiss * hiss)
        return made
