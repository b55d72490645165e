"""What is cut out of recordings for a page, and how loud it is."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from recordings import voice

from aural.audio.files import read
from aural.cleaning.reporting import course
from aural.measure.course import Course
from aural.pages.sound import SAMPLE_RATE, Passage, Version, clips, cut, lufs, most_changed
from aural.signals import Block, Format


def followed(audio: Block) -> Course:
    return course([audio], Format(SAMPLE_RATE, len(audio)))


def test_what_changed_most_is_where_noise_was_removed_and_not_where_the_level_was() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(90 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.1 * np.sin(2 * np.pi * 300 * times))[None]
    noise = 0.02 * rng.standard_normal(len(times)) * ((times > 60) & (times < 70))
    passages = most_changed(followed((tone + noise).astype(np.float32)), followed((2 * tone).astype(np.float32)))
    assert [p.to_s - p.from_s for p in passages] == [10.0] * 3
    assert any(abs(p.from_s - 60) < 1 for p in passages)
    assert [p.from_s for p in passages] == sorted(p.from_s for p in passages)


@pytest.mark.parametrize(("versions", "lengths"), [(2, [10.0] * 3), (5, [6.0] * 3), (8, [5.6] * 2), (20, [4.5])])
def test_the_more_versions_the_less_of_each(versions: int, lengths: list[float]) -> None:
    before, after = followed(np.zeros((1, 31 * SAMPLE_RATE), np.float32)), followed(np.tile(voice(1.0), 31))
    passages = most_changed(before, after, versions)
    assert [round(p.to_s - p.from_s, 6) for p in passages] == lengths


def test_short_recordings_are_heard_whole() -> None:
    assert most_changed(followed(voice(3.0)), followed(voice(3.0))) == [Passage(0.0, 3.0)]


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_a_cut_is_the_same_time_at_any_rate(rate: int) -> None:
    audio = np.zeros((6, 4 * rate), np.float32)
    audio[:, 2 * rate : 2 * rate + rate // 10] = 0.5
    blocks = np.split(audio, [1, 1000, 2 * rate + 5], axis=-1)
    first, second = cut(Version("x", blocks, Format(rate, 6)), [Passage(1.0, 3.0), Passage(1.5, 2.5)])
    assert (first.shape, second.shape) == ((1, 2 * SAMPLE_RATE), (1, SAMPLE_RATE))
    assert abs(int(np.argmax(first[0] > 0.25)) - SAMPLE_RATE) <= 2 * SAMPLE_RATE / rate
    assert abs(int(np.argmax(second[0] > 0.25)) - SAMPLE_RATE // 2) <= 2 * SAMPLE_RATE / rate


def test_clips_are_brought_to_the_quietest_and_what_was_removed_keeps_its_place(tmp_path: Path) -> None:
    before, after = 0.4 * voice(3.0), 0.8 * voice(3.0)
    form = Format(SAMPLE_RATE, 1)
    versions = [Version(n, [a], form) for n, a in (("before", before), ("after", after), ("removed", 0.1 * before))]
    (held,) = clips(versions, [Passage(0.0, 3.0)], {"removed": "before"})
    gains = {name: clip["gain_db"] for name, clip in held["clips"].items()}
    assert gains == pytest.approx({"before": 0.0, "after": -6.02, "removed": 0.0}, abs=0.01)
    (tmp_path / "after.mp3").write_bytes(base64.b64decode(held["clips"]["after"]["base64"]))
    heard, rate = read(tmp_path / "after.mp3")
    assert (rate, heard.shape) == (SAMPLE_RATE, after.shape)
    assert lufs(heard) == pytest.approx(lufs(after), abs=0.1)


def test_silence_is_not_turned_up() -> None:
    silent = np.zeros((1, SAMPLE_RATE), np.float32)
    versions = [Version(n, [a], Format(SAMPLE_RATE, 1)) for n, a in (("before", silent), ("after", voice(1.0)))]
    (held,) = clips(versions, [Passage(0.0, 1.0)], {})
    assert {clip["gain_db"] for clip in held["clips"].values()} == {0.0}
