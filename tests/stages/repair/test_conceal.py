"""Concealing: its contract, what it fills, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from aural import Block
from aural.degrade.codec import Codec
from aural.measure.gaps import GapMeter, find_gaps
from aural.signals import Format
from aural.stages.repair.stage import Conceal
from aural.stream import pump
from aural.testing import check_stage, partition, probe

RATE = 48000


def notes(seconds: float = 3.0) -> Block:
    """Return a chord over a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (220.0, 277.2, 329.6, 1760.0))
    noise = 0.002 * np.random.default_rng(0).standard_normal((2, time.size))
    return (0.2 * np.stack([tones, 0.8 * tones]) + noise).astype(np.float32)


def ratio_db(wanted: Block, made: Block) -> float:
    return float(10 * np.log10(np.square(wanted).sum() / np.square(made - wanted).sum()))


def gapped(audio: Block, frames: int) -> Block:
    out = audio.copy()
    for start in range(20000, out.shape[-1] - 20000, 24000):
        out[:, start : start + frames] = 0
    return out


def test_contract() -> None:
    check_stage(Conceal())


@pytest.mark.parametrize(("gap_ms", "least_db"), [(2, 10), (10, 13), (20, 14), (50, 10)])
def test_gaps_are_filled_and_all_else_stays(gap_ms: int, least_db: float) -> None:
    audio = notes()
    bad = gapped(audio, gap_ms * RATE // 1000)
    out = Conceal()(bad, RATE)
    hole = bad != audio
    np.testing.assert_array_equal(out[~hole], bad[~hole])
    error = np.sum((out - audio)[hole] ** 2) / np.sum(audio[hole] ** 2)
    assert -10 * np.log10(error) > least_db


def test_they_are_counted_wherever_blocks_end() -> None:
    meter = GapMeter(Format(RATE, 2))
    for block in partition(gapped(notes(), 960), 1):
        meter.update(block)
    found = meter.compute()
    assert found.count == 2 * 5
    assert found.places_s[:2] == pytest.approx((20000 / RATE,) * 2)


def test_a_long_gap_in_noise_is_not_silent() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 2 * RATE))).astype(np.float32)
    bad = gapped(noise, RATE // 20)
    out = Conceal()(bad, RATE)
    middle = out[0, 20000 + 800 : 20000 + 1600]
    assert middle.std() == pytest.approx(0.1, rel=0.4)


def count(audio: Block) -> int:
    meter = GapMeter(Format(RATE, audio.shape[0]))
    meter.update(np.asarray(audio, np.float32))
    return meter.compute().count


def test_what_is_rounded_to_zero_is_no_gap() -> None:
    """A tone of four steps of quantisation at times, and at others of less than half a step, 19 dB softer."""
    time = np.arange(3 * RATE) / RATE
    steps = np.where(time % 0.07 < 0.05, 4.0, 0.45) * np.sin(2 * np.pi * 440 * time)[None]
    assert not count(steps / 128)
    assert not count(np.round(steps) / 128)


def test_an_offset_makes_no_gaps() -> None:
    """A bass of square waves, whose lower half an offset moves to zero."""
    time = np.arange(3 * RATE) / RATE
    bass = 0.02 * np.tanh(20 * np.sin(2 * np.pi * 30 * time))[None]
    bass += 1e-5 * np.random.default_rng(2).standard_normal(bass.shape)
    assert not count(bass)
    assert not count(bass + 0.02)


def test_silences_of_a_synthetic_voice_are_no_gaps() -> None:
    """Its sounds decay, and 30 ms of silence follow, before the next begins at once."""
    time = np.arange(round(0.15 * RATE)) / RATE
    sound = np.exp(-25 * time) * np.sin(2 * np.pi * 200 * time + 0.5) * np.clip((0.15 - time) / 0.005, 0.15, 1)
    voice = np.tile(np.r_[sound, np.zeros(round(0.03 * RATE))], 20)[None]
    assert len(find_gaps(np.asarray(voice, np.float32), RATE, 0.06)) == 19
    assert count(voice) == 0
    lost = voice.copy()
    for start in range(round(0.03 * RATE), lost.shape[-1], round(0.18 * RATE)):
        lost[:, start : start + RATE // 100] = lost[:, start + RATE // 20 : start + RATE // 20 + RATE // 200] = 0
    assert count(lost) > 40


def test_pauses_and_fades_are_no_gaps() -> None:
    audio = notes(2.0)
    pause = gapped(audio, RATE // 5)
    fade = audio * np.abs(np.sin(np.arange(audio.shape[-1]) / 5000)).astype(np.float32) ** 4
    quiet = np.round(fade * 300) / np.float32(32768)
    for signal in (audio, pause, quiet, np.zeros_like(audio)):
        np.testing.assert_array_equal(Conceal()(signal, RATE), signal)


def test_blocks_do_not_matter_where_it_works() -> None:
    bad = gapped(notes(5.0), 960)
    out = np.concatenate(list(pump(Conceal().open(Format(RATE, 2)), partition(bad, 3))), axis=-1)
    np.testing.assert_array_equal(out, Conceal()(bad, RATE))


@pytest.mark.parametrize(("name", "kbps", "gain_db"), [("mp3", 128, 3), ("aac", 128, 10), ("opus", 64, 10)])
def test_gaps_are_found_behind_a_codec(name: str, kbps: int, gain_db: float) -> None:
    codec = Codec(name, 1000 * kbps)
    whole, bad = (codec.there_and_back(audio, RATE) for audio in (notes(), gapped(notes(), 960)))
    np.testing.assert_array_equal(Conceal()(whole, RATE), whole)
    assert (bad[:, 20100:20800] != 0).any()
    assert ratio_db(whole, Conceal()(bad, RATE)) > ratio_db(whole, bad) + gain_db


@pytest.mark.parametrize(("fall_ms", "pause_ms"), [(6.0, 20.0), (0.2, 60.0), (0.2, 5.0)])
def test_what_fades_or_pauses_is_no_gap_behind_a_codec(fall_ms: float, pause_ms: float) -> None:
    audio = notes(2.0)
    level = np.ones(audio.shape[-1])
    fall, pause = (round(ms * RATE / 1000) for ms in (fall_ms, pause_ms))
    slope = np.geomspace(1, 1e-3, fall)
    level[40000 : 40000 + 2 * fall + pause] = np.concatenate([slope, np.full(pause, 1e-3), slope[::-1]])
    quiet = (audio * level).astype(np.float32)
    np.testing.assert_array_equal(Conceal()(quiet, RATE), quiet)


def test_the_probe_with_gaps_is_filled() -> None:
    bad = probe("gaps")
    assert (Conceal()(bad, RATE) != bad).mean() > 0.02
