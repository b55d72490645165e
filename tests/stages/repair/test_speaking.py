"""Plosives and breaths: the contract of both stages, what they lower, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aural import Block
from aural.errors import ParameterError
from aural.measure.breaths import find_breaths
from aural.measure.plosives import PlosiveMeter, find_plosives
from aural.signals import Format
from aural.stages.repair.stage import DeBreath, DePlosive
from aural.stream import pump
from aural.testing import check_stage, partition, probe

RATE = 48000


def popping(audio: Block) -> tuple[Block, NDArray[np.bool_]]:
    """Return audio with a burst each second, and where they are."""
    out, places = audio.copy(), np.zeros(audio.shape[-1], np.bool_)
    time = np.arange(RATE // 8) / RATE
    pop = np.exp(-time / 0.03) * (1 - np.exp(-time / 0.004)) * np.sin(2 * np.pi * 30 * time + 1)
    for start in range(RATE // 2, audio.shape[-1] - RATE // 2, RATE):
        out[:, start : start + pop.size] += (audio.max() * 1.5 / np.abs(pop).max() * pop).astype(np.float32)
        places[start - 1500 : start + pop.size + 3000] = True
    return out, places


def test_plosive_contract() -> None:
    check_stage(DePlosive())


def test_breath_contract() -> None:
    check_stage(DeBreath())


def test_pops_go_and_all_else_stays() -> None:
    audio = probe("voice", 6.0)
    bad, places = popping(audio)
    out = DePlosive()(bad, RATE)
    np.testing.assert_array_equal(out[:, ~places], bad[:, ~places])
    gain_db = 10 * np.log10(np.sum((bad - audio) ** 2) / np.sum((out - audio) ** 2))
    assert gain_db > 12


def test_drums_in_a_passage_of_music_are_no_pops() -> None:
    bad, _ = popping(probe("voice", 12.0))
    meter = PlosiveMeter(Format(RATE, 2))
    meter.update(bad)
    every, beside = meter.compute(), meter.compute(apart_from=[(0.0, 4.1), (8.1, 12.0)])
    assert beside.places_s == tuple(place for place in every.places_s if 4.1 <= place < 8.1)
    out = DePlosive(music_s=(0.0, 4.1, 8.1, 12.0))(bad, RATE)
    spoken = slice(4 * RATE + RATE // 4, 8 * RATE)
    np.testing.assert_array_equal(out[:, spoken], DePlosive()(bad, RATE)[:, spoken])
    assert (out[:, spoken] != bad[:, spoken]).any()
    out[:, spoken] = bad[:, spoken]
    np.testing.assert_array_equal(out, bad)


def test_passages_of_music_in_disorder() -> None:
    with pytest.raises(ParameterError, match="music_s must be beginnings and ends in order of time"):
        DeBreath(music_s=(2.0, 1.0))


def test_a_voice_that_speaks_on_keeps_its_tone() -> None:
    time = np.arange(4 * RATE) / RATE
    tone = (0.2 * np.sin(2 * np.pi * 110 * time) * np.minimum(1, time[::-1]))[None].astype(np.float32)
    voice = tone + 0.02 * np.random.default_rng(0).standard_normal(tone.shape).astype(np.float32)
    bad, _ = popping(voice)
    out = DePlosive()(bad, RATE)
    assert np.sum((bad - voice) ** 2) > 20 * np.sum((out - voice) ** 2)


def test_a_voice_and_a_drone_have_no_pops() -> None:
    drone = 0.3 * np.sin(2 * np.pi * 45 * np.arange(2 * RATE) / RATE)[None].astype(np.float32)
    for audio in (probe("voice", 4.0), drone, np.zeros((1, RATE), np.float32)):
        assert find_plosives(audio, RATE) == []
        np.testing.assert_array_equal(DePlosive()(audio, RATE), audio)


def test_a_breath_is_lowered_and_the_voice_is_not() -> None:
    audio = probe("pops")
    out = DeBreath(range_db=12.0)(audio, RATE)
    level_db = 20 * np.log10(out[:, 10000:18000].std() / audio[:, 10000:18000].std())
    assert -12.5 < level_db < -8
    np.testing.assert_array_equal(out[:, 24000:], audio[:, 24000:])


def test_a_voice_does_not_breathe_while_it_speaks() -> None:
    assert find_breaths(probe("voice", 4.0), RATE) == []


def test_blocks_do_not_matter_where_they_work() -> None:
    bad, _ = popping(np.concatenate([probe("pops", 4.0)] * 3, axis=-1))
    for stage in (DePlosive(), DeBreath()):
        out = np.concatenate(list(pump(stage.open(Format(RATE, 2)), partition(bad, 3))), axis=-1)
        np.testing.assert_array_equal(out, stage(bad, RATE))
        assert (out != bad).any()
