"""Make a toy set to try training with: voices of formants and noises, nothing recorded.

    python examples/make_toy_set.py toy
    aural train noise-reduction --speech toy/speech --noise toy/noise -o run --steps 40 --epoch-steps 20

It shows that everything works, in a minute; what is learnt from it is worth nothing on real voices.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

from aural.degrade import Audio, Coloured, Handling, Wind

SAMPLE_RATE = 48000
SPEAKERS, FILES, SECONDS = 12, 2, 4
FORMANTS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def voice(pitch_hz: float, rng: np.random.Generator) -> Audio:
    """Speak vowels one after the other, with pauses."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    glide = 1 + 0.15 * np.interp(time, np.arange(SECONDS + 1), rng.uniform(-1, 1, SECONDS + 1))
    phase = 2 * np.pi * np.cumsum(pitch_hz * glide) / SAMPLE_RATE
    audio = np.zeros(time.size)
    spoken = round(0.25 * SAMPLE_RATE)
    for start in range(0, time.size - spoken, round(0.3 * SAMPLE_RATE)):
        span = slice(start, start + spoken)
        formants = np.array(FORMANTS_HZ[rng.integers(len(FORMANTS_HZ))])
        for number in range(1, int(5000 / pitch_hz)):
            level = np.exp(-(((number * pitch_hz - formants) / 150) ** 2)).sum() + 0.02
            audio[span] += level * np.hanning(spoken) * np.sin(number * phase[span]) / number**0.5
    return (0.2 * audio / np.abs(audio).max()).astype(np.float32)


def noise(rng: np.random.Generator) -> Audio:
    """Make a steady noise with wind or knocks in it."""
    steady = Coloured(slope_db=rng.uniform(-9, 0))
    other = Wind() if rng.random() < 0.5 else Handling(per_s=3.0)
    sounds = [kind.sound(SECONDS * SAMPLE_RATE, SAMPLE_RATE, rng) for kind in (steady, other)]
    audio = sum(sound / np.abs(sound).max() for sound in sounds)
    return (0.2 * audio).astype(np.float32)


def make(folder: Path) -> None:
    """Write folder/speech and folder/noise."""
    rng = np.random.default_rng(0)
    for number in range(SPEAKERS):
        for kind, name in (("speech", "speaker"), ("noise", "place")):
            place = folder / kind / f"{name}_{chr(ord('a') + number)}"
            place.mkdir(parents=True, exist_ok=True)
            for take in range(FILES):
                audio = voice(rng.uniform(90, 250), rng) if kind == "speech" else noise(rng)
                soundfile.write(place / f"{take}.wav", audio, SAMPLE_RATE)


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else "toy"))
