"""Loudness of a recording after ITU-R BS.1770-5, EBU Tech 3341 and Tech 3342."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.audio.layouts import speakers
from aural.dsp.compiled import njit
from aural.dsp.decibels import db_to_gain, db_to_power, power_to_db
from aural.dsp.passages import Passages
from aural.signals import Block, Format, check_shape

Floats = NDArray[np.float64]

SILENCE_LUFS = -70.0
OFFSET_LU = -0.691  # of the scale: a sine of 997 Hz at full scale reads -3.01
PIECES = 100  # energies kept per second of signal: 8.6 MB for three hours
MOMENTARY_S, SHORT_TERM_S = 0.4, 3.0
SLAB = 16384  # frames filtered in one call: bounds the memory


@dataclass(frozen=True)
class Loudness:
    """What a meter read; -inf where the signal is silent or shorter than the window."""

    integrated_lufs: float
    range_lu: float
    momentary_max_lufs: float
    short_term_max_lufs: float


class LoudnessMeter:
    """Measures the loudness of a signal, whatever blocks it comes in.

    The windows of gating and range lie 100 ms apart, those of the two maxima 10 ms.

    References:
        ITU-R BS.1770-5, Annex 1: K-weighting, channel weights, gating.
        EBU Tech 3341 (2023): momentary and short-term loudness. EBU Tech 3342 (2023): loudness range.
    """

    def __init__(self, source: Format) -> None:
        self.source = source
        self.sections = k_weighting(source.sample_rate)
        self.weights = channel_weights(source)
        self.state = np.zeros((source.channels, 4))
        self.unfinished = np.zeros(source.channels)
        self.energies = array("d")
        self.frames = 0

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        check_shape(block, self.source)
        for start in range(0, block.shape[-1], SLAB):
            self._slab(np.ascontiguousarray(block[:, start : start + SLAB], np.float32))

    def _slab(self, slab: Block) -> None:
        end = self.frames + slab.shape[-1]
        finished = range(len(self.energies) + 1, end * PIECES // self.source.sample_rate + 1)
        cuts = [-(-piece * self.source.sample_rate // PIECES) - self.frames for piece in finished]
        energies = np.zeros((self.source.channels, len(cuts) + 1))
        energies[:, 0] = self.unfinished
        _energies(slab, self.sections, self.state, np.array([*cuts, slab.shape[-1]]), energies)
        self.unfinished = energies[:, -1]
        pairs = zip(self.weights, energies[:, :-1], strict=True)
        self.energies.extend(sum((weight * row for weight, row in pairs), np.zeros(len(cuts))))
        self.frames = end

    @property
    def powers(self) -> Floats:
        """Return the K-weighted mean power of each hundredth of a second so far."""
        return np.array(self.energies) * PIECES / self.source.sample_rate

    def integrated_lufs(self, apart_from: Passages = (), gain_db: float = 0.0) -> float:
        """Return the integrated loudness of the signal so far, apart from some passages, as it is after a gain.

        A gain of 20 dB adds less than 20 LU where parts that were softer than -70 LUFS count once they are louder.
        """
        blocks = _windows(self.powers, MOMENTARY_S)[:: PIECES // 10] * db_to_power(gain_db)
        begins = np.arange(blocks.size) * PIECES // 10 / PIECES
        for begin, end in apart_from:
            counted = (begins + MOMENTARY_S <= begin) | (begins >= end)
            blocks, begins = blocks[counted], begins[counted]
        return power_to_lufs(_gated(blocks, relative_lu=-10).mean())

    def compute(self) -> Loudness:
        """Return the loudness of the signal so far."""
        pieces = self.powers
        blocks = _windows(pieces, MOMENTARY_S)
        return Loudness(
            integrated_lufs=self.integrated_lufs(),
            range_lu=_range_lu(_windows(pieces, SHORT_TERM_S)[:: PIECES // 10]),
            momentary_max_lufs=power_to_lufs(blocks.max(initial=0)),
            short_term_max_lufs=power_to_lufs(_windows(pieces, SHORT_TERM_S).max(initial=0)),
        )


def channel_weights(source: Format) -> Floats:
    """Return the weight of each channel by where its loudspeaker stands.

    The low-frequency channel does not count. Loudspeakers 60 to 120 degrees from the middle, at the height of the
    ears, count 1.41: those at the sides, and those behind where there are none at the sides (5.1 and quad, where they
    stand at 110 degrees). All others count 1, also the two behind of 7.1, at 135 degrees.

    References:
        ITU-R BS.1770-5, Annex 1, table 3, and Annex 3, table 4. ITU-R BS.2051: where loudspeakers stand.
    """
    names = speakers(source.layout) or ("FC",) * source.channels
    surrounds = {"SL", "SR"} if {"SL", "SR"} & set(names) else {"BL", "BR"}
    weights = [0.0 if name.startswith("LFE") else 1.41 if name in surrounds else 1.0 for name in names]
    return np.array(weights, np.float64)


def k_weighting(sample_rate: int) -> Floats:
    """Design the two K-weighting sections, rows of (b0, b1, b2, a1, a2), for any sample rate.

    A bilinear transform of the analogue prototype whose values give the table of the standard at 48 kHz: within
    0.06 dB of that table from 16 kHz up, 0.3 dB at 8 kHz. The high-pass of the table has a gain a little above
    one, which is kept at every rate.

    References:
        ITU-R BS.1770-5, tables 1 and 2. B. De Man, Evaluation of implementations of the EBU R128 loudness
        measurement, AES 145 (2018): the prototype's values.
    """
    shelf_hz, shelf_q, shelf_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    k = math.tan(math.pi * shelf_hz / sample_rate)
    high = db_to_gain(shelf_db)
    band = high**0.4996667741545416 * k / shelf_q
    shelf = _section((high + band + k * k, 2 * (k * k - high), high - band + k * k), k, shelf_q)
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k48 = math.tan(math.pi * pass_hz / 48000)
    gain = 1 + k48 / pass_q + k48 * k48
    high_pass = _section((gain, -2 * gain, gain), math.tan(math.pi * pass_hz / sample_rate), pass_q)
    return np.array([shelf, high_pass])


def _section(numerator: tuple[float, float, float], k: float, q: float) -> list[float]:
    a0 = 1 + k / q + k * k
    return [b / a0 for b in numerator] + [2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]


@njit()
def _energies(audio: Block, sections: Floats, state: Floats, cuts: NDArray[np.int64], energies: Floats) -> None:
    """Add to `energies[channel, i]` the squares of the K-weighted frames before cut i and not before cut i-1."""
    b0, b1, b2, a1, a2 = sections[0]
    c0, c1, c2, d1, d2 = sections[1]
    for channel in range(audio.shape[0]):
        s1, s2, t1, t2 = state[channel]
        start = 0
        for piece in range(cuts.size):
            energy = energies[channel, piece]
            for n in range(start, cuts[piece]):
                x = audio[channel, n] + 1e-20  # keeps the states out of the slow denormal numbers in silence
                v = b0 * x + s1
                s1 = b1 * x - a1 * v + s2
                s2 = b2 * x - a2 * v
                y = c0 * v + t1
                t1 = c1 * v - d1 * y + t2
                t2 = c2 * v - d2 * y
                energy += y * y
            energies[channel, piece] = energy
            start = cuts[piece]
        state[channel] = s1, s2, t1, t2


def _windows(pieces: Floats, seconds: float) -> Floats:
    """Return the mean power of every window of this length, one for each piece."""
    size = round(seconds * PIECES)
    return np.convolve(pieces, np.full(size, 1 / size), "valid") if pieces.size >= size else pieces[:0]


def _gated(powers: Floats, relative_lu: float) -> Floats:
    """Return the powers above the absolute gate and the relative one; a single 0 where none is."""
    loud = powers[powers > lufs_to_power(SILENCE_LUFS)]
    return loud[loud > loud.mean() * db_to_power(relative_lu)] if loud.size else np.zeros(1)


def _range_lu(powers: Floats) -> float:
    low, high = np.percentile(_gated(powers, relative_lu=-20), (10, 95), method="nearest")
    return 10 * math.log10(high / low) if low else 0.0


def lufs_to_power(lufs: float) -> float:
    """Return the K-weighted mean power of a loudness."""
    return float(db_to_power(lufs - OFFSET_LU))


def power_to_lufs(power: float) -> float:
    """Return the loudness of a K-weighted mean power; -inf for none."""
    return OFFSET_LU + power_to_db(power)
