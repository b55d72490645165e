"""The training scenes of the noise network: voices whose noise is known second by second, and their degradations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aural.degrade import Audio, Scene, Take, active_db, degrade
from aural.degrade.fourier import convolved
from aural.learning.material import Clip
from aural.measure.content.features import AROUND, SAMPLE_RATE, Bands, bands
from aural.measure.noise.network import LEAST_DB, MOST_DB
from aural.measure.room.scenes import RoomScenes, made

NOISES = Scene(
    room=0.0, recording=0.85, most_recordings=2, coloured=0.25, babble=0.05, wind=0.05, handling=0.07,
    snr_low_db=-3, snr_high_db=40, microphone=0.5, band_limit=0.3, band_limits_hz=(3400.0, 3900.0, 5500.0, 7000.0),
    gain_control=0.15, hum=0.0, clipping=0.0, codec=0.0, packet_loss=0.0, compression=0.0,
)  # fmt: skip
NO_NOISE = replace(NOISES, recording=0.0, coloured=0.0, babble=0.0, wind=0.0, handling=0.0)
LATER = Scene(
    room=0.0, recording=0.0, coloured=0.0, babble=0.0, wind=0.0, handling=0.0, microphone=0.0, band_limit=0.0,
    gain_control=0.0, hum=0.1, snr_low_db=15, snr_high_db=45, clipping=0.12, codec=0.25, packet_loss=0.03,
    compression=0.08,
)  # fmt: skip
"""What is no noise, although it comes with some: clipping, codecs and hum, which other meters find."""
NOTHING, ROOM, MEASURED = 0.3, 0.4, 0.6  # share of voices without noise; in a room; of these, in measured ones
CLEAN_SNR_DB = 35.0  # that a voice must have: what lies below is its own floor

Drawn = tuple[Bands, NDArray[np.float32], NDArray[np.float32]]
"""Levels of bands; level of the noise in each second against the voice, in tens of dB; 1 where this is known."""


class NoiseScenes(RoomScenes):
    """Draws scenes."""

    told = repr((NOISES, LATER, NOTHING, ROOM, MEASURED))

    def fit(self, clip: Clip) -> bool:
        return clip.snr_db >= CLEAN_SNR_DB

    def __call__(self, rng: np.random.Generator) -> Drawn:  # type: ignore[override]
        """Draw one of the scenes, and half the time a part of it, with silence around."""
        levels, truth = self.kept(int(rng.integers(self.scenes)))
        shown, part = self.shown(levels, rng)
        known = np.zeros(self.seconds, np.float32)
        known[part] = 1
        return shown, truth, known

    def make(self, rng: np.random.Generator) -> tuple[Bands, NDArray[np.float32]]:  # type: ignore[override]
        """Make a scene."""
        voice = self.voice(rng)
        if rng.random() < ROOM:
            voice = convolved(voice, *(self.measured(rng) if rng.random() < MEASURED else made(rng))).astype(
                np.float32
            )
        scene = NOISES if rng.random() >= NOTHING else NO_NOISE
        take = degrade(Take.of(voice, SAMPLE_RATE), scene.draw(rng, self.stock), rng)
        truth = below(take.noisy - take.voice, take.voice)
        take = degrade(Take.of(take.noisy, SAMPLE_RATE), LATER.draw(rng, self.stock), rng)
        return bands(np.pad(take.noisy, AROUND)[None]), truth


def below(noise: Audio, voice: Audio) -> NDArray[np.float32]:
    """Return the level of a noise in each second against the active level of a voice, in tens of dB."""
    power = np.square(noise, dtype=np.float64).reshape(-1, SAMPLE_RATE).mean(axis=1)
    level_db = 10 * np.log10(power + 1e-20) - active_db(voice, SAMPLE_RATE)
    return (np.clip(level_db, LEAST_DB, MOST_DB) / 10).astype(np.float32)
