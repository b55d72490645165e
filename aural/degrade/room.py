"""Rooms: measured or simulated impulse responses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aural.degrade.fourier import convolved
from aural.degrade.take import SILENT, Audio, Degradation, Take, active_db, check_audio
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.errors import AudioError, AuralError
from aural.parameters import param

Point = NDArray[np.float64]

WALL_M = 0.2  # least distance of voice and device from a wall
TRIES = 200
ONSET = 0.1  # the direct sound begins where the response first comes within 20 dB of its peak, as in ISO 3382-1
MOST_REFLECTIONS = 75  # of one sound; beyond, a small room that rings for long would take a minute to simulate
DIRECT_S = 0.0025  # length of the direct sound; what comes later is the room


@dataclass(frozen=True, eq=False)
class Room(Degradation):
    """A room, given by the impulse response from the voice to the device.

    Noisy and voice get all of it; in dry it decays faster from the direct sound on, as in a small dry room: a target
    that can be reached without a loss of voice. The delay of the direct sound is taken out, so all stay in time; the
    active level of dry stays.

    References:
        R. Zhou, W. Zhu, X. Li: Speech dereverberation with a reverberation time shortening target, ICASSP 2023.

    Raises:
        AudioError: the response is not float32 of shape (frames,), or silent.
    """

    response: Audio
    """At the rate of the take."""
    distance: float = param(
        1.0, "Distance of the voice, as a multiple of that in the impulse response", low=0.05, high=20.0
    )
    decay_s: float = param(0.15, "Reverberation time that is left in dry", unit="s", low=0.01, high=10.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_audio("Room", self.response)
        if np.abs(self.response).max() < SILENT:
            raise AudioError("the impulse response is silent", stage="Room")

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        delay, whole, shortened = self._parts(take.sample_rate)
        dry = convolved(take.dry, shortened, delay)
        before_db, after_db = (active_db(audio, take.sample_rate) for audio in (take.dry, dry))
        gain = np.float32(db_to_gain(before_db - after_db) if np.isfinite(after_db) else 1)
        wet = replace(take, dry=take.voice).each(lambda audio: gain * convolved(audio, whole, delay))
        return replace(wet, dry=gain * dry)

    def _parts(self, sample_rate: int) -> tuple[int, Audio, Audio]:
        """Return when the direct sound comes, the response at the distance, and what dry gets of it."""
        loud = np.abs(self.response)
        onset = int(np.argmax(loud > ONSET * loud.max()))
        end = onset + max(1, round(DIRECT_S * sample_rate))
        delay = onset + int(np.argmax(loud[onset:end]))
        whole = self.response.copy()
        whole[end:] *= np.float32(self.distance)
        time = np.maximum(np.arange(whole.size) - delay, 0) / sample_rate
        faster = max(0.0, 1 / self.decay_s - 1 / reverberation_s(whole[delay:], sample_rate))
        shortened = whole * (10 ** (-3 * faster * time)).astype(np.float32)
        return delay, whole, shortened


def reverberation_s(response: Audio, sample_rate: int) -> float:
    """Measure how long a response takes to decay by 60 dB: three times as long as from -5 to -25 dB (ISO 3382-2)."""
    left = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    first, last = (int(np.argmax(left < db_to_power(-fall_db) * left[0])) for fall_db in (5, 25))
    return 3 * max(1, (last or response.size) - first) / sample_rate


@dataclass(frozen=True)
class SimulatedRoom(Degradation):
    """A rectangular room, by image sources; where voice and device stand in it is drawn.

    Raises:
        AuralError: pyroomacoustics is not installed.
        AudioError: no room of this size has this reverberation, or the distance does not fit into it.
    """

    length_m: float = param(4.0, "Length", unit="m", low=1.0, high=50.0)
    width_m: float = param(3.0, "Width", unit="m", low=1.0, high=50.0)
    height_m: float = param(2.5, "Height", unit="m", low=1.0, high=20.0)
    decay_s: float = param(0.4, "Reverberation time, until it is 60 dB down", unit="s", low=0.05, high=2.0)
    distance_m: float = param(0.6, "From the voice to the device", unit="m", low=0.05, high=20.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return Room(self.response(take.sample_rate, rng))(take, rng)

    def response(self, sample_rate: int, rng: np.random.Generator) -> Audio:
        """Simulate the impulse response."""
        try:
            import pyroomacoustics
        except ImportError:
            raise AuralError('needs pyroomacoustics: pip install "aural[train]"', stage="SimulatedRoom") from None
        size = np.array([self.length_m, self.width_m, self.height_m])
        voice, device = self._places(size, rng)
        try:
            absorption, order = pyroomacoustics.inverse_sabine(self.decay_s, size)
        except ValueError:
            raise AudioError(f"{self} cannot be: its sound does not decay so fast") from None
        walls = pyroomacoustics.Material(absorption)
        box = pyroomacoustics.ShoeBox(size, fs=sample_rate, materials=walls, max_order=min(order, MOST_REFLECTIONS))
        box.add_source(voice)
        box.add_microphone(device)
        box.compute_rir()
        return box.rir[0][0].astype(np.float32)

    def _places(self, size: NDArray[np.float64], rng: np.random.Generator) -> tuple[Point, Point]:
        """Draw where voice and device are: at the distance, neither in a wall."""
        for _ in range(TRIES):
            voice = rng.uniform(WALL_M, size - WALL_M)
            direction = rng.standard_normal(3) * (1, 1, 0.3)  # the device lies at about the height of the voice
            device = voice + self.distance_m * direction / np.linalg.norm(direction)
            if (device > WALL_M).all() and (device < size - WALL_M).all():
                return voice, device
        raise AudioError(f"{self} has no room for a distance of {self.distance_m:g} m")
