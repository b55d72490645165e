"""The leveller: the contract, voices near and far, and what must not be lifted."""

from __future__ import annotations

import numpy as np
import pytest

from aural import Block, Format
from aural.measure.loudness import LoudnessMeter
from aural.stages.leveller.stage import Leveller
from aural.stages.leveller.voicing import VoiceMeter
from aural.testing import check_stage, probe

RATE = 48000
FAR = -15.0


@pytest.mark.parametrize(
    "stage", [Leveller(), Leveller(window_s=0.5, max_boost_db=6.0), Leveller(share=0.5)], ids=str
)
def test_contract(stage: Leveller) -> None:
    check_stage(stage)


def talk(pause_dbfs: float = -65.0) -> tuple[Block, list[slice], list[slice]]:
    """Return a voice that is near and far in turn, between pauses of noise, and where both are."""
    noise = np.random.default_rng(0).standard_normal((1, 60 * RATE)) * 10 ** (pause_dbfs / 20)
    voice = np.tile(probe("voice", 2.0, 1), 3)
    turns, pauses = [], []
    for number in range(7):
        start = number * 8 * RATE
        turns.append(slice(start, start + voice.shape[1]))
        pauses.append(slice(turns[-1].stop + RATE, start + 8 * RATE - RATE // 2))
        noise[:, turns[-1]] += voice * 10 ** (FAR / 20 * (number % 2))
    return noise.astype(np.float32), turns, pauses


def loudness(audio: Block) -> float:
    meter = LoudnessMeter(Format(RATE, audio.shape[0]))
    meter.update(audio)
    return meter.compute().integrated_lufs


def test_a_far_voice_becomes_as_loud_as_a_near_one_and_pauses_do_not_rise() -> None:
    audio, turns, pauses = talk()
    out = Leveller()(audio, RATE)
    near, far = ([loudness(out[:, turn]) for turn in turns[which::2]] for which in (0, 1))
    assert loudness(audio[:, turns[0]]) - loudness(audio[:, turns[1]]) > 13
    assert max(near + far) - min(near + far) < 3
    for pause in pauses:
        assert np.std(out[:, pause]) < 1.01 * np.std(audio[:, pause])


def test_pauses_stay_as_far_below_the_near_voice_as_they_were() -> None:
    audio, turns, pauses = talk()
    out = Leveller()(audio, RATE)
    near = np.mean([loudness(out[:, turn]) - loudness(audio[:, turn]) for turn in turns[::2]])
    rest = np.mean([20 * np.log10(np.std(out[:, pause]) / np.std(audio[:, pause])) for pause in pauses])
    assert near < -4
    assert rest == pytest.approx(near, abs=1.5)


def test_an_even_voice_stays_as_it_is() -> None:
    audio = talk()[0][:, : 6 * RATE]
    assert loudness(Leveller()(audio, RATE)) == pytest.approx(loudness(audio), abs=1.0)


def test_noise_alone_is_not_lifted() -> None:
    noise = (0.001 * np.random.default_rng(1).standard_normal((1, 20 * RATE))).astype(np.float32)
    np.testing.assert_array_equal(Leveller()(noise, RATE), noise)


@pytest.mark.parametrize("breath_dbfs", [-60.0, -50.0, -40.0])
def test_a_breath_in_a_pause_is_not_lifted(breath_dbfs: float) -> None:
    audio, turns, _ = talk(-75.0)
    rng = np.random.default_rng(2)
    breaths = [slice(turn.stop + RATE, turn.stop + RATE + RATE // 3) for turn in turns[:-1]]
    for breath in breaths:
        audio[:, breath] += (10 ** (breath_dbfs / 20) * rng.standard_normal(RATE // 3)).astype(np.float32)
    out = Leveller()(audio, RATE)
    for breath in breaths:
        assert np.std(out[:, breath]) < 1.1 * np.std(audio[:, breath])


def test_a_voice_too_far_for_the_limit_is_lifted_as_far_as_it_goes() -> None:
    audio, turns, _ = talk(-80.0)
    far = turns[1]
    audio[:, far] *= np.float32(10 ** (-12 / 20))
    stage = Leveller(target_lufs=loudness(audio[:, turns[0]]), max_boost_db=10.0)
    assert loudness(stage(audio, RATE)[:, far]) - loudness(audio[:, far]) == pytest.approx(10.0, abs=0.5)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 192000])
def test_a_vowel_is_told_from_noise(rate: int) -> None:
    """And blocks do not matter."""
    rng = np.random.default_rng(3)
    audio = 0.005 * rng.standard_normal((2, 4 * rate))
    time = np.arange(rate) / rate
    partials = [np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 9)]
    audio[:, 2 * rate : 3 * rate] += 0.05 * sum(partials)
    meters = [VoiceMeter(Format(rate, 2)) for _ in range(2)]
    meters[0].update(audio.astype(np.float32))
    for block in np.split(audio.astype(np.float32), np.sort(rng.integers(0, 4 * rate, 40)), axis=-1):
        meters[1].update(block)
    voiced = [meter.voiced(400) for meter in meters]
    np.testing.assert_array_equal(*voiced)
    assert voiced[0][200:300].all()
    assert not voiced[0][:160].any()
    assert not voiced[0][340:].any()


def test_limits_hold_and_a_target_is_reached() -> None:
    audio, turns, _ = talk()
    far = turns[1]
    lifted = loudness(Leveller(max_boost_db=5.0)(audio, RATE)[:, far]) - loudness(audio[:, far])
    assert lifted == pytest.approx(5.0, abs=0.5)
    both = [loudness(Leveller(target_lufs=t, max_boost_db=40.0)(audio, RATE)[:, far]) for t in (-30.0, -25.0)]
    assert both[1] - both[0] == pytest.approx(5.0, abs=0.3)


def test_segments_do_not_matter() -> None:
    audio, _, _ = talk()
    stage = Leveller(target_lufs=-25.0, speech_lufs=-45.0, loud_lufs=-20.0)
    whole, later = stage(audio, RATE), stage(audio[:, 2 * 8 * RATE :], RATE)
    np.testing.assert_allclose(whole[:, 20 * RATE :], later[:, 4 * RATE :], atol=1e-4)
