"""Rooms: time, level, distance, reflections, decay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import CORPUS, needs_corpus
from takes import ECHOES, RATE, VOICE, arrays, generator, needs_rooms, voice_at

from aural.degrade import Degradation, Room, SimulatedRoom, Take, active_db
from aural.degrade.room import reverberation_s
from aural.errors import AudioError


def test_a_bare_response_changes_nothing() -> None:
    response = np.zeros(50, np.float32)
    response[20] = 0.3
    for audio in arrays(Room(response)(Take.of(VOICE, RATE), generator())):
        np.testing.assert_allclose(audio, VOICE, atol=1e-6)


def test_dry_decays_faster() -> None:
    """The echoes lie 6 dB down after 10 ms and 12 dB after 200 ms, so that the room lasts for 0.6 s."""
    click = np.zeros(RATE, np.float32)
    click[1000] = 1
    take = Room(ECHOES)(Take.of(click, RATE), generator())
    assert take.noisy is take.voice
    assert np.argmax(take.dry) == np.argmax(take.voice) == 1000
    np.testing.assert_allclose(take.voice[[1480, 10600]] / take.voice[1000], [0.5, 0.25], atol=1e-6)
    shorter = [0.5 * 10 ** (-3 * 0.01 * 5), 0.25 * 10 ** (-3 * 0.2 * 5)]
    np.testing.assert_allclose(take.dry[[1480, 10600]] / take.dry[1000], shorter, atol=1e-4)
    assert take.dry[1000] == take.voice[1000]


def test_a_dry_room_stays() -> None:
    response = np.zeros(RATE, np.float32)
    response[: RATE // 10] = generator().standard_normal(RATE // 10) * 10 ** (-3 * np.arange(RATE // 10) / RATE / 0.1)
    response[0] = 3
    assert reverberation_s(response, RATE) == pytest.approx(0.1, rel=0.2)
    take = Room(response)(Take.of(VOICE, RATE), generator())
    np.testing.assert_allclose(take.dry, take.voice, atol=1e-6)


@pytest.mark.parametrize(
    "room",
    [Room(ECHOES), pytest.param(SimulatedRoom(decay_s=0.2), marks=needs_rooms)],
    ids=lambda room: type(room).__name__,
)
@pytest.mark.parametrize("gain", [1e-4, 1.0])
def test_rooms_keep_the_level_of_dry(room: Degradation, gain: float) -> None:
    clean = np.float32(gain) * voice_at(16000)
    take = room(Take.of(clean, 16000), generator())
    assert active_db(take.dry, 16000) == pytest.approx(active_db(clean, 16000), abs=0.01)


def test_distance_weakens_the_direct_sound() -> None:
    click = np.zeros(RATE, np.float32)
    click[0] = 1
    near, far = (Room(ECHOES, distance=d)(Take.of(click, RATE), generator()).voice for d in (1, 2))
    np.testing.assert_allclose(far[[480, 9600]] / far[0], near[[480, 9600]] / near[0] * 2, atol=1e-6)


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("path", sorted((CORPUS / "ir").rglob("*.flac"))[::20], ids=lambda path: path.stem)
def test_measured_rooms_keep_time(path: Path) -> None:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    click = np.zeros(rate, np.float32)
    click[rate // 4] = 1
    take = Room(np.ascontiguousarray(audio[:, 0]))(Take.of(click, rate), generator())
    loud = np.flatnonzero(np.abs(take.dry) > 0.1 * np.abs(take.dry).max())
    assert abs(loud[0] - rate // 4) < 0.005 * rate  # a plate rises slowly
    assert loud[-1] < rate // 4 + 0.075 * rate  # which is half of the time that it is left
    np.testing.assert_allclose(take.dry[: rate // 4], take.voice[: rate // 4], atol=1e-4)


@needs_rooms
def test_sound_takes_its_time_over_the_distance() -> None:
    near, far = (SimulatedRoom(decay_s=0.2, distance_m=d).response(RATE, generator()) for d in (0.3, 1.3))
    assert np.argmax(np.abs(far)) - np.argmax(np.abs(near)) == pytest.approx(RATE / 343, abs=2)


@needs_rooms
def test_a_simulated_room_decays_as_asked() -> None:
    response = SimulatedRoom(decay_s=0.5).response(16000, generator())
    left = np.cumsum(response[::-1] ** 2)[::-1]
    decay_db = 10 * np.log10(left / left[0])
    falls = [np.argmax(decay_db < level) / 16000 for level in (-5, -25)]
    assert 3 * (falls[1] - falls[0]) == pytest.approx(0.5, rel=0.3)


@needs_rooms
@pytest.mark.parametrize(
    ("room", "words"),
    [
        (SimulatedRoom(50, 50, 20, decay_s=0.1), "does not decay so fast"),
        (SimulatedRoom(2, 2, 2, distance_m=5), "no room for a distance of 5 m"),
    ],
)
def test_impossible_rooms_are_refused(room: SimulatedRoom, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        room.response(16000, generator())
