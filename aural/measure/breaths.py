"""Breaths: soft noise without pitch between words."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import median_filter

from aural.measure.defects import Defect, DefectMeter
from aural.signals import Block, Format

Floats = NDArray[np.float64]

SEGMENT_S, CONTEXT_S = 8.0, 2.0
WINDOW_S, HOP_S = 0.03, 0.01
BAND_HZ = (300.0, 5000.0)  # of an inhalation
HISS_HZ = 5500.0  # above: what a sibilant has more of
SOFTER_DB = 12.0  # than speech
ABOVE_FLOOR_DB = 8.0
SHARP_DB = 2.0  # the band above HISS_HZ against that below, at most
PITCH_HZ, PITCHED_HZ = (70.0, 400.0), 2000.0
VOICED = 0.6  # of the autocorrelation at a period of a voice
LENGTH_S = (0.12, 1.2)
APART_S = 0.02  # from speech, on at least one side: a consonant touches its vowels
STEADY_DB = 20.0  # between the 20th and the 90th of a hundred frames: a breath swells and dies away
SLAB = 256  # frames that are looked at in one call: bounds the memory


class BreathMeter(DefectMeter):
    """Counts breaths."""

    def __init__(self, source: Format) -> None:
        super().__init__(source, SEGMENT_S, CONTEXT_S)

    def find(self, audio: Block) -> list[Defect]:
        return find_breaths(audio, self.source.sample_rate)


def find_breaths(audio: Block, sample_rate: int) -> list[Defect]:
    """Find the breaths of a piece of a signal, shape (channels, frames), in all channels together.

    A breath is softer than speech and louder than the background, has no pitch and no sibilance, goes on evenly for
    a while, and does not touch a vowel. Their strength is against the background.
    """
    window, hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
    mono = audio.mean(axis=0, dtype=np.float64)
    if mono.size < 4 * window or not mono.any():
        return []
    frames = np.lib.stride_tricks.sliding_window_view(mono, window)[::hop]
    level, hiss, voiced = _features(frames, sample_rate)
    speech = float(np.percentile(level, 95))
    floor = max(float(np.percentile(level, 5)), speech - 70)
    loud = level > floor + ABOVE_FLOOR_DB
    breathy = loud & (level < speech - SOFTER_DB) & (median_filter(hiss, 5) < SHARP_DB)
    breathy &= median_filter(voiced, 5) < VOICED
    found = []
    apart = max(1, round(APART_S / HOP_S))
    edges = np.flatnonzero(np.diff(np.r_[0, breathy.astype(np.int8), 0]))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        piece = level[first:last]
        inside = first > 0 and last < level.size
        steady = np.percentile(piece, 90) - np.percentile(piece, 20) < STEADY_DB
        alone = not loud[max(0, first - apart) : first].any() or not loud[last : last + apart].any()
        if inside and LENGTH_S[0] <= (last - first) * HOP_S <= LENGTH_S[1] and steady and alone:
            start, stop = first * hop + window // 2, (last - 1) * hop + window // 2
            found.append(Defect(0, start, stop, float(piece.max() - floor)))
    return found


def _features(frames: Floats, sample_rate: int) -> tuple[Floats, Floats, Floats]:
    """Return the level in dB, how much more there is above than below in dB, and the pitch strength, of frames."""
    window = frames.shape[1]
    size = _size(window)
    hz = fft.rfftfreq(size, 1 / sample_rate)
    band, sharp = (slice(*np.searchsorted(hz, ends)) for ends in (BAND_HZ, (HISS_HZ, np.inf)))
    tones, waves = _waves(window, sample_rate)
    out = np.empty((3, len(frames)))
    hann = np.hanning(window).astype(np.float32)
    for start in range(0, len(frames), SLAB):
        spectra = fft.rfft(frames[start : start + SLAB].astype(np.float32) * hann, size)
        power = np.square(spectra.real) + np.square(spectra.imag)
        below, above = (power[:, part].sum(axis=1, dtype=np.float64) + 1e-30 for part in (band, sharp))
        whole = power[:, tones].sum(axis=1) * 2 / size
        pitch = (power[:, tones] @ waves).max(axis=1) / (whole + 1e-30)
        out[:, start : start + SLAB] = 10 * np.log10(below), 10 * np.log10(above / below), pitch
    return out[0], out[1], out[2]


def _size(window: int) -> int:
    return 1 << (2 * window - 1).bit_length()


@cache
def _waves(window: int, sample_rate: int) -> tuple[slice, NDArray[np.float32]]:
    """Return the bins in which pitch is looked for, and the matrix, shape (bins, periods), that turns their power
    into the autocorrelation at each period of a voice, relative to that of the window itself."""
    size = _size(window)
    hz = fft.rfftfreq(size, 1 / sample_rate)
    first, last = np.searchsorted(hz, PITCH_HZ[0]), np.searchsorted(hz, PITCHED_HZ, side="right")
    lags = np.arange(int(sample_rate / PITCH_HZ[1]), int(sample_rate / PITCH_HZ[0]))
    hann = np.hanning(window)
    own = fft.irfft(np.square(np.abs(fft.rfft(hann, size))))[lags] / np.sum(hann**2)
    waves = np.cos(2 * np.pi / size * np.outer(np.arange(first, last), lags)) * 2 / size / np.maximum(own, 0.2)
    return slice(first, last), waves.astype(np.float32)
