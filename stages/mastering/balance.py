"""The tonal balance of a recording, and the curve that brings one balance to another.

References:
    D. Byrne and others: An international comparison of long-term average speech spectra, JASA 96(4), 1994: the table
    of speech, women and men together, in third octaves.
    P. Pestana and others: Spectral characteristics of popular commercial recordings 1950-2010, AES 135, 2013; A.
    Elowsson, A. Friberg: Long-term average spectrum in popular music and its relation to the level of the percussion,
    AES 142, 2017: popular music, whose mean is drawn as straight lines here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aural import Block, Format
from aural.audio.files import open_audio
from aural.dsp.decibels import db_to_power
from aural.errors import AudioError
from aural.measure.spectrum import BANDS_HZ, SpectrumMeter

Floats = NDArray[np.float64]

SPEECH_DB = (
    38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7, 53.0, 52.0, 48.7, 48.1, 46.8, 45.6,
    44.5, 44.3, 43.7, 43.4, 41.3, 40.7,
)  # fmt: skip
SPEECH_FROM = 5  # index of the band of the table's first value, 63 Hz

MUSIC_HZ = (20.0, 60.0, 100.0, 4000.0, 20000.0)
MUSIC_DB = (-12.0, 0.0, 0.0, -10.6, -22.2)
"""Corners of straight lines: up by 7.6 dB an octave to 60 Hz, level, down by 2 from 100 Hz and by 5 from 4 kHz on."""

CENTRE = (BANDS_HZ >= 100) & (BANDS_HZ <= 8000)  # bands whose mean gain is 0
NOTHING = 1e-12  # of the power of their difference: two channels with a weaker sum have nothing in common
DEEP_DB = 35.0  # a band this far below the strongest may be noise, and is not raised


@dataclass(frozen=True)
class Balance:
    """Mean powers of third octaves, 0 where nothing is known: of all channels, and of the difference of two."""

    powers: Floats
    sides: Floats

    @classmethod
    def of(cls, blocks: Iterable[Block], source: Format) -> Self:
        """Measure a signal."""
        meter, difference = SpectrumMeter(source), SpectrumMeter(Format(source.sample_rate, 1))
        for block in blocks:
            meter.update(block)
            if source.channels == 2:
                difference.update((block[:1] - block[1:]) * np.float32(0.5**0.5))
        powers = meter.compute()
        return cls(powers, np.minimum(difference.compute(), powers))

    def width(self, curve_db: Floats | float = 0.0) -> float:
        """Return the power of what is unlike in two channels against what is alike, behind a curve."""
        gains = db_to_power(np.asarray(curve_db))
        sides, alike = (float((gains * powers).sum()) for powers in (self.sides, self.powers - self.sides))
        return sides / alike if alike > NOTHING * sides else 1 / NOTHING


def balance_of(reference: str | None, target: str) -> Balance:
    """Return the balance of a recording, or of what is built in.

    Raises:
        AudioError: the recording cannot be read, or is silent.
    """
    if reference is not None:
        file = open_audio(Path(reference))
        found = Balance.of(file, file.format)
        if not found.powers.any():
            raise AudioError("is silent; it cannot be a reference", path=reference)
        return found
    levels = np.full(BANDS_HZ.size, -np.inf)
    if target == "speech":
        levels[SPEECH_FROM : SPEECH_FROM + len(SPEECH_DB)] = SPEECH_DB
    else:
        levels = np.interp(np.log(BANDS_HZ), np.log(MUSIC_HZ), MUSIC_DB)
    return Balance(db_to_power(levels), np.zeros(levels.size))


def needed_db(own: Balance, aim: Balance, smooth_octaves: float) -> Floats:
    """Return the gain of each band that brings one balance to another, smooth.

    Bands of which either knows nothing, and those too weak to be more than noise, follow their neighbours, but are
    not raised. The gains of the bands from 100 Hz to 8 kHz are 0 in the mean.
    """
    floor = own.powers.max() * db_to_power(-DEEP_DB)
    known = (own.powers > floor) & (aim.powers > 0)
    if not (known & CENTRE).any():
        return np.zeros(BANDS_HZ.size)
    difference = np.zeros(BANDS_HZ.size)
    difference[known] = 10 * np.log10(aim.powers[known] / own.powers[known])
    difference -= difference[known & CENTRE].mean()
    deviation = 3 * smooth_octaves / 2.355  # bands; the width is that at half the height
    apart = np.subtract.outer(np.arange(BANDS_HZ.size), np.arange(BANDS_HZ.size))
    near = np.exp(-0.5 * (apart / deviation) ** 2) * known
    smooth = (near @ difference) / np.maximum(near.sum(axis=-1), 1e-300)
    return np.where(known, smooth, np.minimum(smooth, 0))


def bent_db(needed: Floats, max_db: float) -> Floats:
    """Limit a curve smoothly."""
    return max_db * np.tanh(needed / max_db) if max_db else np.zeros(needed.size)


def wider_db(own: Balance, aim: Balance, curve_db: Floats) -> float:
    """Return the gain of what is unlike in two channels, behind the curve; 0 where either is mono."""
    if not (own.sides.any() and aim.sides.any()):
        return 0.0
    return float(10 * np.log10(aim.width() / own.width(curve_db)))
