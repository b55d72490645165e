"""Building blocks of stages that generate spectrum: a parallel stream, noise, levels, correlation of channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit
from aural.dsp.frames import Spectra
from aural.signals import Block
from aural.stream import Aligned, Series, Stream

Levels = NDArray[np.float32]
"""Powers, levels or shares, shape (channels, frames) or (channels, frames, bins)."""
Window = NDArray[np.float32]

TINY = 1e-30  # a power far below anything a float32 recording holds; keeps quotients and logarithms finite
CIRCLE = np.exp(2j * np.pi * np.arange(4096) / 4096).astype(np.complex64)


class BesideStream(Stream):
    """Adds to a signal what a series of streams makes of it: where that is silent, the signal stays bit for bit."""

    def __init__(self, front: Stream, made: Sequence[Stream]) -> None:
        self.front, self.made = front, Series(made, front.output)
        super().__init__(self.made.output)
        self.waiting = Aligned(2)

    def push(self, block: Block) -> Block:
        block = self.front.push(block)
        return self._sum(block, self.made.push(block))

    def flush(self) -> Block:
        block = self.front.flush()
        return self._sum(block, np.concatenate([self.made.push(block), self.made.flush()], axis=-1))

    def _sum(self, block: Block, made: Block) -> Block:
        signal, added = self.waiting.take([block, made])
        return signal + added


def power(spectra: Spectra) -> Levels:
    """Return the power of every bin."""
    return spectra.real**2 + spectra.imag**2


def smoothed(levels: Levels, half: int) -> Levels:
    """Average over `half` bins to both sides, over fewer at the ends."""
    bins = levels.shape[-1]
    total = np.cumsum(levels, axis=-1, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)
    first = np.maximum(np.arange(bins) - half, 0)
    last = np.minimum(np.arange(bins) + half + 1, bins)
    mean: Levels = np.maximum((total[..., last] - total[..., first]) / (last - first), 0).astype(np.float32)
    return mean


def flattened(spectra: Spectra, half: int) -> Spectra:
    """Divide by the envelope over `half` bins to both sides; what is far below its wider surroundings stays so."""
    levels = power(spectra)
    envelope = smoothed(levels, half) + np.float32(0.01) * smoothed(levels, 6 * half)
    floor = np.float32(1e-12) * levels.max(axis=-1, keepdims=True)  # of the moving sums' precision
    return spectra / np.sqrt(envelope + floor + np.float32(TINY))  # type: ignore[no-any-return]


def typical(levels: Levels) -> Levels:
    """Return the geometric mean of the powers over the bins: half of them lie above it, partials or not."""
    return np.exp(np.log(levels + TINY).mean(axis=-1))  # type: ignore[no-any-return]


def likeness(spectra: Spectra) -> Levels:
    """Return how far each channel is the mean of all channels, 0 to 1, shape (channels, frames).

    Where all are equal it is 1, without any rounding: so their noise is equal, too.
    """
    middle = spectra.mean(axis=0)
    cross = np.abs((spectra * middle.conj()).sum(axis=-1, dtype=np.complex128)) ** 2
    both = power(spectra).sum(axis=-1, dtype=np.float64) * power(middle).sum(axis=-1, dtype=np.float64)
    equal = (spectra == spectra[:1]).all(axis=(0, -1))
    return np.where(equal, 1, np.minimum(cross / (both + TINY), 1)).astype(np.float32)  # type: ignore[no-any-return]


def noise(seed: int, frames: range, bins: range, like: Levels) -> Spectra:
    """Make noise of unit power whose channels are as alike as `like` (channels, frames) says.

    Every value is a function of (seed, channel, frame, bin) alone, whatever block it is asked for in.
    """
    channels = like.shape[0]
    parts = _phasors(np.uint64(seed), channels + 1, frames.start, len(frames), bins.start, len(bins))
    share = np.sqrt(like)[:, :, None]
    return share * parts[:1] + np.sqrt(1 - like)[:, :, None] * parts[1:]  # type: ignore[no-any-return]


def noise_gain(analysis: Window, synthesis: Window, overlap: int) -> float:
    """Return by how much random spectra must be raised: unlike a signal's, their frames overlap incoherently."""
    return float(1 / np.sqrt((analysis**2).mean() * (synthesis**2).mean() * overlap))


@njit()
def _phasors(seed, channels, first_frame, frames, first_bin, bins):  # type: ignore[no-untyped-def]
    """Draw complex numbers of magnitude 1 by a hash of their place (splitmix64).

    References:
        G. Steele, D. Lea, C. Flood: Fast splittable pseudorandom number generators, OOPSLA 2014: the output
        function alone, over a counter made of the place.
    """
    out = np.empty((channels, frames, bins), np.complex64)
    for c in range(channels):
        for t in range(frames):
            row = _mixed(_mixed(seed * np.uint64(64) + np.uint64(c)) + np.uint64(first_frame + t))
            for b in range(bins):
                out[c, t, b] = CIRCLE[_mixed(row + np.uint64(first_bin + b)) >> np.uint64(52)]
    return out


@njit(inline="always")
def _mixed(z):  # type: ignore[no-untyped-def]
    z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
