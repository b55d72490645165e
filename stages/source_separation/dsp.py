"""Separation without a network, and the bookkeeping that makes stems sum to the mixture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal.windows import hann

from aural.stage import Block
from aural.streaming import Spectra

Gains = NDArray[np.float32]

GRID = np.float32(2.0**-23)
"""One step of a 24-bit converter."""


def harmonic(audio: Block, window: int, hop: int) -> Block:
    """Keep tones, not strokes: what lies level in the spectrogram; shape (channels, frames).

    A median along time erases strokes, one along frequency erases tones; the soft mask weighs the two powers.
    The strokes are what is left of the mixture.

    References:
        Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010, as in
        librosa.decompose.hpss: the same figures, with the medians taken another way.
    """
    frames = audio.shape[-1]
    shape = hann(window, sym=False).astype(np.float32)
    behind = window // 2 + max(0, window - frames)
    padded = np.pad(audio, ((0, 0), (window // 2, behind)))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[:, ::hop]
    spectra = np.fft.rfft(pieces * shape)
    size = np.abs(spectra)
    tones, strokes = _median(size.mT).mT, _median(size)
    loudest = np.maximum(np.maximum(tones, strokes), np.finfo(np.float32).tiny)
    level, steep = np.square(tones / loudest), np.square(strokes / loudest)
    mask = np.where(loudest > np.finfo(np.float32).tiny, level / np.maximum(level + steep, 1), 0.5)
    added = _overlapped(np.fft.irfft(spectra * mask, window) * shape, hop)
    weights = _overlapped(np.broadcast_to(shape**2, (pieces.shape[1], window)), hop)
    here = slice(window // 2, window // 2 + frames)
    result: Block = (added[:, here] / weights[here]).astype(np.float32)
    return result


def _overlapped(pieces: NDArray[np.floating], hop: int) -> NDArray[np.floating]:
    """Add pieces up, shape (..., pieces, window), each a hop behind the one before."""
    *leading, count, window = pieces.shape
    out = np.zeros((*leading, (count - 1) * hop + window), pieces.dtype)
    for start in range(0, window, hop):
        columns = pieces[..., start : start + hop]
        out[..., start : start + count * hop] += columns.reshape(*leading, count * hop)
    return out


def _median(size: Gains, taps: int = 31) -> Gains:
    """Take the running median along the last axis, its ends mirrored.

    As one long row with mirrored ends in between: scipy has a fast algorithm for one dimension only.
    """
    half = taps // 2
    rows = np.pad(size, [(0, 0)] * (size.ndim - 1) + [(half, half)], mode="symmetric")
    medians: Gains = median_filter(rows.ravel(), taps).reshape(rows.shape)
    return medians[..., half:-half]


def middle(spectra: Spectra) -> Spectra:
    """Take out what two channels share, bin by bin; (2, frames, bins) in, (1, frames, bins) out.

    With L and R the channels, C = a (L + R) / 2 is the middle that leaves sides at right angles to each other,
    Re((L - C) (R - C)*) = 0, which gives a = 1 - |L - R| / |L + R|, and nothing where that is negative.

    References:
        Vickers, "Frequency-domain two- to three-channel upmix for center channel derivation and speech
        enhancement", AES convention 127 (2009).
    """
    left, right = spectra
    total, apart = left + right, np.abs(left - right)
    size = np.abs(total)
    share = np.maximum(size - apart, 0) / np.maximum(size, np.finfo(np.float32).tiny)
    center: Spectra = (share * total / 2)[None]
    return center


def high_pass(hz: NDArray[np.floating], low_hz: float) -> Gains:
    """Return the gain of a zero-phase high-pass at each frequency: -6 dB at `low_hz`, 48 dB an octave."""
    return (1 / (1 + (low_hz / np.maximum(hz, 1e-3)) ** 8)).astype(np.float32)


def complete(estimates: Block, mixture: Block, rest: int) -> Block:
    """Add the stem that is missing, so that the float32 sum of all in any order is the mixture.

    Bit for bit so where the mixture has 24 bits or fewer and stays within full scale: every stem is then a
    multiple of 2^-23, and so is every partial sum; float32 holds such numbers exactly up to 2. Where partial
    sums would pass that (stems twice full scale, or loud and in opposition), the estimates are turned down.

    Args:
        estimates: (stems - 1, channels, frames).
        mixture: (channels, frames).
        rest: place of the missing stem in the result.

    Returns:
        (stems, channels, frames).
    """
    stems = np.insert(estimates, rest, np.float32(0), axis=0)
    step = 1 << 16
    for start in range(0, mixture.shape[-1], step):
        part = slice(start, start + step)
        stems[..., part] = _complete(stems[..., part], mixture[:, part], rest)
    return stems


def _complete(stems: Block, mixture: Block, rest: int) -> Block:
    stems = _on_grid(stems, mixture, rest, np.float32(1))
    size = np.abs(mixture)
    largest = (np.abs(stems).sum(axis=0) + size) / 2  # of all partial sums
    limit = 2 * np.maximum(size, 1)
    excess = largest > limit
    if excess.any():
        room = np.where(excess, (limit * (1 - 2.0**-20) - size) / np.where(excess, largest - size, 1), 1)
        stems = _on_grid(stems, mixture, rest, room.astype(np.float32))
    return stems


def _on_grid(stems: Block, mixture: Block, rest: int, gain: Gains | np.float32) -> Block:
    """Turn the stems down, round them to the grid, and leave the remainder to the rest."""
    stems = np.rint(stems * gain / GRID) * GRID
    stems[rest] = 0
    stems[rest] = mixture - stems.sum(axis=0)
    return stems
