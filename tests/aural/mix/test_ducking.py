"""A track that makes room: when, how far and how fast its gain moves, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aural import ChainError, Mix, ParameterError, Track
from aural.mix.ducking import Ducked, Ducking
from aural.mix.lowering import STEPS, Powers
from aural.mix.mixfile import read_mix, write_mix
from aural.signals import Block
from aural.testing import SAMPLE_RATE, partition

RATE = 8000


def front(seconds: float, *sounding: tuple[float, float], level: float = 0.1) -> Block:
    """Make noise that sounds from one time to another."""
    audio = np.zeros((1, int(seconds * RATE)), np.float32)
    rng = np.random.default_rng(0)
    for begin, end in sounding:
        part = slice(int(begin * RATE), int(end * RATE))
        audio[:, part] = level * rng.standard_normal(audio[:, part].shape)
    return audio


def relative(audio: Block, lufs: float = -20.7) -> Powers:
    """Return the power of each step above that of a loudness."""
    powers = np.square(audio[0], dtype=np.float64).reshape(-1, RATE // STEPS).mean(axis=1)
    return powers * 10 ** (-(lufs + 0.691) / 10) if np.isfinite(lufs) else 0 * powers


def gain_db(*fronts: Block, seconds: float = 6.0, lufs: float = -20.7, **values: float) -> Block:
    """Return the gain of a track in dB, over time."""
    ducking = Ducking(under=("front",), **values)  # type: ignore[arg-type]
    steady = np.ones((1, int(seconds * RATE)), np.float32)
    ducked = Ducked([steady], [relative(audio, lufs) for audio in fronts], ducking, RATE)
    curve: Block = 20 * np.log10(np.concatenate(list(ducked), axis=-1)[0])
    return curve


def at(curve: Block, seconds: float) -> float:
    return float(curve[int(seconds * RATE)])


def test_the_gain_goes_down_ahead_and_comes_up_after_the_hold() -> None:
    curve = gain_db(front(6, (2.0, 3.0)))
    for seconds, wanted_db in (
        (0.5, 0),
        (1.79, 0),
        (1.9, -6),
        (2.0, -12),
        (3.0, -12),
        (3.49, -12),
        (4.0, -6),
        (4.52, 0),
    ):
        assert at(curve, seconds) == pytest.approx(wanted_db, abs=0.7), seconds
    assert np.abs(np.diff(curve)).max() < 12 / (0.2 * RATE) * 1.1  # no click


def test_every_setting_does_what_it_says() -> None:
    audio = front(6, (2.0, 3.0))
    assert at(gain_db(audio, duck_db=20.0), 2.5) == pytest.approx(-20, abs=0.1)
    assert at(gain_db(audio, duck_lookahead_ms=0.0), 2.1) == pytest.approx(-6, abs=0.7)
    assert at(gain_db(audio, duck_attack_ms=1000.0), 2.3) == pytest.approx(-6, abs=0.7)
    assert at(gain_db(audio, duck_hold_ms=1000.0), 3.95) == pytest.approx(-12, abs=0.1)
    assert at(gain_db(audio, duck_release_ms=2000.0), 4.5) == pytest.approx(-6, abs=0.7)
    soft = front(6, (2.0, 3.0), level=0.01)
    assert at(gain_db(soft), 2.5) == 0
    assert at(gain_db(soft, duck_sensitivity_db=25.0), 2.5) == pytest.approx(-12, abs=0.1)


def test_short_pauses_are_held_and_what_sounds_from_the_start_finds_room() -> None:
    curve = gain_db(front(6, (0.0, 1.0), (1.4, 2.0)))
    assert np.abs(curve[: 2 * RATE] + 12).max() < 0.1


def test_several_in_front_count_together_and_a_silent_one_never() -> None:
    curve = gain_db(front(6, (1.0, 2.0)), front(6, (4.0, 5.0)))
    assert [round(at(curve, seconds)) for seconds in (1.5, 3.6, 4.5)] == [-12, 0, -12]
    assert not gain_db(front(6), lufs=-np.inf).any()


def test_blocks_do_not_matter_and_a_front_may_end_early() -> None:
    audio, steady = front(3, (1.0, 2.0)), np.ones((1, 6 * RATE), np.float32)

    class Parts:
        def __init__(self, signal: Block, seed: int) -> None:
            self.signal, self.seed = signal, seed

        def __iter__(self) -> Iterator[Block]:
            return partition(self.signal, self.seed)

    ducking = Ducking(under=("front",))
    whole = np.concatenate(list(Ducked([steady], [relative(audio)], ducking, RATE)), axis=-1)
    parts = Ducked(Parts(steady, 1), [relative(audio)], ducking, RATE)
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(parts), axis=-1), whole)


def mixed(**values: Any) -> Block:
    rng = np.random.default_rng(0)
    voice = np.zeros((1, 3 * SAMPLE_RATE), np.float32)
    voice[:, SAMPLE_RATE:] = 0.1 * rng.standard_normal((1, 2 * SAMPLE_RATE))
    music = 0.3 * rng.standard_normal((2, 3 * SAMPLE_RATE)).astype(np.float32)
    tracks = (Track("voice.wav"), Track("music.wav", **values))
    return Mix(tracks)({"voice.wav": voice, "music.wav": music}, SAMPLE_RATE)


def test_a_mix_lowers_what_lies_under() -> None:
    plain, ducked = mixed(), mixed(under=("voice",), duck_db=60.0)
    early, late = slice(0, SAMPLE_RATE // 2), slice(2 * SAMPLE_RATE, None)
    np.testing.assert_array_equal(ducked[:, early], plain[:, early])
    assert np.std(ducked[:, late]) == pytest.approx(0.1 / 2**0.5, rel=0.02)
    np.testing.assert_array_equal(mixed(under=("voice.wav",), duck_db=60.0), ducked)


@pytest.mark.parametrize("values", [{}, {"pan": 0.8}])
def test_rumble_is_no_voice(values: dict[str, float]) -> None:
    """A voice from 1 to 2 s, in rumble that is as strong and hardly heard."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    rumble = 0.1 * np.sin(2 * np.pi * 15 * time)
    speaks = 0.1 * np.random.default_rng(0).standard_normal(time.size) * ((time >= 1) & (time < 2))
    audio = {"voice": np.stack([rumble + speaks] * 2), "music": np.full((1, time.size), 0.1)}
    tracks = (Track("voice", gain_db=-120, **values), Track("music", under=("voice",), duck_hold_ms=0.0))
    music = Mix(tracks)(audio, SAMPLE_RATE)[0] / (0.1 * 0.5**0.5)
    assert 20 * np.log10(music[int(1.5 * SAMPLE_RATE)]) == pytest.approx(-12, abs=0.1)
    assert music[int(0.5 * SAMPLE_RATE)] == pytest.approx(1, abs=1e-3)


