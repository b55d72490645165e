"""Linear-phase filters over whole signals."""

from __future__ import annotations

import numpy as np
import pytest

from aural.dsp import fir


@pytest.mark.parametrize("frames", [1, 10, 101, 5000])
def test_filtered_is_the_convolution_in_time_with_the_signal(frames: int) -> None:
    audio = np.random.default_rng(0).standard_normal((2, frames)).astype(np.float32)
    kernel = fir.low_pass(0.2, np.hamming(101))
    found = fir.filtered(audio, kernel)
    for channel, expected in zip(found, audio, strict=True):
        assert channel == pytest.approx(np.convolve(expected, kernel)[50 : 50 + frames], abs=1e-12)
