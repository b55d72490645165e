"""Second-order sections: designing them, and running them over a signal.

References:
    R. Bristow-Johnson: Cookbook formulae for audio equalizer biquad filter coefficients, 1994 (W3C note 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit
from aural.signals import Block, Format
from aural.stream import Stream

Floats = NDArray[np.float64]
Sections = NDArray[np.float64]
"""Shape (sections, 6), each b0, b1, b2, 1, a1, a2."""

BUTTERWORTH = 0.5**0.5
"""Quality of a high- or low-pass that is flat up to its corner."""
TINY = 1e-30  # added to the input: keeps the states out of the slow denormal numbers in silence
FAINTEST = 1e-24  # of the output; what is fainter is silence


def section(kind: str, frequency: Any, gain_db: Any = 0.0, q: Any = BUTTERWORTH, of: Any = math) -> list[Any]:
    """Design one section (b0, b1, b2, 1, a1, a2) of the cookbook.

    Args:
        kind: peak, low-shelf, high-shelf, high-pass, low-pass or notch.
        frequency: as a share of the sample rate, below 0.5.
        of: the module whose sin, cos and sqrt are used: torch for tensors, through which gradients then flow.
    """
    w = 2 * math.pi * frequency
    c, alpha = of.cos(w), of.sin(w) / (2 * q)
    amplitude = 10 ** (gain_db / 40)
    if kind == "peak":
        b = [1 + alpha * amplitude, -2 * c, 1 - alpha * amplitude]
        a = [1 + alpha / amplitude, -2 * c, 1 - alpha / amplitude]
    elif kind == "notch":
        b, a = [1, -2 * c, 1], [1 + alpha, -2 * c, 1 - alpha]
    elif kind in ("high-pass", "low-pass"):
        s = 1 if kind == "high-pass" else -1
        b = [(1 + s * c) / 2, -s * (1 + s * c), (1 + s * c) / 2]
        a = [1 + alpha, -2 * c, 1 - alpha]
    else:
        s = 1 if kind == "high-shelf" else -1
        up, down, bend = amplitude + 1, amplitude - 1, 2 * alpha * amplitude**0.5
        b = [amplitude * (up + s * down * c + bend), -2 * s * amplitude * (down + s * up * c),
             amplitude * (up + s * down * c - bend)]  # fmt: skip
        a = [up - s * down * c + bend, 2 * s * (down - s * up * c), up - s * down * c - bend]
    return [x / a[0] for x in (*b, *a)]


def response(sections: Sequence[Sequence[Any]], turn: Any) -> Any:
    """Return the complex response of sections in series at exp(-2 pi i f), f as a share of the sample rate."""
    whole = turn * 0 + 1
    for b0, b1, b2, _, a1, a2 in sections:
        whole = whole * (b0 + turn * (b1 + turn * b2)) / (1 + turn * (a1 + turn * a2))
    return whole


class Biquads:
    """Sections in series with their state, in double precision, run over consecutive blocks.

    Args:
        settled: begin as if the first frame had always been there, so that an offset goes without a thump.
    """

    def __init__(self, sections: Sequence[Sequence[float]] | Sections, channels: int, settled: bool = False) -> None:
        self.sections = np.array(sections, np.float64).reshape(-1, 6)
        self.state = np.zeros((channels, len(self.sections), 2))
        self.unsettled = settled

    def __call__(self, block: Block) -> Block:
        """Filter the next frames, shape (channels, frames)."""
        if self.unsettled and block.shape[-1]:
            self._settle(block[:, 0].astype(np.float64))
        return _run(np.ascontiguousarray(block, np.float32), self.sections, self.state)  # type: ignore[no-any-return]

    def _settle(self, level: Floats) -> None:
        self.unsettled = False
        for number, (b0, b1, b2, _, a1, a2) in enumerate(self.sections):
            before = level / (1 + a1 + a2)
            self.state[:, number] = before[:, np.newaxis]
            level = before * (b0 + b1 + b2)


class BiquadStream(Stream):
    """Sections in series as a stream."""

    def __init__(self, source: Format, sections: Sequence[Sequence[float]] | Sections, settled: bool = False) -> None:
        super().__init__(source)
        self.filter = Biquads(sections, source.channels, settled)

    def push(self, block: Block) -> Block:
        return self.filter(block)


@njit(fastmath={"contract"})
def _run(audio: Block, sections: Sections, state: Floats) -> Block:
    """Run sections over each channel; `state` moves on.

    Direct form II: u = x - a1 v - a2 w and y = b0 u + b1 v + b2 w, where v and w are the last two u. From frame to
    frame there is one multiply-add to wait for.
    """
    out = np.empty(audio.shape, np.float32)
    row = np.empty(audio.shape[1], np.float64)
    for channel in range(audio.shape[0]):
        for n in range(row.size):
            row[n] = audio[channel, n] + TINY
        for number in range(sections.shape[0]):
            b0, b1, b2, _, a1, a2 = sections[number]
            v, w = state[channel, number]
            for n in range(row.size):
                u = (row[n] - a2 * w) - a1 * v
                row[n] = b0 * u + (b1 * v + b2 * w)
                v, w = u, v
            state[channel, number] = v, w
        for n in range(row.size):
            out[channel, n] = row[n] if abs(row[n]) > FAINTEST else 0.0
    return out
