"""Equaliser, match and limiter as streams."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aural import Block, Format, Stream
from aural.dsp import fir
from aural.dsp.biquads import response
from aural.dsp.decibels import db_to_gain
from aural.measure.spectrum import BANDS_HZ
from aural.measure.true_peak import AHEAD, BEHIND, SLAB, TAPS, least_factor, oversampled_peaks, oversampling_taps
from aural.stages.mastering import dsp

Floats = NDArray[np.float64]

LEAST_S, MOST_S = 0.085, 0.5  # shortest and longest reach of a linear-phase filter to either side of a frame
FADED = 1e-4  # share of the ringing that is left there


class LimiterStream(Stream):
    """Multiplies a signal by a gain, then keeps its true peaks below a ceiling; all channels alike.

    The attenuation that a peak needs is held over the look-ahead in front of it, released exponentially behind
    it, and smoothed by two moving averages that are together as long as the look-ahead: it arrives in time and
    without a step. Peaks are looked for at twice the oversampling of a meter of BS.1770. Between those points, what
    reaches up to half the sample rate, such as white noise and clipped speech, can be up to 1 dB higher.

    References:
        Structure: G. W. McNally, Dynamic range control of digital audio signals, JAES 32(5), 1984.
        Peaks: ITU-R BS.1770-5, Annex 2.
    """

    def __init__(
        self, source: Format, gain_db: float, ceiling_dbtp: float, lookahead_ms: float, release_ms: float
    ) -> None:
        super().__init__(source)
        self.gain = np.float32(db_to_gain(gain_db))
        self.ceiling = db_to_gain(ceiling_dbtp)
        self.decay = float(np.exp(-1000 / (release_ms * source.sample_rate)))
        self.ahead = max(TAPS, round(lookahead_ms / 1000 * source.sample_rate))  # no faster than peaks are found
        self.taps = oversampling_taps(2 * least_factor(source.sample_rate))
        self.audio = np.zeros((source.channels, self.ahead + TAPS - 1), np.float32)
        self.needed = np.zeros(self.ahead + 1, np.int64)  # one frame more: a peak may lie behind its frame
        self.released = np.zeros(self.ahead, np.int64)
        self.early = self.ahead + AHEAD  # frames of output that lie before the signal

    def push(self, block: Block) -> Block:
        frames = block.shape[-1]
        dropped = min(self.early, frames)
        self.early -= dropped
        out = np.empty((block.shape[0], frames - dropped), np.float32)
        for start in range(0, frames, SLAB):
            limited = self._slab(block[:, start : start + SLAB] * self.gain)
            begin = start - dropped
            out[:, max(0, begin) : max(0, begin + limited.shape[-1])] = limited[:, max(0, -begin) :]
        return out

    def flush(self) -> Block:
        return self.push(np.zeros((self.output.channels, self.ahead + AHEAD), np.float32))

    def _slab(self, slab: Block) -> Block:
        audio = np.concatenate([self.audio, slab], axis=-1)
        self.audio = audio[:, slab.shape[-1] :]
        peaks = oversampled_peaks(np.ascontiguousarray(audio[:, self.ahead :]), self.taps, self.ceiling)
        gain = self.envelope(dsp.attenuation(peaks, self.ceiling))
        return audio[:, BEHIND : BEHIND + gain.size] * gain

    def envelope(self, needed: dsp.Steps) -> dsp.Floats32:
        """Return as many gains as attenuations come in, `ahead` frames older."""
        waiting = np.concatenate([self.needed, needed])
        self.needed = waiting[needed.size :]
        if not (waiting.any() or self.released.any()):
            return np.ones(needed.size, np.float32)
        held = dsp.highest(waiting, self.ahead + 2)
        before = np.concatenate([self.released, dsp.release(held, self.decay, self.released[-1])])
        self.released = before[needed.size :]
        half = (self.ahead + 1) // 2
        smooth = dsp.sums(dsp.sums(before, half + 1), self.ahead + 1 - half)
        gain: dsp.Floats32 = (1 - smooth * (dsp.STEP / ((half + 1) * (self.ahead + 1 - half)))).astype(np.float32)
        return gain


def linear_equaliser(source: Format, sections: Sequence[Sequence[float]], gain: float) -> fir.FirStream:
    """Open one filter of linear phase with the magnitude of all sections."""
    ringing = max((math.log(FADED) / math.log(radius) for radius in map(_radius, sections)), default=0.0)
    reach = round(min(max(ringing, LEAST_S * source.sample_rate), MOST_S * source.sample_rate))
    turn = np.exp(-2j * np.pi * _frequencies(reach))
    return _of_magnitude(source, reach, gain * np.abs(response(sections, turn)))


class MatchStream(Stream):
    """A filter of linear phase, and a gain of the difference of two channels."""

    def __init__(self, source: Format, curve_db: Sequence[float], width_db: float) -> None:
        super().__init__(source)
        reach = round(LEAST_S * source.sample_rate)
        hz = np.maximum(_frequencies(reach) * source.sample_rate, 1)
        curve = np.interp(np.log(hz), np.log(BANDS_HZ), curve_db)
        self.filter = _of_magnitude(source, reach, db_to_gain(curve))
        self.width = np.float32(db_to_gain(width_db)) if source.channels == 2 else None

    def push(self, block: Block) -> Block:
        return self._widened(self.filter.push(block))

    def flush(self) -> Block:
        return self._widened(self.filter.flush())

    def _widened(self, out: Block) -> Block:
        if self.width is None:
            return out
        middle, side = (out[0] + out[1]) / 2, self.width * (out[0] - out[1]) / 2
        return np.stack([middle + side, middle - side])


def _frequencies(reach: int) -> Floats:
    """Return frequencies from 0 to half the sample rate, as shares of it, fine enough for a filter of this reach."""
    return np.arange(8 * reach + 1) / (16 * reach)


def _of_magnitude(source: Format, reach: int, magnitude: Floats) -> fir.FirStream:
    kernel = fir.from_magnitude(magnitude, np.hanning(2 * reach + 3)[1:-1] ** 0.25)
    return fir.FirStream(source, kernel, segment=8 * reach)


def _radius(section: Sequence[float]) -> float:
    """Return how much of the ringing of a section's magnitude is left from one frame to the next: zeros ring, too."""
    roots = np.abs(np.concatenate([np.roots(section[:3]), np.roots(section[3:])]))
    return float(max(roots[roots < 1 - 1e-6], default=1e-9)) or 1e-9
