"""Degradations by a device: its microphone, filters, gain control and clipping."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.degrade.fourier import filtered
from aural.degrade.take import SILENT, Degradation, Take, active_db
from aural.dsp.decibels import db_to_gain
from aural.parameters import param

OCTAVES_HZ = tuple(62.5 * 2**k for k in range(9))
EDGE = 0.05  # a band limit's flank, as a share of its frequency
STEP_S = 0.002


@dataclass(frozen=True, eq=False)
class Filter(Degradation):
    """A linear filter of noisy, voice and dry alike, since it is not noise."""

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return take.each(lambda audio: filtered(audio, take.sample_rate, self.response))

    @abstractmethod
    def response(self, hz: NDArray[np.float32]) -> NDArray[Any]:
        """Return the gain at frequencies in Hz, real or complex."""


@dataclass(frozen=True)
class Microphone(Filter):
    """The frequency response of a microphone in its housing, without a shift of phase."""

    gains_db: tuple[float, ...] = param(
        (-9.0, -3.0, 0.0, 0.0, 0.0, 1.0, 3.0, 2.0, -4.0), "Gains at 62.5, 125, 250 ... 16000 Hz, in dB"
    )

    def response(self, hz: NDArray[np.float32]) -> NDArray[Any]:
        octave = np.log2(np.maximum(hz, 1) / OCTAVES_HZ[0])
        return db_to_gain(np.interp(octave, np.arange(len(self.gains_db)), self.gains_db)).astype(np.float32)


@dataclass(frozen=True)
class HighPass(Filter):
    """The high-pass of a microphone's input: a Butterworth filter."""

    cutoff_hz: float = param(100.0, "Cut-off frequency, at -3 dB", unit="Hz", low=5.0, high=2000.0)
    order: int = param(2, "Slope, in steps of 6 dB per octave", low=1, high=8)

    def response(self, hz: NDArray[np.float32]) -> NDArray[Any]:
        s = 1j * hz / np.float32(self.cutoff_hz)
        poles = np.exp(1j * np.pi * (2 * np.arange(self.order) + 1 + self.order) / (2 * self.order))
        return (s**self.order / np.prod([s - pole for pole in poles], axis=0)).astype(np.complex64)


@dataclass(frozen=True)
class BandLimit(Filter):
    """The end of the spectrum that a lower sample rate leaves: steep, without a shift of phase."""

    cutoff_hz: float = param(7900.0, "Upper band limit", unit="Hz", low=500.0, high=96000.0)

    def response(self, hz: NDArray[np.float32]) -> NDArray[Any]:
        place = np.clip((self.cutoff_hz - hz) / (EDGE * self.cutoff_hz), 0, 1)
        return np.sin(np.pi / 2 * place.astype(np.float32)) ** 2


@dataclass(frozen=True)
class GainControl(Degradation):
    """Gain that follows the level of the noisy signal and evens it out; noisy, voice and dry get the same gain.

    Slow, it is a phone's automatic gain, which lets the noise rise in every pause; fast, it is over-compression.
    """

    strength: float = param(0.6, "Strength: fraction of each level difference that is evened out", low=0.0, high=1.0)
    attack_ms: float = param(20.0, "Attack time", unit="ms", low=0.5, high=5000.0)
    release_ms: float = param(800.0, "Release time", unit="ms", low=0.5, high=20000.0)
    most_db: float = param(15.0, "Maximum gain change", unit="dB", low=0.0, high=60.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        level_db = active_db(take.noisy, take.sample_rate)
        if not np.isfinite(level_db):
            return take
        starts = np.arange(0, take.noisy.size, max(1, round(STEP_S * take.sample_rate)))
        powers = np.add.reduceat(np.square(take.noisy), starts) / np.diff(starts, append=take.noisy.size)
        over_db = 10 * np.log10(np.maximum(self._follow(powers), 1e-30)) - level_db
        gains = db_to_gain(np.clip(-self.strength * over_db, -self.most_db, self.most_db))
        curve = np.interp(np.arange(take.noisy.size), starts, gains).astype(np.float32)
        return take.each(lambda audio: audio * curve)

    def _follow(self, powers: NDArray[Any]) -> NDArray[np.float64]:
        """Smooth powers, one every step: quick where they rise, slow where they fall."""
        rise, fall = (1 - np.exp(-1000 * STEP_S / ms) for ms in (self.attack_ms, self.release_ms))
        level, course = float(powers.mean()), []
        for power in powers.tolist():
            level += (rise if power > level else fall) * (power - level)
            course.append(level)
        return np.array(course)


@dataclass(frozen=True)
class Level(Degradation):
    """The level of the whole recording: noisy, voice and dry get the same gain. Silence stays."""

    peak_dbfs: float = param(-12.0, "Peak level of the degraded signal", unit="dBFS", low=-120.0, high=0.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        peak = float(np.abs(take.noisy).max())
        gain = np.float32(db_to_gain(self.peak_dbfs) / peak if peak > SILENT else 1)
        return take.each(lambda audio: audio * gain)


@dataclass(frozen=True)
class Clipping(Degradation):
    """An input that was too loud: the tops of the noisy signal are cut off."""

    level_db: float = param(-6.0, "Clipping level relative to the peak", unit="dB", low=-60.0, high=0.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        ceiling = np.float32(np.abs(take.noisy).max() * db_to_gain(self.level_db))
        return replace(take, noisy=np.clip(take.noisy, -ceiling, ceiling))
