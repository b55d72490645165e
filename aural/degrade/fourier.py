"""Convolution, filters and noise by Fourier transforms of the whole signal, in single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.degrade.take import Audio

RING_S = 0.1  # a filter's ringing is given so much room before it would come round to the other end

Response = Callable[[NDArray[np.float32]], NDArray[Any]]
"""Real or complex gain at frequencies in Hz."""


def convolved(audio: Audio, response: Audio, delay: int) -> Audio:
    """Convolve, and leave out the first `delay` frames; as long as the audio."""
    from scipy import fft

    size = fft.next_fast_len(audio.size + response.size - 1, real=True)
    product = fft.rfft(audio, size) * fft.rfft(response, size)
    return fft.irfft(product, size)[delay : delay + audio.size]


def filtered(audio: Audio, sample_rate: int, response: Response) -> Audio:
    """Multiply the spectrum with a response."""
    from scipy import fft

    size = fft.next_fast_len(audio.size + round(RING_S * sample_rate), real=True)
    gains = response(_frequencies(size, sample_rate))
    return fft.irfft(fft.rfft(audio, size) * gains, size)[: audio.size].astype(np.float32, copy=False)


def shaped_noise(frames: int, sample_rate: int, response: Response, rng: np.random.Generator) -> Audio:
    """Make Gaussian noise whose spectrum has the shape of a response."""
    from scipy import fft

    size = fft.next_fast_len(max(2, frames), real=True)
    hz = _frequencies(size, sample_rate)
    white = rng.standard_normal(2 * hz.size, np.float32).view(np.complex64)
    return fft.irfft(white * response(hz), size)[:frames].astype(np.float32, copy=False)


def _frequencies(size: int, sample_rate: int) -> NDArray[np.float32]:
    return np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float32)
