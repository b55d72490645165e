"""The estimator as a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aural.dsp.decibels import db_to_gain
from aural.dsp.frames import FrameStream, Spectra, frame_sizes
from aural.signals import Format
from aural.stages.noise_reduction.engines.mmse import dsp
from aural.stages.noise_reduction.profile import density_from_levels

LISTEN_S = 0.5  # length of the signal from which the noise is first estimated
TOLERANCE = 4.0  # a given noise power may be tracked up and down by this factor, 6 dB
NEIGHBOURHOOD_HZ = 320.0


class MmseStream(FrameStream):
    """Log-spectral amplitude estimator over short frames.

    All channels get one gain, computed from their mean power: with a gain of its own for each, the stereo image would
    wander.
    """

    def __init__(self, source: Format, max_attenuation_db: float, noise_dbfs: Sequence[float] | None) -> None:
        window, hop = frame_sizes(source.sample_rate, window_ms=32, overlap=2)
        super().__init__(source, window, hop)
        bins = window // 2 + 1
        self.hop_s = hop / source.sample_rate
        self.floor = db_to_gain(-max_attenuation_db)
        self.reach = max(1, round(NEIGHBOURHOOD_HZ * window / source.sample_rate))
        self.lowest, self.highest = np.zeros(bins, np.float32), np.full(bins, np.inf, np.float32)
        if noise_dbfs is not None:
            density = density_from_levels(noise_dbfs, source.sample_rate, bins)
            power = density * source.sample_rate / 2 * np.sum(self.analysis.astype(np.float64) ** 2)
            self.lowest = (power / TOLERANCE).astype(np.float32)
            self.highest = (power * TOLERANCE).astype(np.float32)
        self.noise, self.presence = np.zeros(bins, np.float32), np.full(bins, 0.5, np.float32)
        self.speech = np.zeros(bins, np.float32)
        self.listening = True
        self.held = np.zeros((source.channels, 0, bins), np.complex64)

    def change(self, spectra: Spectra) -> Spectra:
        if not self.listening:
            return self._suppress(spectra)
        self.held = np.concatenate([self.held, spectra], axis=1)
        return self._begin() if self.held.shape[1] * self.hop_s >= LISTEN_S else self.held[:, :0]

    def finish(self) -> Spectra | None:
        return self._begin() if self.listening else None

    def _begin(self) -> Spectra:
        """Estimate the noise from the frames held back, and process them."""
        listened = 1 + int(LISTEN_S / self.hop_s)
        self.noise = np.clip(dsp.first_noise(_power(self.held[:, :listened])), self.lowest, self.highest)
        self.listening, spectra = False, self.held
        self.held = spectra[:, :0]
        return self._suppress(spectra)

    def _suppress(self, spectra: Spectra) -> Spectra:
        return spectra * dsp.suppress(
            _power(spectra), self.noise, self.presence, self.speech, self.lowest, self.highest,
            self.floor, self.reach, self.hop_s,
        )  # fmt: skip


def _power(spectra: Spectra) -> dsp.Power:
    """Return the mean power of the channels, shape (frames, bins)."""
    return np.mean(spectra.real**2 + spectra.imag**2, axis=0)
