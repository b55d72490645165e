"""The bookkeeping that makes stems sum to the mixture, and the stream that lowers one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_gain
from aural.dsp.passages import Passages, within
from aural.signals import Block, Format
from aural.stream import Queue, Stream

Gains = NDArray[np.float32]

GRID = np.float32(2.0**-23)
"""One step of a 24-bit converter."""


class StemStream(Stream):
    """Turns an engine's estimates of all stems but one into stems that sum to the mixture.

    The engine's blocks hold the stems one after the other, along whatever leading axes.
    """

    SLAB = 1 << 18  # frames that go through the engine at once: bounds the memory

    def __init__(self, source: Format, engine: Stream, stems: int, rest: int, keep: int | None) -> None:
        super().__init__(source, stems if keep is None else 2)
        self.engine, self.count, self.rest, self.keep = engine, stems, rest, keep
        self.mixture = Queue()
        self.mixture.append(np.zeros((source.channels, 0), np.float32))

    def push(self, block: Block) -> Block:
        self.mixture.append(block)
        starts = range(0, max(1, block.shape[-1]), self.SLAB)
        slabs = (self.engine.push(block[:, start : start + self.SLAB]) for start in starts)
        return np.concatenate([self._stems(slab) for slab in slabs], axis=-1)

    def flush(self) -> Block:
        return self._stems(self.engine.flush())

    def _stems(self, estimates: Block) -> Block:
        mixture = self.mixture.take(estimates.shape[-1])
        stems = complete(estimates.reshape(self.count - 1, *mixture.shape), mixture, self.rest)
        return stems if self.keep is None else np.stack([stems[self.keep], mixture - stems[self.keep]])


class MusicStream(Stream):
    """Attenuates what an engine that gives voice and rest does not take for the voice, in passages.

    Outside of them the input comes out bit for bit.
    """

    def __init__(self, source: Format, engine: Stream, attenuation_db: float, passages: Passages) -> None:
        super().__init__(source)
        self.separation = StemStream(source, engine, stems=2, rest=1, keep=None)
        self.taken = np.float32(1 - db_to_gain(-attenuation_db))
        self.passages, self.frames = passages, 0
        self.mixture = Queue()
        self.mixture.append(np.zeros((source.channels, 0), np.float32))

    def push(self, block: Block) -> Block:
        self.mixture.append(block)
        return self._lowered(self.separation.push(block))

    def flush(self) -> Block:
        return self._lowered(self.separation.flush())

    def _lowered(self, stems: Block) -> Block:
        count = stems.shape[-1]
        seconds = (self.frames + np.arange(count)) / self.output.sample_rate
        self.frames += count
        mixture: Block = self.mixture.take(count)
        return mixture - self.taken * within(seconds, self.passages) * stems[1]


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
