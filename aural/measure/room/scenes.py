"""The training scenes of the room network: voices in rooms that are known, and their degradations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aural.degrade import Audio, Scene, Stock, Take, degrade
from aural.degrade.fourier import convolved
from aural.degrade.room import reverberation_s
from aural.dsp.decibels import db_to_gain
from aural.learning.excerpts import Excerpts, WholeClips, draw
from aural.learning.material import Clip, find
from aural.measure.content.features import AROUND, BANDS, PER_SECOND, SAMPLE_RATE, SILENCE_DB, Bands, bands
from aural.measure.content.scenes import KeptScenes, coloured
from aural.measure.room.network import LEAST_RATIO_DB, LONGEST_S, MOST_RATIO_DB, SHORTEST_S

if TYPE_CHECKING:
    from aural.measure.room.training import RoomTraining

SCENE = Scene(
    room=0.0, recording=0.5, coloured=0.3, babble=0.03, hum=0.1, wind=0.02, handling=0.03,
    snr_low_db=3, snr_high_db=50, microphone=0.5, band_limit=0.35, band_limits_hz=(3400.0, 3900.0, 5500.0, 7000.0),
    gain_control=0.15, compression=0.1, clipping=0.12, codec=0.2, packet_loss=0.02,
)  # fmt: skip
DRY, MEASURED = 0.35, 0.45  # share of voices without a room; of rooms that are measured, not made
MARGIN_S = 4  # of silence before and behind a scene
FASTEST = 1.1
SILENT_DBFS = -80.0
DIRECT_S = 0.0025  # so long the direct sound lasts
LATEST_S = 2.5  # of a response

Drawn = tuple[Bands, np.ndarray[tuple[int], np.dtype[np.float32]]]
"""Levels of bands; base-2 logarithm of the decay in seconds, ratio of direct sound to room in tens of dB, and 1 where
there is a room."""


class RoomScenes(KeptScenes):
    """Draws scenes."""

    told: ClassVar[str] = repr((SCENE, DRY, MEASURED))
    """What a scene depends on, besides the clips."""

    def __init__(self, settings: RoomTraining, part: str) -> None:
        clips = {
            "speech": [c for folder in settings.speech for c in find(folder, "speech", part) if self.fit(c)],
            "noise": find(settings.noise, "noise", part),
            "ir": find(settings.ir, "ir", part),
        }
        super().__init__(settings, part, self.told, clips)
        self.voices = Excerpts(clips["speech"], self.seconds * FASTEST + 0.1, SAMPLE_RATE)
        noises = Excerpts(clips["noise"], self.seconds * FASTEST + 0.1, SAMPLE_RATE)
        self.rooms = WholeClips(clips["ir"], SAMPLE_RATE)
        self.stock = Stock(noises, self.rooms, self.voices)

    def fit(self, clip: Clip) -> bool:
        """Say whether a voice is fit for a scene."""
        return True

    def __call__(self, rng: np.random.Generator) -> Drawn:
        """Draw one of the scenes, and half the time a part of it, with silence around."""
        levels, truth = self.kept(int(rng.integers(self.scenes)))
        shown, _ = self.shown(levels, rng)
        return shown, truth

    def shown(self, levels: Bands, rng: np.random.Generator) -> tuple[Bands, slice]:
        """Return a scene, or half the time a part of it, with silence around; and which seconds those are."""
        first, length = 0, self.seconds
        if rng.random() < 0.5:
            length = int(rng.integers(3, self.seconds + 1))
            first = int(rng.integers(self.seconds - length + 1))
        levels = coloured(levels, rng) if self.part == "train" else levels
        shown = np.full(((self.seconds + 2 * MARGIN_S) * PER_SECOND, BANDS), SILENCE_DB, np.float32)
        start = (MARGIN_S + first) * PER_SECOND
        shown[start : start + length * PER_SECOND] = levels[first * PER_SECOND : (first + length) * PER_SECOND]
        return shown, slice(first, first + length)

    def make(self, rng: np.random.Generator) -> Drawn:
        """Make a scene."""
        voice = self.voice(rng)
        truth = np.array([0.0, MOST_RATIO_DB / 10, 0.0], np.float32)
        if rng.random() >= DRY:
            response, delay = self.measured(rng) if rng.random() < MEASURED else made(rng)
            decay_s, ratio_db = told(response, delay)
            if SHORTEST_S < decay_s < LONGEST_S:
                voice = convolved(voice, response, delay).astype(np.float32)
                here = float(ratio_db < MOST_RATIO_DB - 3)
                truth = np.array(
                    [np.log2(decay_s), np.clip(ratio_db, LEAST_RATIO_DB, MOST_RATIO_DB) / 10, here], np.float32
                )
        noisy = degrade(Take.of(voice, SAMPLE_RATE), SCENE.draw(rng, self.stock), rng).noisy
        return bands(np.pad(noisy, AROUND)[None]), truth

    def voice(self, rng: np.random.Generator) -> Audio:
        """Draw a voice at unit level, as long as a scene."""

        def cut(audio: Audio) -> Audio:
            return np.pad(audio, (0, max(0, self.frames - len(audio))))[: self.frames]

        return draw(self.voices, rng, FASTEST, SILENT_DBFS, cut)

    def measured(self, rng: np.random.Generator) -> tuple[Audio, int]:
        """Draw a measured room, from another distance and often with another decay."""
        response = self.rooms[int(rng.integers(len(self.rooms)))][: round(LATEST_S * SAMPLE_RATE)].copy()
        delay = int(np.argmax(np.abs(response)))
        after = np.maximum(np.arange(response.size) - delay, 0) / SAMPLE_RATE
        response[after > DIRECT_S] *= np.float32(2 ** rng.uniform(-3, 2))
        if rng.random() < 0.6:
            decay_s = reverberation_s(response[delay:], SAMPLE_RATE)
            wanted_s = float(np.exp(rng.uniform(np.log(0.15), np.log(max(0.16, decay_s)))))
            response *= (10 ** (-3 * max(0.0, 1 / wanted_s - 1 / decay_s) * after)).astype(np.float32)
        return response, delay


def made(rng: np.random.Generator) -> tuple[Audio, int]:
    """Make a room: a direct sound, a few early reflections, and noise that dies away, sooner at high frequencies."""
    decay_s = float(np.exp(rng.uniform(np.log(0.12), np.log(2.5))))
    frames = round(min(LATEST_S, 1.2 * decay_s + 0.05) * SAMPLE_RATE)
    time = np.arange(frames) / SAMPLE_RATE
    tail = rng.standard_normal(frames) * 10 ** (-3 * time / decay_s)
    dull = rng.standard_normal(frames) * 10 ** (-3 * time / (decay_s * rng.uniform(0.4, 0.9)))
    tail = np.convolve(tail, (0.25, 0.5, 0.25), "same") * rng.uniform(0.8, 2) + dull
    begin = round(rng.uniform(0.001, 0.025) * SAMPLE_RATE)
    tail[:begin] = 0
    for place in rng.integers(1, round(0.03 * SAMPLE_RATE), rng.integers(2, 9)):
        if place < frames:
            tail[place] += rng.normal(0, 3) * np.std(tail[: begin + 400])
    ratio_db = rng.uniform(-8, 18)
    tail *= db_to_gain(-ratio_db) / max(1e-9, float(np.sqrt(np.square(tail).sum())))
    tail[0] += 1
    return tail.astype(np.float32), 0


def told(response: Audio, delay: int) -> tuple[float, float]:
    """Return the decay of a room in seconds, and the ratio of its direct sound to all that comes later, in dB."""
    end = delay + round(DIRECT_S * SAMPLE_RATE)
    direct, later = (float(np.square(part, dtype=np.float64).sum()) for part in (response[:end], response[end:]))
    return reverberation_s(response[delay:], SAMPLE_RATE), 10 * float(np.log10((direct + 1e-12) / (later + 1e-12)))
