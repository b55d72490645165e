"""The recording environment: background noise and rumble."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import gammaincinv

from aural.dsp.decibels import db_to_power
from aural.signals import Block, Format

Array = NDArray[np.float64]

HOP_S = 0.02
BANDS = 24
SLAB = 512


@dataclass(frozen=True)
class Environment:
    """Background noise and rumble of a recording."""

    floor_dbfs: float
    """Level of the steady background."""
    snr_db: float
    """Level of what stands out from the background, above it."""
    rumble_db: float
    """Level below 60 Hz, against that of the voice band."""


class EnvironmentMeter:
    """Looks at 40 ms frames every 20 ms; keeps a histogram for each band.

    Background: read off the tenth percentile of the power in each of 24 bands, digital silence left out, as the
    mean of the steady noise that would have this percentile.
    """

    def __init__(self, source: Format) -> None:
        self.hop = max(8, round(source.sample_rate * HOP_S))
        self.window = np.hanning(2 * self.hop).astype(np.float32)
        self.window /= np.sqrt(np.sum(self.window**2))
        self.before = np.zeros((source.channels, 0), np.float32)
        self.hz = np.fft.rfftfreq(2 * self.hop, 1 / source.sample_rate)
        edges = np.searchsorted(self.hz, np.geomspace(75, min(16000.0, 0.45 * source.sample_rate), BANDS))
        self.edges = np.unique([*edges, len(self.hz)])
        self.voice = (self.hz > 200) & (self.hz < 4000)
        self.rumble = (self.hz > 0) & (self.hz < 60)
        self.rumble_power = self.voice_power = 0.0
        # Power of steady noise in a band of k bins: gamma distributed, shape about k / 1.5 under a Hann window.
        shape = np.maximum(1, np.diff(self.edges) / 1.5)
        self.tenth_of_mean = gammaincinv(shape, 0.1) / shape
        self.histogram = np.zeros((len(self.edges) - 1, 320), np.int64)  # half a dB a bin, from -140 dB
        self.power = np.zeros(len(self.edges) - 1)
        self.sounding = 0

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        audio = np.concatenate([self.before, block], axis=-1)
        count = max(0, audio.shape[-1] // self.hop - 1)
        self.before = audio[:, count * self.hop :]
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(audio, 2 * self.hop, axis=-1)[:, :: self.hop]
        for start in range(0, count, SLAB):
            self._look(frames[:, start : min(start + SLAB, count)])

    def _look(self, frames: Block) -> None:
        around_zero = (channel - channel.mean(axis=-1, keepdims=True) for channel in frames)  # an offset is no rumble
        spectra = (fft.rfft(channel * self.window) for channel in around_zero)
        powers = [np.square(np.abs(spectrum), dtype=np.float64) for spectrum in spectra]
        power = np.mean(powers, axis=0) / (2 * self.hop)
        voice = power[:, self.voice].sum(axis=1)
        self.rumble_power += power[:, self.rumble].sum()
        self.voice_power += voice.sum()
        bands = np.add.reduceat(power, self.edges[:-1], axis=1)
        bands = bands[bands.sum(axis=1) > 1e-12]
        self.power += bands.sum(axis=0)
        self.sounding += len(bands)
        index = np.clip((10 * np.log10(bands + 1e-14) + 140) * 2, 0, 319).astype(np.int64)
        for band, row in enumerate(index.T):
            self.histogram[band] += np.bincount(row, minlength=320)

    def compute(self) -> Environment:
        """Return the findings over all frames so far."""
        if not self.sounding:
            return Environment(floor_dbfs=-math.inf, snr_db=math.inf, rumble_db=-math.inf)
        total, floor = self.power.sum() / self.sounding, self._background().sum()
        snr_db = 10 * math.log10(max(total / floor - 1, 1e-3))
        rumble_db = 10 * math.log10((self.rumble_power + 1e-20) / (self.voice_power + 1e-14))
        return Environment(floor_dbfs=10 * math.log10(floor), snr_db=snr_db, rumble_db=rumble_db)

    def _background(self) -> Array:
        ranks = np.cumsum(self.histogram, axis=1)
        tenth = np.argmax(ranks >= 0.1 * ranks[:, -1:], axis=1)
        return db_to_power(tenth / 2 + 0.25 - 140) / self.tenth_of_mean
