"""Pairs of recordings: how late one is, that they belong together, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import loud, write

from aural import create
from aural.errors import AudioError
from aural.learning.pairs import delay, pair, pairs

RATE = 48000
LOW_RATE = 16000


@pytest.mark.parametrize("lag", [-2000, -1, 0, 1, 999])
def test_a_delay_is_measured_and_taken_out(tmp_path: Path, lag: int) -> None:
    audio = loud(2.0)
    early, late = audio[:, max(0, -lag) :], np.pad(audio, ((0, 0), (max(0, lag), 0)))
    write(tmp_path / "a.wav", audio, subtype="FLOAT")
    write(tmp_path / "b.wav", early if lag < 0 else late, subtype="FLOAT")
    found = pair("a", tmp_path / "a.wav", tmp_path / "b.wav")
    assert found.delay == lag
    for input, target in (found.read(), found.read(-50, 400), found.read(found.frames - 100, 300)):
        assert input.shape == target.shape
        np.testing.assert_array_equal(input, target)
    assert not found.read(-50, 400)[0][:, :50].any()


def test_a_pair_is_alike_at_its_delay() -> None:
    compress = create("dynamic-compression", threshold_db=-30.0, ratio=4.0)
    lag, likeness = delay(loud(1.0), compress(loud(1.0), RATE), RATE)
    assert lag == 0
    assert likeness > 0.5
    assert delay(loud(1.0), loud(1.0, seed=1), RATE)[1] < 0.1


def test_a_delay_is_found_where_channels_cancel_and_pauses_are_long() -> None:
    one = loud(1.0)[:1]
    opposite = np.concatenate([one, -one])
    assert delay(opposite, opposite, RATE) == pytest.approx((0, 1))
    paused = np.pad(one, ((0, 0), (5 * RATE, 40 * RATE)))
    assert delay(paused, np.roll(paused, 300), RATE) == pytest.approx((300, 1))
    assert delay(paused, np.zeros_like(paused), RATE)[1] == 0


def test_pairs_that_do_not_fit_are_named(tmp_path: Path) -> None:
    for name in ("input", "target"):
        (tmp_path / name).mkdir()
        for number in range(2):
            write(tmp_path / name / f"{number}.wav", loud(3.0, number, LOW_RATE), LOW_RATE)
    target = tmp_path / "target" / "1.wav"

    def refused(sentence: str) -> None:
        with pytest.raises(AudioError, match=sentence):
            pairs(str(tmp_path / "input"), str(tmp_path / "target"))

    write(target, loud(3.0), 44100)
    refused(r"1\.wav has 1 channels at 16000 Hz, .*1\.wav has 1 channels at 44100 Hz; they must be alike")
    write(target, loud(2.0, rate=LOW_RATE), LOW_RATE)
    refused(r"1\.wav: lasts 2\.00 s, its input 3\.00 s")
    write(target, loud(3.0, 7, LOW_RATE), LOW_RATE)
    refused(r"target/1\.wav: has nothing in common with .*input/1\.wav")
    write(target, 0 * loud(3.0, rate=LOW_RATE), LOW_RATE)
    refused(r"target/1\.wav: is silent")
    target.unlink()
    refused(r"target: no partner here for .*input/1\.wav")
