"""Takes to degrade, and what is read off them."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import soxr
from scipy.signal import correlate, welch

from aural.degrade import Audio, Take
from aural.testing import probe

RATE = 48000
VOICE: Audio = probe("voice", 2.0, 1)[0]
STREET = np.random.default_rng(5).standard_normal(RATE, np.float32)
ECHOES = np.zeros(RATE // 2, np.float32)
ECHOES[[100, 580, 9700]] = 0.8, 0.4, 0.2  # direct sound, 10 ms and 200 ms after it

needs_rooms = pytest.mark.skipif(
    find_spec("pyroomacoustics") is None, reason='needs pyroomacoustics: pip install "aural[train]"'
)


def generator(seed: int = 0) -> np.random.Generator:
    """Return a generator of random numbers."""
    return np.random.default_rng(seed)


def voice_at(sample_rate: int, frames: int | None = None) -> Audio:
    """Return speech-like sound that cannot be written to."""
    audio = soxr.resample(VOICE, RATE, sample_rate).astype(np.float32)[:frames]
    audio.setflags(write=False)
    return audio


def arrays(take: Take) -> tuple[Audio, Audio, Audio]:
    """Return the three of a take."""
    return take.noisy, take.voice, take.dry


def lag(late: Audio, audio: Audio) -> int:
    """Return how many frames late a sound is; the bass, where codecs turn the phase, counts little."""
    likeness = correlate(np.diff(late), np.diff(audio), method="fft")
    return int(np.argmax(likeness)) - (audio.size - 2)


def spectrum_db(audio: Audio, hz: float, sample_rate: int = RATE) -> float:
    """Return the level of a sound near a frequency, in dB per hertz."""
    frequencies, powers = welch(audio, sample_rate, nperseg=4096)
    return float(10 * np.log10(powers[np.argmin(np.abs(frequencies - hz))]))
