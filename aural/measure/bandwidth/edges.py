"""Steps of a mean spectrum, and which of them a filter caused."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Spectrum = NDArray[np.float64]
Weights = list[tuple[NDArray[np.float64], NDArray[np.float64]]]

GRID = 0.005  # spacing of frequencies, as a share of them
LOWEST_HZ = 1800.0
HIGHEST = 0.97  # of half the sample rate: beyond it the file is full band
LEAST_FALL_DB = 13.0
SURE_FALL_DB = 40.0  # nothing but a filter falls so far
SURE_ODDS = 1.0  # log odds; above zero, because a false cut-off does more harm than a missed one
APART = 12  # steps between falls that are told apart
FAR, NEAR, BELOW = 58, 30, 4  # steps below an edge: 25 %, 14 % and 2 %
ABOVE, BEYOND = 8, 81  # steps above it: 4 % and 50 %
PROFILE = np.arange(-160, 76, 2)  # steps around an edge that the network looks at: from 45 to 145 %
SPAN = 0.3  # largest distance, as a logarithm, of the cut-off from the fall that it causes
STEEP_DB = 15.0  # over 2 % of the frequency
SHARP = 3  # steps from where a cliff begins to where it is steepest
CLOSE = 0.04  # the network's cut-off is moved by so much, as a logarithm, to a steep cliff


def levels(magnitude: Spectrum, nyquist_hz: float) -> tuple[Spectrum, Spectrum]:
    """Return frequencies in constant ratios up to half the sample rate, and the level at each in dB."""
    smooth = smoothed(magnitude)
    level_db = 20 * np.log10(smooth + 1e-8 * magnitude.max() + 1e-300)
    top = level_db.size - 1
    lowest = min(LOWEST_HZ / 4, 0.2 * nyquist_hz) / nyquist_hz * top
    bins = np.exp(np.log(top) - GRID * np.arange(int(np.log(top / lowest) / GRID))[::-1])
    return bins * nyquist_hz / top, np.interp(bins, np.arange(level_db.size), level_db)


def smoothed(magnitude: Spectrum, share: float = 0.015) -> Spectrum:
    """Average over `share` of the frequency to both sides."""
    total = np.concatenate([[0.0], np.cumsum(magnitude)])
    bins = np.arange(magnitude.size)
    half = (share * bins).astype(int)
    first, last = bins - half, np.minimum(bins + half + 1, magnitude.size)
    return (total[last] - total[first]) / (last - first)  # type: ignore[no-any-return]


def falls(hz: Spectrum, level_db: Spectrum) -> tuple[NDArray[np.int64], Spectrum]:
    """Return steps at which the level falls most from just below to all that lies above, and by how many dB.

    The level below is one that most of the band there reaches, the level above one that hardly anything there
    exceeds, so neither a partial nor a whistle makes a step or hides one.
    """
    nyquist_hz = float(hz[-1])
    first = max(FAR, int(np.searchsorted(hz, min(LOWEST_HZ, nyquist_hz / 2))))
    edges = np.arange(first, int(np.searchsorted(hz, HIGHEST * nyquist_hz)))
    if not edges.size:
        return edges, np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view
    below = [_quantile(windows(level_db, size - BELOW)[edges - size], 0.3) for size in (FAR, NEAR)]
    above = [
        max(_quantile(level_db[start : edge + BEYOND], 0.8), _quantile(level_db[start:], 0.9))
        for edge in edges
        for start in [min(edge + ABOVE, level_db.size - 4)]
    ]
    fall = np.minimum(*below) - np.array(above)
    around = windows(np.pad(fall, APART, constant_values=-np.inf), 2 * APART + 1).max(axis=-1)
    kept = (fall >= around) & (fall >= LEAST_FALL_DB)
    return edges[kept], fall[kept]


def profile(level_db: Spectrum, edge: int) -> Spectrum:
    """Return the input of the network: levels around an edge, relative to that just below it."""
    around = level_db[np.clip(edge + PROFILE, 0, level_db.size - 1)]
    return np.clip(around - np.median(level_db[edge - FAR : edge - BELOW]), -70.0, 40.0) / 20


def judged(profiles: Spectrum) -> tuple[Spectrum, Spectrum]:
    """Return for each profile the log odds that a filter made the fall, and how far above it the cut-off lies.

    The cut-off is where the filter is 6 dB down; the distance is a difference of logarithms of frequencies.
    """
    x = profiles
    *inner, last = _weights()
    for weight, bias in inner:
        x = x @ weight.T + bias
        x = x * expit(x)
    x = x @ last[0].T + last[1]
    return x[:, 0], np.clip(0.1 * x[:, 1], -SPAN, SPAN)


def end_hz(hz: Spectrum, level_db: Spectrum) -> tuple[float | None, float]:
    """Return the cut-off of a filter, or None, and by how many dB the spectrum falls there, or at most."""
    edges, fall_db = falls(hz, level_db)
    if not edges.size:
        return None, 0.0
    odds, distances = judged(np.stack([profile(level_db, edge) for edge in edges]))
    made = (odds > SURE_ODDS) | (fall_db > SURE_FALL_DB)
    if not made.any():
        return None, float(fall_db.max())
    best = int(np.where(made, odds + 0.1 * fall_db, -np.inf).argmax())
    edge = int(edges[best])
    found_hz = float(hz[edge] * math.exp(distances[best]))
    knee, sharp = _knee(level_db, edge)
    if knee is not None and (sharp or abs(math.log(hz[knee] / found_hz)) < CLOSE):
        found_hz = float(hz[knee])
    return found_hz, float(fall_db[best])


def _knee(level_db: Spectrum, edge: int) -> tuple[int | None, bool]:
    """Return where a steep fall near an edge begins, and whether it begins more abruptly than any resampler's.

    That is where the level falls a third as fast as it does at most.
    """
    steps = np.arange(edge - 44, min(edge + 28, level_db.size - 3))
    fall = level_db[steps - 2] - level_db[steps + 2]
    steepest = 27 + int(fall[27:].argmax())
    if fall[steepest] < STEEP_DB:
        return None, False
    flat = np.flatnonzero(fall[:steepest] < fall[steepest] / 3)
    begin = int(flat[-1]) if flat.size else 0
    return int(steps[begin]), steepest - begin <= SHARP


def _quantile(values: Spectrum, share: float) -> Any:
    """Return the nearest value of that rank along the last axis: many times as fast as `np.quantile`."""
    rank = int(share * (values.shape[-1] - 1) + 0.5)
    return np.partition(values, rank, axis=-1)[..., rank]


@cache
def _weights() -> Weights:
    layers = json.loads(files("aural.measure.bandwidth").joinpath("weights/edges.json").read_text())["layers"]
    return [(np.array(layer["weight"]), np.array(layer["bias"])) for layer in layers]
