"""The level of voices: told from their pauses by the recording's own background, as the leveller does it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from aural.dsp.decibels import db_to_gain
from aural.measure.loudness import OFFSET_LU, PIECES

Floats = NDArray[np.float64]

SYLLABLE = 2 * round(0.1 * PIECES) + 1  # pieces whose mean says whether somebody speaks
ABOVE_BACKGROUND_DB = 4.0
BELOW_LOUDEST_DB = 45.0
TINY = 1e-12
TURN_S = 1.5  # speech is averaged over this time: a level lasts for as long as someone speaks
LEAST_S = 2.0


def levels(powers: Floats) -> Floats:
    """Return the level of each piece with what is within a tenth of a second."""
    mean = uniform_filter1d(powers, SYLLABLE, mode="constant")
    result: Floats = OFFSET_LU + 10 * np.log10(np.maximum(mean, TINY))
    return result


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


def range_db(powers: Floats, speech: Sequence[float]) -> float:
    """Return how far the loud voices of a recording stand above the soft ones, in dB.

    The loudness range of EBU Tech 3342 counts noise and long pauses too, blurs turns shorter than its windows of
    3 s, and leaves out what lies 20 LU below the mean. Here only speech counts, as far as it stands out from its
    pauses.

    Args:
        powers: K-weighted, of each piece.
        speech: probability of speech in each second.

    Returns:
        From the 10th to the 95th percentile of the level around each moment of speech; NaN for less than two
        seconds of speech.
    """
    level = levels(powers)
    seconds = np.repeat(np.array(speech) > 0.5, PIECES)[: level.size]
    speaks = np.pad(seconds, (0, level.size - seconds.size)) & (level > threshold_lufs(level))
    if np.count_nonzero(speaks) < LEAST_S * PIECES:
        return math.nan
    low, high = np.percentile(around_lufs(level, speaks, TURN_S)[speaks], (10, 95))
    return float(high - low)
