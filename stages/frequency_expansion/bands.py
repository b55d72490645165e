"""The bands in which engines see and describe a recording: the same frequencies at any sample rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.dsp.frames import Spectra, frame_sizes
from aural.dsp.spectra import TINY, Levels, power
from aural.signals import Block

EDGES_HZ = np.concatenate([np.arange(0, 2000, 250), np.arange(2000, 8000, 500), np.arange(8000, 24001, 1000)])
CENTRES_HZ = (EDGES_HZ[1:] + EDGES_HZ[:-1]) / 2
BANDS = len(CENTRES_HZ)
WINDOW_MS, OVERLAP = 21.0, 4
STEP = 2  # STFT frames from one frame of levels to the next: 11 ms
SILENT_DB = -150.0  # below anything that a recording holds
NOISE_DB = 2.5  # by which the mean power of noise exceeds the mean of its levels in dB
PASSED = 0.97  # of the cut-off: a filter may attenuate what lies above
SLAB = 128  # frames of spectra at a time
DB = np.float32(10 / np.log(10))


class Analysis:
    """STFT frames of 21 ms under a Hann window, and levels by band."""

    def __init__(self, sample_rate: int) -> None:
        self.window, self.hop = frame_sizes(sample_rate, WINDOW_MS, OVERLAP)
        self.shape = np.hanning(self.window + 1)[:-1].astype(np.float32)
        self.hz = np.arange(self.window // 2 + 1) * sample_rate / self.window
        members = np.searchsorted(EDGES_HZ, self.hz, side="right") - 1 == np.arange(BANDS)[:, None]
        members[:, 0] = False
        self.absent = ~members.any(axis=1)
        self.mean = (members / np.maximum(members.sum(axis=1, keepdims=True), 1)).T.astype(np.float32)
        self.scale = np.float32(1 / np.square(self.shape).sum())

    def spectra(self, audio: Block, first: int, count: int, step: int = 1) -> Spectra:
        """Return STFT frames of audio, (channels, count, bins): number n is centred on frame n of the hops."""
        start = first * self.hop - self.window // 2
        end = start + (count - 1) * step * self.hop + self.window
        inside = audio[:, max(0, start) : max(0, end)]
        before = max(0, -start)
        padded = np.pad(inside, ((0, 0), (before, max(0, end - start - before - inside.shape[-1]))))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=-1)[:, :: step * self.hop]
        return fft.rfft(windows * self.shape)

    def levels(self, audio: Block) -> tuple[Levels, Levels]:
        """Return the level of every band in dB, and by how much its mean power lies above it.

        The level is the mean of the levels of the bins: white noise of unit variance has -2.5 dB, and 2.5 dB. The
        more partials stand out, the larger is the second.

        Returns:
            Two arrays, shape (channels, frames, bands), a frame each second hop. A band that the sample rate does
            not hold is silent.
        """
        count = -(-audio.shape[-1] // (STEP * self.hop)) + 1
        levels, loud = (np.empty((audio.shape[0], count, BANDS), np.float32) for _ in range(2))
        for first in range(0, count, SLAB):
            spectra = self.spectra(audio, STEP * first, min(SLAB, count - first), STEP)
            there = power(spectra) * self.scale + np.float32(TINY)
            levels[:, first : first + SLAB] = DB * np.log(there) @ self.mean
            loud[:, first : first + SLAB] = DB * np.log(there @ self.mean + np.float32(TINY))
        levels[:, :, self.absent] = loud[:, :, self.absent] = SILENT_DB
        np.maximum(levels, SILENT_DB, out=levels)
        return levels, np.maximum(loud - levels, 0)


def known(cutoff_hz: float) -> NDArray[np.bool_]:
    """Say which bands lie below a cut-off as a whole; the lowest always does."""
    return EDGES_HZ[1:] <= max(PASSED * cutoff_hz, EDGES_HZ[1])  # type: ignore[no-any-return]


def top(cutoff_hz: float, octaves: float) -> NDArray[np.bool_]:
    """Say which bands reach into so many octaves below a cut-off, and no farther up."""
    below = known(cutoff_hz)
    lowest_hz = min(2**-octaves * cutoff_hz, CENTRES_HZ[below][-1])
    return below & (lowest_hz <= CENTRES_HZ)  # type: ignore[no-any-return]
