"""Changes of the sample rate in a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from aural.dsp.fir import FirStream, Floats, from_magnitude
from aural.errors import WeightsError
from aural.signals import Block, Format
from aural.stream import Series, Stream, Through

PASSED = 0.91  # share of the narrower band that soxr keeps whole
HEARD_HZ = 20000.0
TAPS, TRANSITION, SEGMENT = 601, 0.04, 4096
"""Of the filters to twice the rate and back: length, width of the transition as a share of the band, frames filtered
at a time."""


def frames_at(frames: int, before: int, after: int) -> int:
    """Return the number of frames after a change of the sample rate: the nearest whole number, halves up."""
    return (2 * frames * after + before) // (2 * before)


class ResampleStream(Stream):
    """Band-limited change of the sample rate (soxr, high quality); no delay, the length as `frames_at` says."""

    def __init__(self, source: Format, sample_rate: int) -> None:
        import soxr

        super().__init__(replace(source, sample_rate=sample_rate))
        self.soxr = soxr.ResampleStream(
            source.sample_rate, sample_rate, source.channels, dtype="float32", quality="HQ"
        )

    def push(self, block: Block) -> Block:
        return self._run(block, last=False)

    def flush(self) -> Block:
        return self._run(self.nothing(), last=True)

    def _run(self, block: Block, last: bool) -> Block:
        frames = np.ascontiguousarray(block.T, np.float32)
        return np.ascontiguousarray(self.soxr.resample_chunk(frames, last=last).T)


def resampler(source: Format, sample_rate: int) -> Stream:
    """Open a stream that changes the sample rate, if it must change."""
    return Through(source) if sample_rate == source.sample_rate else ResampleStream(source, sample_rate)


class Doubled(Stream):
    """Twice the sample rate. `Halved` gives the signal back, up to half its sample rate."""

    def __init__(self, source: Format) -> None:
        super().__init__(replace(source, sample_rate=2 * source.sample_rate))
        self.filter = FirStream(self.output, 2 * half_band(), SEGMENT)

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
        self.filter = FirStream(source, half_band(), SEGMENT)
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


class AtRate(Stream):
    """Runs a network at its own sample rate inside a signal of another; the length stays.

    soxr loses what lies just below half the lower sample rate. Where that is heard, as from 7.4 kHz on in a recording
    at 16 kHz, the signal goes through twice its sample rate, which keeps it.

    Raises:
        WeightsError: while running, where the network makes NaN or infinity of a finite signal.
    """

    def __init__(self, source: Format, sample_rate: int, inner: Callable[[Format], Stream]) -> None:
        super().__init__(source)
        heard = source.sample_rate < min(sample_rate, 2 * HEARD_HZ / PASSED)
        front = Doubled(source) if heard else Through(source)
        there = resampler(front.output, sample_rate)
        network = inner(there.output)
        back = resampler(network.output, front.output.sample_rate)
        behind = Halved(back.output) if heard else Through(back.output)
        self.series = Series([front, there, Finite(network), back, behind], source)
        self.owed = 0

    def push(self, block: Block) -> Block:
        self.owed += block.shape[-1]
        return self._pay(self.series.push(block))

    def flush(self) -> Block:
        out = self.series.flush()
        missing = max(0, self.owed - out.shape[-1])  # rounding of the two lengths, at most a frame or two
        return self._pay(np.pad(out, [(0, 0)] * (out.ndim - 1) + [(0, missing)]))

    def _pay(self, block: Block) -> Block:
        block = block[..., : self.owed]
        self.owed -= block.shape[-1]
        return block


class Finite(Stream):
    """Passes on the output of a network, as long as it is finite."""

    def __init__(self, network: Stream) -> None:
        super().__init__(network.output)
        self.network = network

    def push(self, block: Block) -> Block:
        return _finite(self.network.push(block))

    def flush(self) -> Block:
        return _finite(self.network.flush())


def _finite(block: Block) -> Block:
    if not np.isfinite(block).all():
        raise WeightsError("the network gives NaN or infinity: its weights cannot be used")
    return block
