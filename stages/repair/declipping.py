"""Restores cut-off peaks: by autoregression and by sparsity, both consistent with what was not cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d

from aural.dsp.autoregression import fit, refill
from aural.dsp.compiled import njit

Signal = NDArray[np.float64]
Mask = NDArray[np.bool_]
Spectra = NDArray[np.complex64]
Wave = NDArray[np.float32]

SEGMENT_S, CONTEXT_S = 2.0, 0.25
WINDOW_S, ORDER = 0.093, 256
LONGER_S = 0.186  # window in which tones that are held are sparser
FEW = 350  # wrong samples in a window that a model is fitted to: they cost by the square of how dense they are
ROUNDS = 50  # at least; the share of wrong samples adds as many again where all are wrong
THRESHOLDS = (0.2, 0.001)  # of the largest coefficient around: the first round's, and the last one's
OVER = 1.8  # relaxation: the dual variable goes this far towards where it is drawn
RARER = 2.0  # exponent of the weights of bins, times the square of the share of wrong samples
SMOOTH, RANGE = 1.2, 1e4  # of the spectrum that gives the weights: half its width as a ratio, and its least value
TINY = np.float32(1e-30)
AROUND = 3  # frames and bins whose mean power decides about the one in the middle


@dataclass(frozen=True)
class Bounds:
    """The least and the most that each sample of a signal may be. Both are the sample where it is right."""

    low: Signal
    high: Signal

    @property
    def wrong(self) -> Mask:
        return np.asarray(self.low < self.high)

    def part(self, place: slice) -> Bounds:
        return Bounds(self.low[place], self.high[place])


def islands(wrong: Mask, margin: int) -> Iterator[slice]:
    """Give the parts of a signal that hold wrong samples, with so many frames around; those that meet are one."""
    places = np.flatnonzero(wrong)
    if places.size:
        gaps = np.flatnonzero(np.diff(places) > 2 * margin)
        for start, stop in zip(places[np.r_[0, gaps + 1]], places[np.r_[gaps, -1]], strict=True):
            yield slice(max(0, start - margin), stop + 1 + margin)


def autoregressive(audio: Signal, bounds: Bounds, window: int) -> Signal:
    """Refill wrong samples window by window by a model fitted to what they are so far, where they are few.

    Args:
        audio: shape (frames,).
        bounds: what the result keeps to.
        window: frames that a model is fitted to.
    """
    out = np.pad(audio, window)
    places = np.flatnonzero(np.pad(bounds.wrong, window))
    low, high = np.pad(bounds.low, window), np.pad(bounds.high, window)
    for start in range(window // 2, out.size - window, window // 2):
        begin, end = np.searchsorted(places, (start + ORDER, start + window - ORDER))
        missing = places[begin:end]
        if 0 < missing.size <= FEW:
            piece = out[start : start + window]
            refill(piece, missing - start, fit(piece, ORDER), low[missing], high[missing])
    return out[window:-window]


def sparsest(audio: Signal, hops: tuple[int, ...]) -> int:
    """Return the hop at which the spectrogram of a signal is the sparsest: its magnitudes sum up to the least."""
    return min(hops, key=lambda hop: float(np.sum(np.abs(_spectra(audio.astype(np.float32), hop)))) / np.sqrt(hop))


def sparse(audio: Signal, bounds: Bounds, hop: int) -> Signal:
    """Find the signal within the bounds whose spectrogram is the sparsest, beginning with the signal itself.

    The alternating direction method of multipliers, with a threshold that falls from round to round, as A-SPADE [1]
    relaxes its sparsity; a coefficient is kept if the power around it is high, and shrunk by the persistent empirical
    Wiener rule [2]. Where much is cut off, thresholds are higher at frequencies of which the signal has little, since
    most of what is there comes from the clipping: weights as in [3], but taken from the spectrum. They fade from
    round to round, the sooner, the less is cut off.

    Args:
        audio: shape (frames,).
        bounds: what the result keeps to.
        hop: frames; the window has twice as many.

    References:
        [1] S. Kitic, N. Bertin, R. Gribonval, Sparsity and cosparsity for audio declipping: a flexible non-convex
            approach, LVA/ICA 2015. The schedule is geometric, and the number of rounds fixed.
        [2] K. Siedenburg, M. Kowalski, M. Doerfler, Audio declipping with social sparsity, ICASSP 2014.
        [3] P. Zaviska, P. Rajmic, J. Schimmel, Psychoacoustically motivated audio declipping based on weighted l1
            minimization, TSP 2019.
    """
    share = float(np.mean(bounds.wrong))
    low, high, found = (_hops(signal.astype(np.float32), hop) for signal in (bounds.low, bounds.high, audio))
    window = _window(hop)
    spectra = _spectra(audio.astype(np.float32), hop)
    dual, kept = np.zeros_like(spectra), spectra.copy()
    loudest = maximum_filter1d(np.abs(spectra).max(axis=1), 5)
    rarity = _rarity(spectra)
    rounds = round(ROUNDS * (1 + share))
    exponents = RARER * share**2 * np.linspace(1, share, rounds)
    for threshold, exponent in zip(np.geomspace(*THRESHOLDS, rounds), exponents, strict=True):
        weights = (threshold * rarity**exponent).astype(np.float32)
        _shrink(spectra, dual, np.square(loudest), np.square(weights), kept)
        frames = irfft(spectra, 2 * hop, overwrite_x=True)
        _bounded(frames, window, low, high, found)
        spectra = rfft(frames, overwrite_x=True)
    return found.ravel()[hop : hop + audio.size].astype(np.float64)


def _hops(audio: Wave, hop: int) -> Wave:
    """Cut a signal into hops, with silence before it and behind it: shape (hops, frames of a hop)."""
    return np.pad(audio, (hop, hop + -audio.size % hop)).reshape(-1, hop)


def _window(hop: int) -> Wave:
    return np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)


def _spectra(audio: Wave, hop: int) -> Spectra:
    """Return the spectrogram of a signal, shape (frames, bins)."""
    hops = _hops(audio, hop)
    return np.asarray(rfft(np.concatenate([hops[:-1], hops[1:]], axis=1) * _window(hop)))


def _rarity(spectra: Spectra) -> Signal:
    """Return the most that there is at any frequency over what there is at each."""
    power = np.cumsum(np.r_[0, np.mean(np.square(np.abs(spectra)), axis=0, dtype=np.float64)])
    bins = np.arange(power.size - 1)
    first, last = (bins / SMOOTH).astype(int), np.minimum((bins * SMOOTH).astype(int) + 2, power.size - 1)
    smooth = np.sqrt((power[last] - power[first]) / (last - first))
    return np.asarray(smooth.max() / np.maximum(smooth, smooth.max() / RANGE + 1e-30))


@njit(fastmath=True)
def _bounded(frames: Wave, window: Wave, low: Wave, high: Wave, found: Wave) -> None:
    """Overlap and add frames, keep the sum within the bounds, write it into `found`, and cut it into frames again.

    Both times the frames are windowed. The other arrays have shape (hops, frames of a hop).
    """
    count, hop = low.shape
    for t in range(count):
        for n in range(hop):
            total = np.float32(0)
            if t > 0:
                total += frames[t - 1, hop + n] * window[hop + n]
            if t < count - 1:
                total += frames[t, n] * window[n]
            found[t, n] = total = min(max(total, low[t, n]), high[t, n])
            if t > 0:
                frames[t - 1, hop + n] = total * window[hop + n]
            if t < count - 1:
                frames[t, n] = total * window[n]


@njit(fastmath=True)
def _shrink(spectra: Spectra, dual: Spectra, loudest: Wave, weights: Wave, kept: Spectra) -> None:
    """Take a round's step: update what was kept and the dual variable, and write what is kept without it.

    Spectra and dual together are shrunk, and over-relaxed towards the spectra. The power from which coefficients are
    kept is the product of one of each frame and one of each bin.

    Args:
        spectra: of the signal within its bounds; what is kept less the dual variable takes its place.
        dual: what spectra and what was kept have differed by, summed over the rounds.
        loudest: of each frame.
        weights: of each bin.
        kept: in the round before.
    """
    frames, bins = spectra.shape
    power = np.empty((frames, bins), np.float32)
    for t in range(frames):
        for f in range(bins):
            dual[t, f] += spectra[t, f] - kept[t, f]
            value = spectra[t, f] + dual[t, f]
            power[t, f] = value.real * value.real + value.imag * value.imag
    column = np.empty(bins + 2, np.float32)
    for t in range(frames):
        before, behind = max(t - 1, 0), min(t + 1, frames - 1)
        for f in range(bins):
            column[f + 1] = power[before, f] + power[t, f] + power[behind, f]
        column[0], column[bins + 1] = column[2], column[bins - 1]
        for f in range(bins):
            least = AROUND * AROUND * loudest[t] * weights[f]
            around = column[f] + column[f + 1] + column[f + 2]
            gain = np.float32(OVER) * max(np.float32(0), np.float32(1) - least / (around + TINY))
            value = spectra[t, f] + dual[t, f]
            kept[t, f] = gain * value - np.float32(OVER - 1) * spectra[t, f]
            spectra[t, f] = kept[t, f] - dual[t, f]