def test_steps_do_not_drift() -> None:
    """At a rate that is no multiple of the steps, the gain still falls where it should after a minute."""
    rate, seconds = 11025, 60
    powers = np.zeros(seconds * STEPS)
    powers[-STEPS:] = 1.0
    steady = np.ones((1, seconds * rate), np.float32)
    course = np.concatenate(list(Ducked([steady], [powers], Ducking(under=("front",)), rate)), axis=-1)
    assert np.flatnonzero(course[0] < 1)[0] / rate == pytest.approx(seconds - 1 - 0.2, abs=0.02)


def test_the_level_of_the_front_does_not_matter() -> None:
    curves = [gain_db(front(6, (2.0, 3.0), level=level), lufs=lufs) for level, lufs in ((0.1, -20.7), (0.001, -60.7))]
    np.testing.assert_allclose(curves[0], curves[1], atol=1e-3)


def test_it_goes_into_a_mix_file_and_comes_back(tmp_path: Path) -> None:
    mix = Mix((Track(tmp_path / "voice.wav"), Track(tmp_path / "music.wav", under=("voice",), duck_db=9.0)))
    (tmp_path / "mix.toml").write_text(write_mix(mix, tmp_path))
    assert read_mix(tmp_path / "mix.toml") == mix


def test_what_is_refused() -> None:
    with pytest.raises(ParameterError, match="duck_db needs under"):
        Track("music.wav", duck_db=3.0)
    with pytest.raises(ChainError, match="no track called 'voise'; did you mean 'voice'"):
        Mix((Track("voice.wav"), Track("music.wav", under=("voise",))))
    with pytest.raises(ChainError, match=r"music.wav: cannot be ducked under itself"):
        Mix((Track("voice.wav"), Track("music.wav", under=("music",))))
