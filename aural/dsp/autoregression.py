"""Autoregressive models of a signal: fitted to it, and missing samples refilled by them.

Each sample is predicted as a weighted sum of the `order` samples before it. Missing samples are those that make the
prediction errors around them smallest in the least-squares sense: linear equations whose matrix is banded.

References:
    A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries, Adaptive interpolation of discrete-time signals that can be
    modeled as autoregressive processes, IEEE Trans. ASSP 34(2), 1986.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from aural.dsp.compiled import njit

Signal = NDArray[np.float64]
FLOOR = 1e-9  # of the power, added to it as white noise: keeps the equations regular


def fit(audio: Signal, order: int) -> Signal:
    """Fit a model by the autocorrelation method, under a Hann window.

    Returns:
        The prediction error filter, shape (order + 1,), which begins with 1.
    """
    size = next_fast_len(audio.size + order, real=True)
    power = np.square(np.abs(rfft(audio * np.hanning(audio.size), size)))
    correlation = irfft(power, size)[: order + 1]
    correlation[0] += FLOOR * correlation[0] + 1e-30
    return levinson(correlation)  # type: ignore[no-any-return]


def fill(audio: Signal, missing: NDArray[np.int64], orders: tuple[int, ...]) -> None:
    """Refill missing samples in place, by models fitted to the whole signal, one after the other.

    Args:
        audio: shape (frames,).
        missing: their places, rising.
        orders: of the models; the first is fitted to straight lines in place of the missing samples.
    """
    edge = max(orders)
    padded, places = np.pad(audio, edge), missing + edge
    right = np.ones(padded.size, np.bool_)
    right[places] = False
    known = np.flatnonzero(right)
    padded[places] = np.interp(places, known, padded[known])
    unbound = np.full(missing.size, np.inf)
    for order in orders:
        refill(padded, places, fit(padded[edge:-edge], order), -unbound, unbound)
    audio[missing] = padded[places]


@njit(fastmath=True)
def levinson(correlation: Signal) -> Any:
    """Solve for the prediction error filter by Levinson's recursion."""
    order = correlation.size - 1
    a = np.zeros(order + 1)
    a[0] = 1.0
    error = correlation[0]
    before = np.zeros(order + 1)
    for m in range(1, order + 1):
        k = correlation[m]
        for i in range(1, m):
            k += a[i] * correlation[m - i]
        k = -k / error
        before[:m] = a[:m]
        for i in range(1, m):
            a[i] = before[i] + k * before[m - i]
        a[m] = k
        error *= 1 - k * k
    return a


@njit(fastmath=True)
def burg(audio: Signal, order: int) -> Any:
    """Fit a model by Burg's method, whose predictions decay slowly: for continuing a signal beyond its end.

    Returns:
        The prediction error filter, shape (order + 1,), which begins with 1.
    """
    a, before = np.zeros(order + 1), np.zeros(order + 1)
    a[0] = 1.0
    forward, backward = audio.copy(), audio.copy()
    new_forward, new_backward = np.empty(audio.size), np.empty(audio.size)
    for m in range(1, order + 1):
        product, power = 0.0, 0.0
        for n in range(m, audio.size):
            product += forward[n] * backward[n - 1]
            power += forward[n] * forward[n] + backward[n - 1] * backward[n - 1]
        k = -2 * product / (power * (1 + FLOOR) + 1e-30)
        for n in range(m, audio.size):
            new_forward[n] = forward[n] + k * backward[n - 1]
            new_backward[n] = backward[n - 1] + k * forward[n]
        forward, new_forward = new_forward, forward
        backward, new_backward = new_backward, backward
        before[:m] = a[:m]
        for i in range(1, m):
            a[i] = before[i] + k * before[m - i]
        a[m] = k
    return a


def extrapolate(audio: Signal, a: Signal, frames: int, noise: Signal | None = None) -> Signal:
    """Continue a signal beyond its end by a model, which noise, shape (frames,), may keep going."""
    order = a.size - 1
    past = np.pad(audio, (order, 0))[audio.size :]
    return _continued(past, a, np.zeros(frames) if noise is None else noise)  # type: ignore[no-any-return]


@njit(fastmath=True)
def _continued(past: Signal, a: Signal, noise: Signal) -> Any:
    order = past.size
    audio = np.concatenate((past, noise))
    for n in range(order, audio.size):
        for k in range(1, order + 1):
            audio[n] -= a[k] * audio[n - k]
    return audio[order:]


@njit(fastmath=True)
def refill(audio: Signal, missing: NDArray[np.int64], a: Signal, low: Signal, high: Signal) -> None:
    """Replace missing samples, in place, by those that a model predicts best from both sides.

    A sample that comes out of its bounds is set to the bound it has crossed, and the others are solved for again.

    Args:
        audio: shape (frames,); at least `order` frames lie before the first missing one and behind the last.
        missing: their places, rising.
        a: the prediction error filter.
        low: the least that each may become.
        high: the most.
    """
    order, count = a.size - 1, missing.size
    b = np.zeros(order + 1)
    for lag in range(order + 1):
        for k in range(order + 1 - lag):
            b[lag] += a[k] * a[k + lag]
    b[0] *= 1 + FLOOR
    free = np.ones(count, np.bool_)
    places = np.empty(count, np.int64)
    for _ in range(3):
        n = 0
        for i in range(count):
            if free[i]:
                places[n] = missing[i]
                audio[missing[i]] = 0.0
                n += 1
        if n == 0:
            return
        solved = _solve(audio, places[:n], b)
        for i in range(n):
            audio[places[i]] = solved[i]
        crossed = 0
        for i in range(count):
            if free[i] and not low[i] <= audio[missing[i]] <= high[i]:
                audio[missing[i]] = low[i] if audio[missing[i]] < low[i] else high[i]
                free[i] = False
                crossed += 1
        if crossed == 0:
            return


@njit(fastmath=True)
def _solve(audio: Signal, places: NDArray[np.int64], b: Signal) -> Any:
    """Solve the banded equations by a Cholesky factorization that keeps their profile."""
    order, n = b.size - 1, places.size
    first = np.empty(n, np.int64)
    start = 0
    width = 1
    for i in range(n):
        while places[i] - places[start] > order:
            start += 1
        first[i] = start
        width = max(width, i - start + 1)
    factor = np.zeros((n, width))
    y = np.empty(n)
    for i in range(n):
        at, begin = places[i], first[i]
        right = b[0] * audio[at]
        for lag in range(1, order + 1):
            right += b[lag] * (audio[at - lag] + audio[at + lag])
        y[i] = -right
        for j in range(begin, i + 1):
            total = b[at - places[j]]
            common = max(begin, first[j])
            for k in range(common, j):
                total -= factor[i, k - begin] * factor[j, k - first[j]]
            if j < i:
                factor[i, j - begin] = total / factor[j, j - first[j]]
            else:
                factor[i, i - begin] = np.sqrt(max(total, FLOOR * b[0]))
        for k in range(begin, i):
            y[i] -= factor[i, k - begin] * y[k]
        y[i] /= factor[i, i - begin]
    for i in range(n - 1, -1, -1):
        y[i] /= factor[i, i - first[i]]
        for k in range(first[i], i):
            y[k] -= factor[i, k - first[i]] * y[i]
    return y
