"""The long-term spectrum of a recording, in third octaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.dsp.decibels import db_to_power
from aural.signals import Block, Format

Floats = NDArray[np.float64]

BANDS_HZ = 1000 * 2.0 ** (np.arange(-17, 14) / 3)
"""Middles of the bands, 20 Hz to 20 kHz."""

WINDOW_S = 0.34  # tells the lowest bands apart, and is about the 0.4 s in which a listener takes in a level
GATE_DB = 20.0  # below the mean power: pauses
LEVELS = np.arange(-200.0, 60.0)  # dB of the frames that are told apart


class SpectrumMeter:
    """Measures the mean power in third octaves, pauses left out, whatever blocks a signal comes in.

    Frames are sorted by their level into steps of a decibel, so that the gate can be set at the end and nothing else
    has to be kept. A signal shorter than a frame is measured as if silence followed.
    """

    def __init__(self, source: Format) -> None:
        self.window = 2 ** round(np.log2(WINDOW_S * source.sample_rate))
        self.shape = np.hanning(self.window + 1)[:-1] * np.sqrt(8 / 3) / self.window
        self.spread = _spread(self.window, source.sample_rate)
        self.waiting = np.zeros((source.channels, 0), np.float32)
        self.sums = np.zeros((LEVELS.size + 1, BANDS_HZ.size))
        self.counts = np.zeros(LEVELS.size + 1)

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        hop = self.window // 2
        audio = np.concatenate([self.waiting, block], axis=-1)
        while audio.shape[-1] >= self.window:
            self._frame(audio[:, : self.window])
            audio = audio[:, hop:]
        self.waiting = audio

    def compute(self) -> Floats:
        """Return the mean power of each band; zeros for silence, and for bands above half the sample rate."""
        if not self.counts.any() and self.waiting.shape[-1]:
            self._frame(np.pad(self.waiting, ((0, 0), (0, self.window - self.waiting.shape[-1]))))
        powers = self.sums.sum(axis=-1)
        mean = powers.sum() / max(self.counts.sum(), 1)
        loud = np.flatnonzero(powers > db_to_power(-GATE_DB) * mean * self.counts)
        spectrum: Floats = self.sums[loud].sum(axis=0) / max(self.counts[loud].sum(), 1)
        return spectrum

    def _frame(self, audio: Block) -> None:
        bins = np.abs(fft.rfft(audio * self.shape)) ** 2
        bands = 2 * self.spread @ bins.sum(axis=0)
        level = int(np.searchsorted(LEVELS, 10 * np.log10(bands.sum() + 1e-30)))
        self.sums[level] += bands
        self.counts[level] += 1


def _spread(window: int, sample_rate: int) -> Floats:
    """Return which share of each bin of an STFT lies in each band, shape (bands, bins)."""
    edges = np.arange(window // 2 + 2) - 0.5
    low, high = (BANDS_HZ[:, np.newaxis] * 2 ** (side / 6) * window / sample_rate for side in (-1, 1))
    shares = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, 1)
    shares[sample_rate / 2 < BANDS_HZ * 2 ** (1 / 6)] = 0
    return shares  # type: ignore[no-any-return]
