"""Other speeds and pitches."""

from __future__ import annotations

import numpy as np
import pytest
from takes import RATE, generator

from aural.degrade import Audio, Pitch, Stretch, Take, active_db


def test_stretch_and_pitch() -> None:
    def loudest_hz(audio: Audio) -> float:
        return float(np.argmax(np.abs(np.fft.rfft(audio[: RATE // 2])))) * 2

    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    higher = Pitch(12.0)(Take.of(tone, RATE), generator()).noisy
    faster = Stretch(2.0)(Take.of(tone, RATE), generator()).noisy
    assert loudest_hz(higher) == pytest.approx(880, abs=4)
    assert loudest_hz(faster) == pytest.approx(440, abs=4)
    assert active_db(faster[: RATE - 5000], RATE) > -6
    assert not faster[RATE + 10000 :].any()
