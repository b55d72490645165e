"""Declicking: its contract, what it removes, and what it leaves alone."""

from __future__ import annotations

import numpy as np
from scipy.signal import firwin, oaconvolve

from aural import Block, Format
from aural.measure.clicks import ClickMeter
from aural.stages.repair.stage import Declick
from aural.stream import pump
from aural.testing import check_stage, partition

RATE = 48000


def notes(seconds: float = 4.0) -> Block:
    """Return plucked notes over a little noise."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    since = time % 0.4
    tones = sum(np.sin(2 * np.pi * 220 * k * time + k) * np.exp(-since * (4 + k)) / k for k in range(1, 12))
    return (0.2 * np.stack([tones, 0.8 * tones]) + 0.002 * rng.standard_normal((2, time.size))).astype(np.float32)


def ticking(audio: Block, ratio: float = 5.0, per_s: float = 5.0) -> tuple[Block, int]:
    """Return audio with ticks of one to four frames, so many times the level of what is around them."""
    rng = np.random.default_rng(1)
    out, count = audio.copy(), 0
    for channel in out:
        for place in range(4000, channel.size - 4000, round(RATE / per_s)):
            at, frames = place + rng.integers(2000), rng.integers(1, 5)
            level = audio[:, at - 2400 : at + 2400].std()
            channel[at : at + frames] += ratio * level * rng.choice((-1, 1)) * rng.uniform(0.7, 1, frames)
            count += 1
    return out, count


def removed_db(audio: Block, bad: Block, out: Block) -> float:
    return float(10 * np.log10(np.sum((bad - audio) ** 2) / np.sum((out - audio) ** 2)))


def test_contract() -> None:
    check_stage(Declick(threshold_db=20.0))


def test_ticks_go_and_all_else_stays() -> None:
    audio = notes()
    bad, count = ticking(audio)
    out = Declick()(bad, RATE)
    assert removed_db(audio, bad, out) > 8
    assert 0 < np.mean(out != bad) < 0.01
    meter = ClickMeter(Format(RATE, 2))
    for block in partition(bad, 0):
        meter.update(block)
    found = meter.compute()
    assert 0.5 * count < found.count <= count
    assert len(found.places_s) == found.count


def test_clicks_a_voice_makes_itself_stay() -> None:
    """A train of pulses, as vocal folds make it, and a burst that rings and hisses on."""
    rng = np.random.default_rng(0)
    pulses = np.zeros(2 * RATE)
    pulses[:: RATE // 110] = 1
    vowel = oaconvolve(pulses, firwin(401, (300, 2500), fs=RATE, pass_zero=False), "same")
    burst = rng.standard_normal(2 * RATE) * np.exp(-(np.arange(2 * RATE) % 9600) / 500)
    audio = (vowel / vowel.std() + 0.3 * burst)[None].astype(np.float32)
    np.testing.assert_array_equal(Declick()(audio, RATE), audio)


def test_what_does_not_click_stays_bit_for_bit() -> None:
    for audio in (notes(), np.random.default_rng(0).standard_normal((1, 3 * RATE)).astype(np.float32)):
        np.testing.assert_array_equal(Declick()(audio, RATE), audio)


def test_bursts_of_a_record_go() -> None:
    audio, rng = notes(), np.random.default_rng(2)
    bad = audio.copy()
    for at in range(8000, audio.shape[-1] - 8000, 6000):
        bad[:, at : at + 60] += (0.3 * np.exp(-np.arange(60) / 12) * rng.uniform(-1, 1, 60)).astype(np.float32)
    assert removed_db(audio, bad, Declick()(bad, RATE)) > 6


def test_the_steps_of_a_fade_out_are_no_clicks() -> None:
    fade = notes() * np.geomspace(1, 1e-4, 4 * RATE).astype(np.float32)
    steps = np.round(fade * 32768) / np.float32(32768)
    np.testing.assert_array_equal(Declick()(steps, RATE), steps)


def test_blocks_do_not_matter_where_it_works() -> None:
    bad, _ = ticking(notes(5.0))
    stage = Declick(threshold_db=12.0)
    out = np.concatenate(list(pump(stage.open(Format(RATE, 2)), partition(bad, 3))), axis=-1)
    np.testing.assert_array_equal(out, stage(bad, RATE))


def test_often_means_more() -> None:
    bad, _ = ticking(notes())
    assert Declick().measure([bad], Format(RATE, 2)).threshold_db == 10
    assert Declick().measure([notes()], Format(RATE, 2)).threshold_db == 24
