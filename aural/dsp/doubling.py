"""Twice the sample rate and back, without a loss at the edge of the band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aural.dsp.fir import FirStream, Floats, from_magnitude
from aural.signals import Block, Format
from aural.stream import Stream

TAPS = 601  # length of the filters
SEGMENT_S = 0.02  # filtered at a time, at least
TRANSITION = 0.04  # width, as a share of half the doubled rate


class Doubled(Stream):
    """Twice the sample rate. `Halved` gives the signal back, up to half its sample rate."""

    def __init__(self, source: Format) -> None:
        super().__init__(replace(source, sample_rate=2 * source.sample_rate))
        self.filter = FirStream(self.output, 2 * half_band(), _segment(self.output))

    def push(self, block: Block) -> Block:
        spread = np.zeros((*block.shape[:-1], 2 * block.shape[-1]), np.float32)
        spread[..., ::2] = block
        return self.filter.push(spread)

    def flush(self) -> Block:
        return self.filter.flush()


class Halved(Stream):
    """Half of an even sample rate."""

    def __init__(self, source: Format) -> None:
        super().__init__(replace(source, sample_rate=source.sample_rate // 2))
        self.filter = FirStream(source, half_band(), _segment(source))
        self.first = 0  # of the next frames, the one that stays: 0 or 1

    def push(self, block: Block) -> Block:
        return self._half(self.filter.push(block))

    def flush(self) -> Block:
        return self._half(self.filter.flush())

    def _half(self, block: Block) -> Block:
        kept = block[..., self.first :: 2]
        self.first = (self.first + block.shape[-1]) % 2
        return np.ascontiguousarray(kept)


def half_band() -> Floats:
    """Design a low-pass that, run twice, lets a signal back to half the sample rate without a loss at its edge.

    The square of its response and that of its mirror image sum to one.

    References:
        Y. Meyer: Principe d'incertitude, bases hilbertiennes et algebres d'operateurs, Seminaire Bourbaki 1985.
    """
    share = np.clip(0.5 + (np.linspace(0, 1, 2**13) - 0.5) / TRANSITION, 0, 1)
    slope = share**4 * (35 - 84 * share + 70 * share**2 - 20 * share**3)
    return from_magnitude(np.cos(np.pi / 2 * slope), np.ones(TAPS))


def _segment(doubled: Format) -> int:
    return max(TAPS, round(SEGMENT_S * doubled.sample_rate))
