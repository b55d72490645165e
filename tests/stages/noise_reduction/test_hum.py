"""Hum that is subtracted: the line goes, and music at the same frequency stays."""

from __future__ import annotations

import numpy as np
import pytest

from aural.signals import Block, Format
from aural.stages.noise_reduction.stage import NoiseReduction
from aural.stages.noise_reduction.stream import HumStream
from aural.stream import pump

RATE = 8000
NUMBERS = (1, 2, 3)


def without(audio: Block, hum_hz: float = 50.0) -> Block:
    return np.concatenate(list(pump(HumStream(Format(RATE, len(audio)), hum_hz, NUMBERS), [audio])), axis=-1)


def hum(seconds: float, hz: float = 50.0, drift_hz: float = 0.0) -> Block:
    time = np.arange(round(seconds * RATE)) / RATE
    turns = hz * time + drift_hz * 60 / (2 * np.pi) * (1 - np.cos(2 * np.pi * time / 60))
    return np.asarray([sum(0.01 / n * np.sin(2 * np.pi * n * turns + n) for n in NUMBERS)], np.float32)


def notes(seconds: float, hz: list[float], first_s: float = 1.0) -> Block:
    """Return notes that begin every two seconds, last one, and decay, over faint noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    since = (time - first_s) % 2
    envelope = np.where((time >= first_s) & (since < 1), np.exp(-2 * since), 0)
    noise = 1e-5 * np.random.default_rng(1).standard_normal(time.size)
    return np.asarray([noise + 0.2 * envelope * sum(np.sin(2 * np.pi * f * time) for f in hz)], np.float32)


def below_db(one: Block, other: Block) -> float:
    return 10 * float(np.log10(np.sum(one**2) / (np.sum(other**2) + 1e-20)))


@pytest.mark.parametrize(("drift_hz", "least_db"), [(0.0, 30), (0.01, 18)])
def test_steady_and_drifting_hum_goes(drift_hz: float, least_db: float) -> None:
    audio = hum(40, 50.01, drift_hz)
    assert below_db(audio, without(audio)) > least_db


def test_music_with_hum_comes_back_as_it_was() -> None:
    music, buzz = notes(30, [49.0, 98.0, 147.0]), hum(30)
    assert below_db(music, without(music + buzz) - music) > below_db(music, buzz) + 10


@pytest.mark.parametrize("hz", [[50.0, 100.0], [49.0, 98.0], [51.9, 103.8]])
def test_bass_notes_stay(hz: list[float]) -> None:
    music = notes(30, hz)
    assert below_db(music, without(music) - music) > 35


def test_silence_stays_silence() -> None:
    audio = hum(20)
    audio[:, 8 * RATE : 9 * RATE] = 0
    assert not without(audio)[:, 8 * RATE : 9 * RATE].any()
    assert not without(np.zeros((2, 5 * RATE), np.float32)).any()


@pytest.mark.parametrize("frames", [0, 1, 100, RATE - 1, RATE, 9 * RATE + 3])
def test_any_length(frames: int) -> None:
    assert without(hum(10)[:, :frames]).shape == (1, frames)


def test_only_where_music_is_kept() -> None:
    music, buzz = notes(20, [49.0, 98.0]), hum(20)
    kept = {"nowhere": {}, "everywhere": {"keep": "music"}, "in passages": {"music_s": (0.0, 10.0)}}
    errors = {}
    for where, wish in kept.items():
        stage = NoiseReduction(max_attenuation_db=0.0, hum_hz=50.0, hum_harmonics=NUMBERS, **wish)
        errors[where] = below_db(music, stage(music + buzz, RATE) - music)
    assert errors["everywhere"] == errors["in passages"] > errors["nowhere"] + 10
