"""Late reverberation is predicted and subtracted; what no room made stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from aural.signals import Block, Format
from aural.stages.noise_reduction.engines.compact.stream import LateReverberation
from aural.stream import pump

RATE = 48000


def syllables(seconds: float) -> NDArray[np.float64]:
    """Make noise that sounds for a tenth of a second three times a second: nothing in it follows from its past."""
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * np.random.default_rng(1).standard_normal(time.size) * (time * 3 % 1 < 0.3)


def in_a_room(audio: NDArray[np.float64], decay_s: float = 0.6) -> NDArray[np.float64]:
    time = np.arange(RATE) / RATE
    response = np.random.default_rng(2).standard_normal(RATE) * 10 ** (-3 * time / decay_s) * 0.05
    response[0] = 1.0
    return fftconvolve(audio, response)[: audio.size]


def without(audio: NDArray[np.float64], share: float = 1.0) -> Block:
    source = Format(RATE, 1)
    stream = LateReverberation(source, lambda seconds: np.full(seconds.shape, share, np.float32))
    return np.concatenate(list(pump(stream, [audio[np.newaxis].astype(np.float32)])), axis=-1)


def tails_db(audio: NDArray[np.floating]) -> float:
    """Return the level between syllables, from 80 ms after their ends on, once there was time to learn the room."""
    time = np.arange(audio.size) / RATE
    tails = (time * 3 % 1 > 0.54) & (time > 4)
    return float(10 * np.log10(np.mean(np.square(audio[tails], dtype=np.float64))))


def test_tails_sink_and_half_the_share_takes_less() -> None:
    wet = in_a_room(syllables(10))
    whole, half = (tails_db(wet) - tails_db(without(wet, share)[0]) for share in (1.0, 0.5))
    assert whole > 2
    assert 0.8 < half < whole - 0.5


def test_a_voice_in_no_room_stays() -> None:
    dry = syllables(10)
    error = without(dry)[0] - dry
    assert 10 * np.log10(np.mean(dry**2) / np.mean(error**2)) > 20


def test_the_direct_sound_stays_where_and_as_it_was() -> None:
    wet = in_a_room(syllables(10))
    done = without(wet)[0]
    onset = slice(5 * RATE, 5 * RATE + RATE // 25)
    assert np.corrcoef(done[onset], wet[onset])[0, 1] > 0.95


@pytest.mark.parametrize("frames", [0, 1, 5000])
def test_nothing_and_silence(frames: int) -> None:
    done = without(np.zeros(frames))
    assert done.shape == (1, frames)
    assert not done.any()


def test_faint_recordings_are_treated_like_loud_ones() -> None:
    wet = in_a_room(syllables(5))
    faint = without(1e-4 * wet) * 1e4
    assert np.abs(faint - without(wet)).max() < 1e-3 * np.abs(wet).max()
