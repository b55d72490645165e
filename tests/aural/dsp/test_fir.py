"""Linear-phase filters over whole signals."""

from __future__ import annotations

import numpy as np
import pytest

from aural.dsp import fir
from aural.signals import Format


@pytest.mark.parametrize("frames", [1, 10, 101, 5000])
def test_filtered_is_the_convolution_in_time_with_the_signal(frames: int) -> None:
    audio = np.random.default_rng(0).standard_normal((2, frames)).astype(np.float32)
    kernel = fir.low_pass(0.2, np.hamming(101))
    found = fir.filtered(audio, kernel)
    for channel, expected in zip(found, audio, strict=True):
        assert channel == pytest.approx(np.convolve(expected, kernel)[50 : 50 + frames], abs=1e-12)


@pytest.mark.parametrize("stems", [1, 2])
def test_beyond_the_reach_of_the_filter_silence_stays_silence_bit_for_bit(stems: int) -> None:
    audio = np.zeros((2, 6000), np.float32)
    audio[:, 2000:4000] = np.random.default_rng(0).standard_normal((2, 2000))
    kernel = fir.high_pass(0.5, fir.kaiser(100.0, 0.1))
    reach = len(kernel) // 2
    stream = fir.FirStream(Format(48000, 2), kernel if stems == 1 else np.array([kernel, kernel]), segment=2048)
    out = np.concatenate([stream.push(audio), stream.flush()], axis=-1)
    assert out[..., 2000:4000].any()
    assert not out[..., : 2000 - reach].any()
    assert not out[..., 4000 + reach :].any()
