"""The parts of compressor, gate and de-esser: detector, gain computer, smoothing. Levels are base-2 logarithms.

References:
    D. Giannoulis, M. Massberg, J. D. Reiss, Digital dynamic range compressor design: a tutorial and analysis,
    JAES 60(6), 2012. Feed-forward, with the smoothing behind the gain computer in the log domain, as the paper
    recommends. Of its two smooth detectors the branching one (eq. 16): attack and release take just the times
    they are given, while in the decoupled one (eq. 17) the attack lengthens the release.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from aural.dsp.biquads import TINY
from aural.dsp.compiled import njit

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

OCTAVE_DB = float(20 * np.log10(2))
"""Decibels in one unit of a base-2 logarithm."""

SHARPEST = 1e-6  # octaves; a narrower knee counts as hard


def coefficient(time_ms: float, sample_rate: int) -> float:
    """Return the pole of a one-pole smoother that covers 63 % of a step in this time."""
    return float(np.exp(-1000 / (time_ms * sample_rate)))


@njit(fastmath={"contract"})
def rms(audio: Floats32, state: Floats, pole: float) -> Floats32:
    """Return the root of the exponentially weighted mean power; `state` moves on.

    p[n] = pole p[n-1] + u[n], twice: pole^2 p[n-2] + pole u[n-1] + u[n], so that no frame waits for the one before.
    The state of each channel is the last two p and the last u.
    """
    out = np.empty(audio.shape, np.float32)
    for channel in range(audio.shape[0]):
        power, before, fed = state[channel]
        for n in range(audio.shape[1]):
            x = np.float64(audio[channel, n])
            u = (1 - pole) * (x * x + TINY)
            power, before, fed = pole * pole * before + (pole * fed + u), power, u
            out[channel, n] = power
        state[channel] = power, before, fed
        for n in range(audio.shape[1]):
            out[channel, n] = np.sqrt(out[channel, n])
    return out


def linked(levels: Floats32, link: float) -> Floats32:
    """Move the level of each channel towards that of the loudest; one row where all become alike."""
    loudest: Floats32 = levels.max(axis=0, keepdims=True)
    return loudest if link == 1 else levels + np.float32(link) * (loudest - levels)


def linked_levels(amplitudes: Floats32, link: float) -> Floats32:
    """Return the logarithms of amplitudes, linked: of the largest alone where all channels become alike."""
    return linked(log2(amplitudes if link < 1 else amplitudes.max(axis=0, keepdims=True)), link)  # type: ignore[no-any-return]


@njit()
def reduction(levels: Floats32, threshold: float, slope: float, knee: float) -> Floats32:
    """Return by how much each level is above the static curve (eq. 4 of the paper), all in octaves.

    Below, within and above the knee of width W around the threshold T, with slope = 1 - 1/ratio and
    u = level - T + W/2, the reduction is 0, slope u^2 / 2W, and slope (u - W/2): the same as
    slope (v^2 / 2W + u - v) for v = u clipped to 0..W, and nothing where u is negative.
    """
    t, s, w = np.float32(threshold - knee / 2), np.float32(slope), np.float32(knee)
    bend = np.float32(0.5 / knee if knee > SHARPEST else 0.0)
    zero = np.float32(0)
    out = np.empty(levels.shape, np.float32)
    for row in range(levels.shape[0]):
        for n in range(levels.shape[1]):
            u = levels[row, n] - t
            u = u if u > zero else zero
            v = u if u < w else w
            out[row, n] = s * (v * v * bend + u - v)
    return out


@njit()
def expansion(
    levels: Floats32, state: NDArray[np.int64], opens: float, closes: float, hold: int, slope: float, most: float
) -> Floats32:
    """Return by how much a downward expander lowers each level, all in octaves, never by more than `most`.

    It opens where the level exceeds `opens`, and closes once it has been below `closes` for `hold` frames; `state`,
    the frames for which each row is still open, moves on. Closed, it lowers by slope (opens - level).
    """
    out = np.empty(levels.shape, np.float32)
    for row in range(levels.shape[0]):
        left = state[row]
        for n in range(levels.shape[1]):
            level = levels[row, n]
            if level > opens or (left > 0 and level > closes):
                left = hold
            elif left > 0:
                left -= 1
            out[row, n] = 0.0 if left > 0 else min(max(slope * (opens - level), 0.0), most)
        state[row] = left
    return out


@njit(fastmath={"contract"})  # fused multiply-add: a shorter chain from frame to frame
def smooth(target: Floats32, state: Floats, attack: float, release: float) -> Floats32:
    """Follow a rising target with one pole and a falling one with the other; `state` moves on."""
    out = np.empty(target.shape, np.float32)
    for row in range(target.shape[0]):
        y = state[row]
        for n in range(target.shape[1]):
            x = target[row, n] + TINY
            rising = attack * y + (1 - attack) * x
            falling = release * y + (1 - release) * x
            y = rising if x > y else falling
            out[row, n] = y
        state[row] = y
    return out


def _fitted(function: Callable[[Floats], Floats], degree: int, low: float, high: float) -> list[np.float32]:
    fit = Chebyshev.interpolate(function, degree, domain=[low, high]).convert(kind=Polynomial)
    return [np.float32(c) for c in fit.coef]


L0, L1, L2, L3, L4, L5 = _fitted(np.log2, 5, 1.0, 2.0)
E1, E2, E3, E4 = _fitted(lambda x: np.expm1(x * np.log(2)) / x, 3, -0.5, 0.5)


@njit()
def log2(values: Floats32) -> Floats32:
    """Return base-2 logarithms to 2e-4 dB, about -127 for zero: exponent, and a polynomial of the mantissa."""
    out = np.empty(values.shape, np.float32)
    bits = np.empty(values.shape[1], np.int32)
    mantissas = bits.view(np.float32)
    for row in range(values.shape[0]):
        bits[:] = values[row].view(np.int32)
        for n in range(bits.size):
            out[row, n] = np.float32((bits[n] >> 23) - 127)
            bits[n] = (bits[n] & 0x7FFFFF) | 0x3F800000
        for n in range(bits.size):
            m = mantissas[n]
            out[row, n] += ((((L5 * m + L4) * m + L3) * m + L2) * m + L1) * m + L0
    return out


@njit()
def exp2(values: Floats32) -> Floats32:
    """Return powers of two to 1e-4 dB, near 0 exactly 1: exponent, and a polynomial of what rounding leaves."""
    out = np.empty(values.shape, np.float32)
    half = np.float32(0.5)
    for row in range(values.shape[0]):
        bits = out[row].view(np.int32)
        for n in range(bits.size):
            bits[n] = (np.int32(np.floor(values[row, n] + half)) + 127) << 23
        for n in range(bits.size):
            f = values[row, n] - np.floor(values[row, n] + half)
            out[row, n] *= np.float32(1) + (((E4 * f + E3) * f + E2) * f + E1) * f
    return out
