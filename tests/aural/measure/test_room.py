"""The room of a voice: how long it rings, and how much of it there is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from meters import in_blocks
from numpy.typing import NDArray
from recordings import CORPUS, needs_corpus

from aural import Format
from aural.degrade.fourier import convolved
from aural.learning.material import find
from aural.learning.material import read as read_clip
from aural.measure.room.meter import RoomEstimate, RoomMeter
from aural.measure.room.scenes import made, told

RATE = 16000


def room_of(audio: NDArray[np.float32]) -> RoomEstimate:
    found: RoomEstimate = in_blocks(RoomMeter, audio, RATE)
    return found


@pytest.mark.parametrize("decay_s", [0.2, 0.5, 1.5])
@pytest.mark.parametrize("ratio_db", [-5.0, 10.0])
def test_what_is_told_of_a_response_is_true(decay_s: float, ratio_db: float) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    tail = rng.standard_normal(time.size) * 10 ** (-3 * time / decay_s)
    tail[: round(0.003 * RATE)] = 0
    tail *= 10 ** (-ratio_db / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    found = told(tail.astype(np.float32), 0)
    assert found[0] == pytest.approx(decay_s, rel=0.35)  # the direct sound shortens what ISO 3382 measures
    assert found[1] == pytest.approx(ratio_db, abs=0.1)


def test_rooms_that_are_made_differ() -> None:
    rooms = [told(*made(np.random.default_rng(seed))) for seed in range(30)]
    decays, ratios = zip(*rooms, strict=True)
    assert max(decays) > 4 * min(decays)
    assert max(ratios) - min(ratios) > 12
    assert all(math.isfinite(value) for room in rooms for value in room)


@pytest.mark.parametrize(
    ("decay_s", "ratio_db", "clarity_db"), [(0.3, 0.0, 12.8), (0.35, -1.7, 10.5), (1.5, 0.0, 3.4), (0.3, 20.0, 30.0)]
)
def test_clarity(decay_s: float, ratio_db: float, clarity_db: float) -> None:
    room = RoomEstimate(decay_s, 1.3, ratio_db, 3.0)
    assert room.clarity_db == pytest.approx(clarity_db, abs=0.3)
    assert room.reverberant == (clarity_db < 11)


@needs_corpus
def test_a_voice_in_rooms() -> None:
    """A dry voice of the test part; in a small room, nearby; from afar in a hall, and there in noise."""
    clip = next(c for c in find(CORPUS / "speech", "speech", "test") if c.snr_db >= 40 and c.seconds >= 6)
    voice = read_clip(clip, RATE)[: 8 * RATE]
    assert not room_of(voice[None]).reverberant
    near, far = (in_room(voice, *room) for room in ((0.25, 12.0), (1.2, -3.0)))
    assert not room_of(near[None]).reverberant
    found = room_of(far[None])
    assert found.reverberant
    assert found.decay_s == pytest.approx(1.2, rel=0.5)
    noisy = far + 0.05 * np.std(far) * np.random.default_rng(0).standard_normal(far.size).astype(np.float32)
    assert room_of(noisy[None]).reverberant
    assert room_of(0.001 * far[None]).reverberant  # the level does not matter


def in_room(voice: NDArray[np.float32], decay_s: float, ratio_db: float) -> NDArray[np.float32]:
    time = np.arange(round(1.5 * decay_s * RATE)) / RATE
    tail = np.random.default_rng(1).standard_normal(time.size) * 10 ** (-3 * time / decay_s)
    tail[: round(0.003 * RATE)] = 0
    tail *= 10 ** (-ratio_db / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    return convolved(voice, tail.astype(np.float32), 0).astype(np.float32)


def test_nothing_is_told_of_nothing() -> None:
    empty = RoomMeter(Format(RATE, 1)).compute()
    assert math.isnan(empty.decay_s)
    assert not empty.reverberant
