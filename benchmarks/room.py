"""The room of a voice as `aural inspect` estimates it, on voices, rooms and noises that training holds out.

Voices of 8 s, a third each without a room, in measured rooms and in made ones; a fifth each with faint hiss alone, in
noise of 8 to 20 dB, cut off at 3.9 kHz, through Opus at 16 kbit/s, and clipped. Reverberant:
a true clarity below 9 dB.

    python benchmarks/room.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from corpus import CORPUS
from report import table, write

from aural.degrade import Audio, BandLimit, Clipping, Codec, Coloured, Degradation, Noise, Take, degrade
from aural.degrade.fourier import convolved
from aural.measure.content.features import SAMPLE_RATE
from aural.measure.room.meter import RoomEstimate, RoomMeter
from aural.measure.room.scenes import RoomScenes, made, told
from aural.measure.room.training import RoomTraining
from aural.signals import Format

VOICES = 150
REVERBERANT_DB = 9.0


def trials(part: str) -> Iterator[tuple[Audio, RoomEstimate | None]]:
    """Give recordings, and the room of each as it is."""
    folders = tuple(str(CORPUS / name) for name in ("speech", "speech_fullband", "speech_misc"))
    settings = RoomTraining(speech=folders, noise=str(CORPUS / "noise"), ir=str(CORPUS / "ir"))
    scenes = RoomScenes(settings, part)
    for number in range(VOICES):
        rng = np.random.default_rng([3, number])
        voice, room = 0.05 * scenes.voice(rng), None
        if number % 3:
            response, delay = scenes.measured(rng) if number % 3 == 1 else made(rng)
            decay_s, ratio_db = told(response, delay)
            room = RoomEstimate(decay_s, 1.0, ratio_db, 0.0)
            voice = convolved(voice, response, delay).astype(np.float32)
            voice *= np.float32(0.033 / np.sqrt(np.mean(np.square(voice)) + 1e-12))
        noise = scenes.stock.noises[int(rng.integers(len(scenes.stock.noises)))]
        kinds: list[Degradation] = [
            Coloured(slope_db=-3.0, snr_db=45.0),
            Noise(noise, snr_db=float(rng.uniform(8, 20))),
            BandLimit(3900.0),
            Codec("opus", 16000),
            Clipping(-6.0),
        ]
        yield degrade(Take.of(voice, SAMPLE_RATE), [kinds[number // 3 % len(kinds)]], rng).noisy, room


def estimated(audio: Audio) -> RoomEstimate:
    meter = RoomMeter(Format(SAMPLE_RATE, 1))
    meter.update(audio[None])
    return meter.compute()


def row(part: str) -> list[str]:
    pairs = [(room, estimated(audio)) for audio, room in trials(part)]
    dry = [found.reverberant for room, found in pairs if room is None]
    wet = [(room, found) for room, found in pairs if room and room.clarity_db < REVERBERANT_DB]
    factor = 2 ** np.median([abs(np.log2(found.decay_s / room.decay_s)) for room, found in wet])
    error_db = np.mean([abs(found.ratio_db - room.ratio_db) for room, found in wet])
    hits = [found.reverberant for _, found in wet]
    return [part, f"{100 * np.mean(hits):.0f} % of {len(hits)}", f"{100 * np.mean(dry):.0f} % of {len(dry)}",
            f"{factor:.2f}", f"{error_db:.1f}"]  # fmt: skip


if __name__ == "__main__":
    header = ["part", "reverberant, found", "no room, called reverberant", "median error of the decay, a factor of",
              "mean error of the ratio, dB"]  # fmt: skip
    text = __doc__.split("\n\n")[1].replace("\n", " ")
    write("Room", "room.py", text + "\n\n" + table(header, [row(part) for part in ("validation", "test")]))
