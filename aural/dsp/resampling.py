"""Changes of the sample rate in a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from aural.errors import WeightsError
from aural.signals import Block, Format
from aural.stream import Series, Stream, Through

WHOLE_RATE = 44100
"""In Hz. A lower sample rate does not hold all that can be heard."""
RAISED_RATE = 48000
KEPT = 0.47
"""Share of a sample rate up to which the spectrum is kept where the rate is raised."""


def whole_rate(sample_rate: int) -> int:
    """Return the sample rate itself, or 48 kHz where it does not hold all that can be heard."""
    return sample_rate if sample_rate >= WHOLE_RATE else RAISED_RATE


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


class AtRate(Stream):
    """Runs a network at its own sample rate inside a signal of another; the length stays.

    soxr loses what lies just below half the lower sample rate, as from 7.4 kHz on in a recording at 16 kHz. Where the
    network has room for it, the signal goes through twice its sample rate, which keeps it.

    Raises:
        WeightsError: while running, where the network makes NaN or infinity of a finite signal.
    """

    def __init__(self, source: Format, sample_rate: int, inner: Callable[[Format], Stream]) -> None:
        from aural.dsp.doubling import Doubled, Halved

        super().__init__(source)
        lower = source.sample_rate < sample_rate
        front = Doubled(source) if lower else Through(source)
        there = resampler(front.output, sample_rate)
        network = inner(there.output)
        back = resampler(network.output, front.output.sample_rate)
        behind = Halved(back.output) if lower else Through(back.output)
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
