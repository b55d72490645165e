"""Linear-phase filters: designing them, and running them over a signal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from aural.dsp.segments import SegmentStream
from aural.signals import Block, Format

Floats = NDArray[np.float64]
ROUNDING = 1e-14  # a transform in double precision leaves less than this share of the peak where there is nothing


def from_magnitude(magnitude: Floats, window: Floats) -> Floats:
    """Design symmetric filters of the length of the window.

    Args:
        magnitude: at equally spaced frequencies from 0 to half the sample rate, shape (..., frequencies).
    """
    reach = len(window) // 2
    return np.roll(fft.irfft(magnitude), reach, axis=-1)[..., : 2 * reach + 1] * window  # type: ignore[no-any-return]


def low_pass(cutoff: float, window: Floats) -> Floats:
    """Design a low-pass of the length of the window, 1 at 0 Hz; the cut-off is a share of half the sample rate."""
    taps = window * cutoff * np.sinc(cutoff * (np.arange(len(window)) - len(window) // 2))
    return np.asarray(taps / taps.sum())


def high_pass(cutoff: float, window: Floats) -> Floats:
    """Design a high-pass of the length of the window, 1 at half the sample rate; the cut-off is a share of that."""
    times = np.arange(len(window)) - len(window) // 2
    taps = window * (np.sinc(times) - cutoff * np.sinc(cutoff * times))
    return np.asarray(taps / np.sum(taps * np.cos(np.pi * times)))


def kaiser(stop_db: float, width: float) -> Floats:
    """Return the window of odd length that gives a filter this attenuation beyond a transition of this width.

    Args:
        stop_db: above 50.
        width: as a share of half the sample rate.

    References:
        J. F. Kaiser: Nonrecursive digital filter design using the I0-sinh window function, ISCAS 1974.
    """
    taps = int(np.ceil((stop_db - 7.95) / (2.285 * np.pi * width) + 1))
    return np.kaiser(taps | 1, 0.1102 * (stop_db - 8.7))


def filtered(audio: NDArray[np.floating[Any]], kernel: Floats) -> Floats:
    """Filter a whole signal, shape (..., frames), by a kernel of odd length: in time with it, and as long."""
    frames, reach = audio.shape[-1], len(kernel) // 2
    size = _good_size(min(frames + 2 * reach, 8 * len(kernel)))  # several short transforms take less than a long one
    step = size - 2 * reach
    count = max(1, -(-frames // step))
    padded = np.zeros((*audio.shape[:-1], (count - 1) * step + size))
    padded[..., reach : reach + frames] = audio
    pieces = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[..., ::step, :]
    whole = fft.irfft(fft.rfft(kernel, size) * fft.rfft(pieces), size)[..., 2 * reach :]
    return np.asarray(whole.reshape(*audio.shape[:-1], -1)[..., :frames])


class FirStream(SegmentStream):
    """Filters a signal in double precision, without delay and without a turn of phase; silence stays silence.

    Args:
        kernel: of odd length, shape (taps,); or (stems, taps), which gives a stem each.
        segment: frames that are filtered at a time.
    """

    def __init__(self, source: Format, kernel: Floats, segment: int) -> None:
        super().__init__(source, segment, kernel.shape[-1] // 2, len(kernel) if kernel.ndim > 1 else None)
        self.kernel = kernel[..., np.newaxis, :]
        self.spectra: dict[int, NDArray[np.complexfloating]] = {}

    def process(self, audio: Block) -> Block:
        frames = audio.shape[-1]
        size = _good_size(frames + self.context)  # what goes round lies in front of what is kept
        if size not in self.spectra:
            self.spectra = {size: fft.rfft(self.kernel, size)}
        whole = fft.irfft(self.spectra[size] * fft.rfft(audio.astype(np.float64), size), size)
        kept = whole[..., self.context : self.context + frames]
        kept[np.abs(kept) < ROUNDING * np.abs(audio).max(axis=-1, keepdims=True)] = 0
        return kept.astype(np.float32)


def _good_size(least: int) -> int:
    return int(fft.next_fast_len(least, real=True))
