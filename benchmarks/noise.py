"""Noise behind voices, steady or not, as `aural inspect` finds it, on voices and noises that training holds out.

Voices of 8 s, clean, in a measured room, through Opus at 16 kbit/s and clipped by turns, without noise and with one
of the recorded noises at each ratio. By pauses: the quiet tenth of the recording lies 28 dB or less below the voice.
With the network: noise that comes and goes is found, too, and a room's tail in the pauses is no noise any more.

    python benchmarks/noise.py
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from corpus import CORPUS
from diagnosis import examined
from report import table, write

from aural.degrade import Audio, Clipping, Codec, Degradation, Noise, Take, degrade
from aural.degrade.fourier import convolved
from aural.measure.content.features import SAMPLE_RATE
from aural.measure.diagnosis import NOISY_DB
from aural.measure.noise.scenes import NoiseScenes
from aural.measure.noise.training import NoiseTraining

VOICES = 60
RATIOS_DB = (None, 25.0, 20.0, 15.0, 10.0, 5.0, 0.0)


def found(audio: Audio) -> tuple[bool, bool]:
    """Say whether the pauses are loud, and whether the diagnosis says noise."""
    diagnosis = examined(audio, SAMPLE_RATE)
    return diagnosis.kind == "speech" and diagnosis.environment.snr_db < NOISY_DB, diagnosis.noisy


def rows(part: str) -> list[list[str]]:
    folders = tuple(str(CORPUS / f"speech{name}") for name in ("", "_fullband", "_phone", "_misc"))
    scenes = NoiseScenes(NoiseTraining(speech=folders, noise=str(CORPUS / "noise"), ir=str(CORPUS / "ir")), part)
    hits = defaultdict(list)
    for number in range(VOICES):
        for ratio_db in RATIOS_DB:
            rng = np.random.default_rng([5, number])
            voice = 0.05 * scenes.voice(rng)
            if number % 4 == 1:
                voice = convolved(voice, *scenes.measured(rng)).astype(np.float32)
            noise = scenes.stock.noises[int(rng.integers(len(scenes.stock.noises)))]
            kinds: list[Degradation] = [] if ratio_db is None else [Noise(noise, snr_db=ratio_db)]
            kinds += [Codec("opus", 16000)] if number % 4 == 2 else [Clipping(-6.0)] if number % 4 == 3 else []
            hits[ratio_db].append(found(degrade(Take.of(voice, SAMPLE_RATE), kinds, rng).noisy))
    lines = []
    for ratio_db, values in hits.items():
        shares = 100 * np.mean(values, axis=0)
        label = "no noise" if ratio_db is None else f"{ratio_db:.0f} dB"
        lines.append([part, label, *(f"{share:.0f} %" for share in shares)])
    return lines


if __name__ == "__main__":
    header = ["part", "noise below the voice", "found by pauses", "with the network"]
    text = __doc__.split("\n\n")[1].replace("\n", " ")
    write("Noise", "noise.py", text + "\n\n" + table(header, [*rows("validation"), *rows("test")]))
