"""The sum of a mix: gains between channels, starts, balance, and signals added as they come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aural.signals import Block, Format
from aural.stream import Queue

SLAB = 65536  # frames of silence in one block

Gains = NDArray[np.float64]
"""From the channels of a track (columns) to those of a mix (rows)."""


def placing(channels: int, width: int, pan: float) -> Gains:
    """Return the gains that place a track of so many channels in a mix of `width` channels.

    Mono between two channels: sine and cosine, whose squares add up to one, so that the loudness after BS.1770 is the
    same everywhere. Stereo: the side that is turned away from falls along the cosine. Else each channel is itself.
    """
    if width == 2 and channels == 1:
        angle = (1 + pan) * math.pi / 4
        return np.round([[math.cos(angle)], [math.sin(angle)]], 12)
    if width == 2:
        turned_away = math.pi / 2 * np.maximum(0, [pan, -pan])
        return np.diag(np.round(np.cos(turned_away), 12))
    return np.eye(width)


def after_silence(blocks: Iterable[Block], source: Format, frames: int) -> Iterator[Block]:
    """Give so many frames of silence, and then the blocks."""
    for begin in range(0, frames, SLAB):
        yield np.zeros((source.channels, min(SLAB, frames - begin)), np.float32)
    yield from blocks


def mean_lufs(lufs: Sequence[float]) -> float:
    """Return the mean of loudnesses; of what has none, it takes no notice."""
    heard = [value for value in lufs if math.isfinite(value)]
    return math.fsum(heard) / max(1, len(heard))


def summed(signals: Sequence[tuple[Iterable[Block], Gains]]) -> Iterator[Block]:
    """Add signals, each through its gains; the sum is as long as the longest."""
    waiting = [(iter(blocks), Queue(), gains) for blocks, gains in signals]
    while True:
        for blocks, queue, _ in waiting:
            _fill(queue, blocks)
        waiting = [signal for signal in waiting if signal[1].frames]
        if not waiting:
            return
        ready = min(queue.frames for _, queue, _ in waiting)
        total = sum(gains @ queue.take(ready).astype(np.float64) for _, queue, gains in waiting)
        yield np.asarray(total, np.float32)


def _fill(queue: Queue, blocks: Iterator[Block]) -> None:
    """Wait for the next frames, unless some wait already or there are no more."""
    while not queue.frames:
        block = next(blocks, None)
        if block is None:
            return
        queue.append(block)
