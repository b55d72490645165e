"""What the content network hears: levels of bands, 64 times a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
MARGIN_S = 4
"""Seconds before and behind that can change what the network says of a second."""
SILENCE_DB = -120.0
"""Level of a band in digital silence, and of what lies before and behind a recording."""


def band_weights() -> NDArray[np.float32]:
    """Return the triangles that make bands of bins, shape (bins, BANDS); each adds up to one."""
    centres = [LOWEST_HZ]
    while len(centres) < BANDS + 1:
        centres.append(centres[-1] + max(NARROWEST_HZ, GROWTH * centres[-1]))
    edges = np.array([LOWEST_HZ - NARROWEST_HZ, *centres])
    hz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising = (hz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hz) / np.diff(edges)[1:]
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    return (triangles / triangles.sum(axis=0)).astype(np.float32)


WEIGHTS = band_weights()
SHAPE = np.hanning(WINDOW).astype(np.float32)
SHAPE /= np.sqrt(np.sum(SHAPE**2))


def bands(audio: NDArray[np.float32]) -> Bands:
    """Return the levels of the bands, one row for each whole window; several channels are averaged as powers.

    Args:
        audio: 16 kHz, shape (channels, samples); the first window begins with the first sample.
    """
    if audio.shape[-1] < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW, axis=-1)[:, ::HOP]
    power = np.zeros((windows.shape[1], BANDS), np.float32)
    for channel in windows:
        spectra = np.fft.rfft(channel * SHAPE)
        power += (spectra.real**2 + spectra.imag**2).astype(np.float32) @ WEIGHTS
    return np.asarray(10 * np.log10(power / len(windows) + np.float32(10 ** (SILENCE_DB / 10))), np.float32)
