"""Other paces, pitches and places."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from takes import RATE, STREET, VOICE, generator, needs_augmentation, spectrum_db

from aural.degrade import Audio, Background, Pitch, Stretch, Take, active_db
from aural.errors import AudioError


@needs_augmentation
def test_stretch_and_pitch() -> None:
    def loudest_hz(audio: Audio) -> float:
        return float(np.argmax(np.abs(np.fft.rfft(audio[: RATE // 2])))) * 2

    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    higher = Pitch(12.0)(Take.of(tone, RATE), generator()).heard
    faster = Stretch(2.0)(Take.of(tone, RATE), generator()).heard
    assert loudest_hz(higher) == pytest.approx(880, abs=4)
    assert loudest_hz(faster) == pytest.approx(440, abs=4)
    assert active_db(faster[: RATE - 5000], RATE) > -6
    assert not faster[RATE + 10000 :].any()


@needs_augmentation
def test_background_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "street.wav"
    soundfile.write(path, 0.1 * STREET[:16000], 16000)
    take, state = Take.of(VOICE, RATE), random.getstate()
    first, again, other = (Background(path, snr_db=12.0)(take, generator(seed)).heard for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert random.getstate() == state  # audiomentations draws from it
    assert active_db(VOICE, RATE) - active_db(first - VOICE, RATE) == pytest.approx(12, abs=0.1)
    assert spectrum_db(first - VOICE, 12000) < spectrum_db(first - VOICE, 4000) - 40
    with pytest.raises(AudioError, match=r"none\.wav cannot be read"):
        Background(tmp_path / "none.wav")(take, generator())
