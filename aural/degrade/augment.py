"""Other voices and places out of those there are, by audiomentations."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aural.degrade.noise import Additive
from aural.degrade.take import Audio, Degradation, Take
from aural.errors import AudioError, AuralError
from aural.parameters import param


@dataclass(frozen=True)
class Stretch(Degradation):
    """Makes the voice faster or slower at the same pitch, in heard, voice and dry alike.

    The length stays: silence follows a faster voice, and the end of a slower one is cut off.

    Raises:
        AuralError: audiomentations is not installed.
    """

    rate: float = param(1.0, "How many times as fast", low=0.5, high=2.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return take.each(lambda audio: _run("TimeStretch", (self.rate, self.rate), audio, take.sample_rate, rng))


@dataclass(frozen=True)
class Pitch(Degradation):
    """Makes the voice higher or lower at the same pace, in heard, voice and dry alike.

    Raises:
        AuralError: audiomentations is not installed.
    """

    semitones: float = param(0.0, "How many semitones higher", low=-12.0, high=12.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        span = (self.semitones, self.semitones)
        return take.each(lambda audio: _run("PitchShift", span, audio, take.sample_rate, rng))


@dataclass(frozen=True)
class Background(Additive):
    """Noise out of a file, of any rate and format that librosa reads, from a place in it that is drawn.

    Raises:
        AudioError: the file cannot be read.
        AuralError: audiomentations is not installed.
    """

    file: Path

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        silence = np.zeros(frames, np.float32)
        try:
            return _run("AddBackgroundNoise", (str(self.file),), silence, sample_rate, rng, noise_rms="absolute")
        except (OSError, AssertionError, RuntimeError) as error:
            raise AudioError(f"Background: {self.file} cannot be read as audio") from error


def _run(
    name: str, span: tuple[object, ...], audio: Audio, sample_rate: int, rng: np.random.Generator, **rest: object
) -> Audio:
    """Run one of audiomentations' transforms. It draws from Python's own generator, which is put back afterwards."""
    try:
        import audiomentations
    except ImportError:
        raise AuralError(f'{name} needs audiomentations: pip install "aural[train]"') from None
    transform: Any = getattr(audiomentations, name)(*span, p=1.0, **rest)
    state = random.getstate()
    random.seed(int(rng.integers(2**32)))
    try:
        with warnings.catch_warnings(action="ignore"):  # that a file had to be resampled
            return np.asarray(transform(audio.copy(), sample_rate), np.float32)
    finally:
        random.setstate(state)
