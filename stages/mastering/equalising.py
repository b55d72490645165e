"""The sections of the equaliser, and the two ways of running them.

References:
    R. Bristow-Johnson: Cookbook formulae for audio equalizer biquad filter coefficients, 1994 (W3C note 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve, sosfilt, sosfreqz

from aural import Block, Format, Stream
from aural.dsp.segments import SegmentStream

Floats = NDArray[np.float64]

LEAST_S, MOST_S = 0.085, 0.5  # to either side of a frame, that the filter without a turn of phase hears
FADED = 1e-4  # of a ringing is left there


def section(kind: str, frequency: float, gain_db: float, q: float) -> list[float]:
    """Design one section (b0, b1, b2, 1, a1, a2) of the cookbook.

    Args:
        kind: peak, low-shelf, high-shelf, high-pass or low-pass.
        frequency: as a share of the sample rate, below 0.5.
    """
    w = 2 * math.pi * frequency
    c, alpha = math.cos(w), math.sin(w) / (2 * q)
    amplitude = 10 ** (gain_db / 40)
    if kind == "peak":
        b = [1 + alpha * amplitude, -2 * c, 1 - alpha * amplitude]
        a = [1 + alpha / amplitude, -2 * c, 1 - alpha / amplitude]
    elif kind in ("high-pass", "low-pass"):
        s = 1 if kind == "high-pass" else -1
        b = [(1 + s * c) / 2, -s * (1 + s * c), (1 + s * c) / 2]
        a = [1 + alpha, -2 * c, 1 - alpha]
    else:
        s = 1 if kind == "high-shelf" else -1
        up, down, bend = amplitude + 1, amplitude - 1, 2 * math.sqrt(amplitude) * alpha
        b = [amplitude * (up + s * down * c + bend), -2 * s * amplitude * (down + s * up * c),
             amplitude * (up + s * down * c - bend)]  # fmt: skip
        a = [up - s * down * c + bend, 2 * s * (down - s * up * c), up - s * down * c - bend]
    return [x / a[0] for x in (*b, *a)]


def _radius(section: Sequence[float]) -> float:
    """Return how much of the ringing of a section's magnitude is left from one frame to the next: zeros ring, too."""
    roots = np.abs(np.concatenate([np.roots(section[:3]), np.roots(section[3:])]))
    return float(max(roots[roots < 1 - 1e-6], default=1e-9)) or 1e-9


class MinimumStream(Stream):
    """Section after section, as in an analogue circuit."""

    def __init__(self, source: Format, sections: Sequence[Sequence[float]], gain: float) -> None:
        super().__init__(source)
        self.sections, self.gain = np.array(sections), np.float32(gain)
        self.state = np.zeros((len(sections), source.channels, 2))

    def push(self, block: Block) -> Block:
        if not len(self.sections) or not block.shape[-1]:
            return self.gain * block
        out, self.state = sosfilt(self.sections, block + 1e-30, zi=self.state)
        return (self.gain * out).astype(np.float32)


class SymmetricStream(SegmentStream):
    """One symmetric filter of a given magnitude: no phase turns."""

    def __init__(self, source: Format, reach: int, magnitude: Callable[[Floats], Floats]) -> None:
        super().__init__(source, segment=8 * reach, context=reach)
        hz = np.arange(8 * reach + 1) * source.sample_rate / (16 * reach)
        impulse = np.roll(np.fft.irfft(magnitude(hz)), reach)[: 2 * reach + 1]
        self.kernel = (impulse * np.hanning(2 * reach + 3)[1:-1] ** 0.25).astype(np.float32)

    def process(self, audio: Block) -> Block:
        return oaconvolve(audio, self.kernel[None], mode="same", axes=-1)


class LinearStream(SymmetricStream):
    """One symmetric filter with the magnitude of all sections."""

    def __init__(self, source: Format, sections: Sequence[Sequence[float]], gain: float) -> None:
        def magnitude(hz: Floats) -> Floats:
            whole = sosfreqz(np.array(sections), hz, fs=source.sample_rate)[1] if sections else np.ones(hz.size)
            return gain * np.abs(whole)

        ringing = max((math.log(FADED) / math.log(radius) for radius in map(_radius, sections)), default=0.0)
        reach = round(min(max(ringing, LEAST_S * source.sample_rate), MOST_S * source.sample_rate))
        super().__init__(source, reach, magnitude)
