"""Images left by linear interpolation: the spectrum, mirrored at half the old sample rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spectrum = NDArray[np.float64]

REACH = 96  # bins to both sides that are compared
AROUND = 4  # bins next to the mirror that are not
DETAIL = 25  # bins over which detail is told from the course of the spectrum
ALIKE = 0.85  # correlation of the detail
REPEATS = 0.8  # correlation of the detail with itself, LAGS bins on: partials at even distances mirror each other
LAGS = range(AROUND, 64)
LAW_DB = 1.0  # root mean square of what differs from the law of linear interpolation
LOWEST_HZ = 1800.0
HIGHEST = 0.7  # of half the sample rate


def mirror_hz(magnitude: Spectrum, nyquist_hz: float) -> float | None:
    """Return the lowest frequency at which a mean magnitude spectrum is mirrored as linear interpolation does.

    Interpolation multiplies the spectrum, repeated at the old sample rate, by the square of a sinc: the image of
    what lies at f below the mirror m is (f / (2 m - f))**2 times as strong. The random detail of both is the
    same. The partials of a steady tone mirror each other, too, but they also repeat.
    """
    size = magnitude.size
    if not magnitude.any():
        return None
    level_db = 20 * np.log10(magnitude + 1e-8 * magnitude.max())
    course = np.convolve(np.pad(level_db, DETAIL // 2, mode="edge"), np.ones(DETAIL) / DETAIL, "valid")
    detail = np.clip(level_db - course, -12, 12)
    least = max(REACH + AROUND, round(LOWEST_HZ / nyquist_hz * (size - 1)))
    highest = min(size - REACH - AROUND - 2, int(HIGHEST * (size - 1)))
    if least >= highest:
        return None
    places = np.arange(least, highest)
    windows = np.lib.stride_tricks.sliding_window_view
    found = []
    for half in (0, 1):  # mirrors at bins and between them
        lower = places[:, None] - AROUND - np.arange(REACH)
        upper = 2 * places[:, None] + half - lower
        below = windows(detail, REACH)[lower[:, -1], ::-1]
        above = windows(detail, REACH)[upper[:, 0]]
        alike = np.einsum("ij,ij->i", below, above)
        alike /= np.linalg.norm(below, axis=1) * np.linalg.norm(above, axis=1) + 1e-12
        for row in np.flatnonzero(alike > ALIKE):
            one, other = lower[row], upper[row]
            off_db = course[other] - course[one] - 40 * np.log10(one / other)
            if np.sqrt(np.mean(off_db**2)) < LAW_DB and not _repeats(below[row]):
                found.append((-alike[row], places[row] + half / 2))
    if not found:
        return None
    lowest = min(place for _, place in found)
    place = min(one for one in found if one[1] < 1.1 * lowest)[1]
    return float(place * nyquist_hz / (size - 1))


def _repeats(detail: Spectrum) -> bool:
    """Say whether detail repeats itself after some bins."""
    parts = ((detail[lag:], detail[:-lag]) for lag in LAGS)
    return any(one @ other > REPEATS * np.sqrt((one @ one) * (other @ other)) for one, other in parts)
