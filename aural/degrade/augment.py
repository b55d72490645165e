"""Augmentation of voices: other speeds and pitches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aural.degrade.take import Audio, Degradation, Take
from aural.parameters import param

WINDOW_S = 0.04


@dataclass(frozen=True)
class Stretch(Degradation):
    """Makes the voice faster or slower at the same pitch, in noisy, voice and dry alike.

    The length stays: silence follows a faster voice, and the end of a slower one is cut off.
    """

    rate: float = param(1.0, "Speed factor", low=0.5, high=2.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return take.each(lambda audio: _stretched(audio, take.sample_rate, self.rate))


@dataclass(frozen=True)
class Pitch(Degradation):
    """Makes the voice higher or lower at the same pace, in noisy, voice and dry alike."""

    semitones: float = param(0.0, "Pitch shift in semitones", low=-12.0, high=12.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return take.each(lambda audio: _shifted(audio, take.sample_rate, self.semitones))


def _stretched(audio: Audio, sample_rate: int, rate: float) -> Audio:
    from librosa.effects import time_stretch

    return _of_length(time_stretch(audio, rate=rate, n_fft=_window(sample_rate)), audio.size)


def _shifted(audio: Audio, sample_rate: int, semitones: float) -> Audio:
    """Stretch without a change of pitch, then resample to the old length."""
    from librosa import resample
    from librosa.effects import time_stretch

    ratio = 2 ** (semitones / 12)
    longer = time_stretch(audio, rate=1 / ratio, n_fft=_window(sample_rate))
    return _of_length(resample(longer, orig_sr=ratio, target_sr=1.0, res_type="soxr_hq"), audio.size)


def _window(sample_rate: int) -> int:
    """Return the length of a phase vocoder's window that holds a few periods of a voice."""
    return int(2 ** round(np.log2(WINDOW_S * sample_rate)))


def _of_length(audio: Audio, frames: int) -> Audio:
    return np.pad(audio[:frames], (0, max(0, frames - audio.size))).astype(np.float32, copy=False)
