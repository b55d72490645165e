"""The gain of the leveller, ten milliseconds at a time, from K-weighted powers and pitch; levels are in LUFS.

References:
    ITU-R BS.1770-5: K-weighting. Pauses do not count, as in EBU R 128, but by a threshold over the recording's own
    background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from aural.dsp.decibels import db_to_gain
from aural.measure.loudness import OFFSET_LU, PIECES, LoudnessMeter
from aural.signals import Block, Format
from aural.stages.leveller.voicing import HOP, NEARBY, VOWEL, VoiceMeter

Floats = NDArray[np.float64]

SYLLABLE = 2 * round(0.1 * PIECES) + 1  # pieces whose mean says whether somebody speaks
HELD_BEFORE, HELD_AFTER = round(0.1 * PIECES), round(0.4 * PIECES)  # pieces for which speech is held
FADE = 2 * round(0.15 * PIECES) + 1  # pieces over which the gain moves
ABOVE_BACKGROUND_DB = 4.0
BELOW_LOUDEST_DB = 45.0
TINY = 1e-12


def levels(powers: Floats) -> Floats:
    """Return the level of each piece with what is within a tenth of a second."""
    mean = uniform_filter1d(powers, SYLLABLE, mode="constant")
    result: Floats = OFFSET_LU + 10 * np.log10(np.maximum(mean, TINY))
    return result


def reach_s(window_s: float) -> int:
    """Return on how much to either side a gain depends, in whole seconds, the filter's memory included."""
    pieces = round(window_s * PIECES / 2) + NEARBY // 2 + VOWEL * HOP + HELD_AFTER + FADE
    return 1 + -(-pieces // PIECES)


def threshold_lufs(level: Floats) -> float:
    """Return the level above which somebody speaks: over the background, and not far below the loudest."""
    if not level.size:
        return 0.0
    loudest = float(np.quantile(level, 0.98))
    return max(float(np.quantile(level, 0.1)) + ABOVE_BACKGROUND_DB, loudest - BELOW_LOUDEST_DB)


def around_lufs(level: Floats, speaks: NDArray[np.bool_], window_s: float) -> Floats:
    """Return the mean level of the speech around each piece, -inf where there is none; amplitudes are averaged."""
    size = 2 * round(window_s * PIECES / 2) + 1
    count = uniform_filter1d(speaks.astype(np.float64), size, mode="constant")
    total = uniform_filter1d(np.where(speaks, db_to_gain(level), 0.0), size, mode="constant")
    near = count > 0.5 / size
    return np.where(near, 20 * np.log10(np.maximum(total, TINY) / np.where(near, count, 1)), -np.inf)


class SpeechMeter:
    """Measures a signal, whatever the block size."""

    def __init__(self, source: Format) -> None:
        self.loudness, self.voice = LoudnessMeter(source), VoiceMeter(source)

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.loudness.update(block)
        self.voice.update(block)

    def compute(self) -> SpeechLevels:
        """Return the levels so far."""
        level = levels(self.loudness.powers)
        return SpeechLevels(level, self.voice.voiced(level.size))


@dataclass(frozen=True)
class SpeechLevels:
    """Level of each piece, and whether there is a vowel near it."""

    level: Floats
    voiced: NDArray[np.bool_]

    def speaks(self, speech_lufs: float) -> NDArray[np.bool_]:
        """Tell where somebody speaks."""
        return self.voiced & (self.level > speech_lufs)


@dataclass(frozen=True)
class Law:
    """The parameters of the gain."""

    target_lufs: float
    speech_lufs: float
    loud_lufs: float
    share: float
    max_boost_db: float
    max_cut_db: float
    window_s: float

    def gains_db(self, speech: SpeechLevels) -> Floats:
        """Return the gain of each piece: to the target while somebody speaks, in pauses that of the loudest voice.

        If pauses kept their level while a near voice is lowered, the noise would come closer to the voice.
        """
        level, speaks = speech.level, speech.speaks(self.speech_lufs)
        around = around_lufs(level, speaks, self.window_s)
        missing = np.where(np.isfinite(around), self.target_lufs - around, 0.0)
        wanted = np.clip(self.share * missing, -self.max_cut_db, self.max_boost_db)
        rest = float(np.clip(self.share * (self.target_lufs - self.loud_lufs), -self.max_cut_db, 0))
        held = maximum_filter1d(speaks, HELD_BEFORE + HELD_AFTER + 1, origin=(HELD_AFTER - HELD_BEFORE) // 2)
        return np.asarray(uniform_filter1d(np.where(held, wanted, np.minimum(wanted, rest)), FADE, mode="nearest"))
