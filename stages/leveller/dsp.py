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

from aural.measure.loudness import PIECES, LoudnessMeter
from aural.measure.speech_level import around_lufs, levels
from aural.signals import Block, Format
from aural.stages.leveller.voicing import HOP, NEARBY, VOWEL, VoiceMeter

Floats = NDArray[np.float64]

HELD_BEFORE, HELD_AFTER = round(0.1 * PIECES), round(0.4 * PIECES)  # pieces for which speech is held
FADE = 2 * round(0.15 * PIECES) + 1  # pieces over which the gain moves


def reach_s(window_s: float) -> int:
    """Return on how much to either side a gain depends, in whole seconds, the filter's memory included."""
    pieces = round(window_s * PIECES / 2) + NEARBY // 2 + VOWEL * HOP + HELD_AFTER + FADE
    return 1 + -(-pieces // PIECES)


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
