"""Crossovers: split a signal into bands that sum to the signal.

References:
    S. H. Linkwitz, Active crossover networks for noncoincident drivers, JAES 24(1), 1976: two second-order
    Butterworth filters in series, both sides 6 dB down where they meet, 24 dB an octave. Here one of the two runs
    backwards: the slopes are the same, 1 / (1 + (f/c)^4) and the rest, but no phase turns, so that the sides sum to
    the signal itself rather than to an all-pass of it, and may be mixed with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aural import Format
from aural.dsp import fir

PERIODS = 2.5  # of the lowest crossover: context of a band on either side of a frame; the rest is below -90 dB
LEAST = 4096  # shortest segment, in frames: shorter ones are slow


def crossover(source: Format, frequencies_hz: Sequence[float]) -> fir.FirStream:
    """Open a stream that splits at rising frequencies; it gives a stem for each band, the lowest first."""
    reach = round(PERIODS * source.sample_rate / min(frequencies_hz, default=source.sample_rate))
    hz = np.arange(4 * reach + 1) * source.sample_rate / (8 * reach)
    bands, rest = [], np.ones(hz.size)
    for frequency in frequencies_hz:
        low = 1 / (1 + (hz / frequency) ** 4)
        bands.append(rest * low)
        rest = rest * (1 - low)
    ends = np.minimum(np.arange(2 * reach + 1), np.arange(2 * reach + 1)[::-1]) / max(reach / 2, 1)
    window = np.sin(np.pi / 2 * np.minimum(ends, 1)) ** 2  # fades in over a quarter and out over another
    return fir.FirStream(source, fir.from_magnitude(np.array([*bands, rest]), window), max(6 * reach, LEAST))
