"""The input of the content network: levels of bands, 64 times a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power

Bands = NDArray[np.float32]
"""Levels in dB, shape (frames, BANDS)."""

SAMPLE_RATE = 16000
WINDOW, HOP = 1024, 250  # 64 ms, long enough to tell a held tone from a gliding voice
PER_SECOND = SAMPLE_RATE // HOP
AROUND = (WINDOW - HOP) // 2  # samples by which a window reaches beyond its hop on either side
BANDS = 80
LOWEST_HZ, HIGHEST_HZ = 62.5, 7700.0
NARROWEST_HZ, GROWTH = (
    31.25,
    0.0394,
)  # bands lie this far apart, from about 800 Hz on by this share of their frequency
MARGIN_S = 6
"""Seconds before and behind that can change what the network says of a second."""
SILENCE_DB = -120.0
"""Level of a band in digital silence, and of what lies before and behind a recording."""


def band_edges() -> NDArray[np.float64]:
    """Return where triangles begin, peak and end, in Hz: band n spans edges n to n + 2."""
    edges = [LOWEST_HZ - NARROWEST_HZ, LOWEST_HZ]
    while len(edges) < BANDS + 2:
        edges.append(edges[-1] + max(NARROWEST_HZ, GROWTH * edges[-1]))
    return np.array(edges)


EDGES_HZ = band_edges()
HZ = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
FIRST, *_, LAST = EDGE_BINS = np.searchsorted(HZ, EDGES_HZ)
HZ = HZ[FIRST:LAST]
SPAN = np.searchsorted(EDGES_HZ, HZ, side="right") - 1  # of each bin: between which edges it lies
RISING = ((HZ - EDGES_HZ[SPAN]) / np.diff(EDGES_HZ)[SPAN]).astype(np.float32)
STARTS = EDGE_BINS[:-1] - FIRST
TOTAL = np.add.reduceat(RISING, STARTS)[:-1] + np.add.reduceat(1 - RISING, STARTS)[1:]
SHAPE = np.hanning(WINDOW).astype(np.float32)
SHAPE /= np.sqrt(np.sum(SHAPE**2))


def bands(audio: NDArray[np.float32]) -> Bands:
    """Return the levels of the bands, one row for each whole window; several channels are averaged as powers.

    Args:
        audio: 16 kHz, shape (channels, samples); the first window begins with the first sample.
    """
    from scipy import fft

    if audio.shape[-1] < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW, axis=-1)[:, ::HOP]
    power = np.zeros((windows.shape[1], BANDS), np.float32)
    for channel in windows:
        spectra = fft.rfft(channel * SHAPE)
        bins = (spectra.real**2 + spectra.imag**2)[:, FIRST:LAST]
        rising = bins * RISING
        power += (
            np.add.reduceat(rising, STARTS, axis=1)[:, :-1] + np.add.reduceat(bins - rising, STARTS, axis=1)[:, 1:]
        )
    return np.asarray(10 * np.log10(power / (TOTAL * len(windows)) + np.float32(db_to_power(SILENCE_DB))), np.float32)
