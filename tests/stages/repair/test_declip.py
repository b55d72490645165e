"""Declipping: its contract, what it restores, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
from scipy.signal import firwin, oaconvolve

from aural import Block, Format, ParameterError
from aural.stages.repair.declipping import sparsest
from aural.stages.repair.stage import Declip
from aural.stream import pump
from aural.testing import check_stage, partition, probe

RATE = 48000


def clipped(low: float = -0.35, high: float = 0.35, seconds: float = 1.5) -> tuple[Block, Block]:
    """Return a voice whose peaks reach 1, and the same cut off."""
    audio = probe("loud", seconds, 2)
    return audio, np.clip(audio, low, high)


def gained_db(audio: Block, cut: Block, out: Block) -> float:
    """Return how much nearer the cut-off samples have come."""
    wrong = audio != cut
    return float(10 * np.log10(np.sum((cut - audio)[wrong] ** 2) / np.sum((out - audio)[wrong] ** 2)))


def test_contract() -> None:
    check_stage(Declip(rails=(0.0, 0.0, -0.25, 0.176)))


@pytest.mark.parametrize(("low", "high"), [(-0.35, 0.35), (-0.5, 0.3)])
def test_peaks_come_back_and_all_else_stays(low: float, high: float) -> None:
    audio, cut = clipped(low, high)
    out = Declip(rails=(low, high) * 2)(cut, RATE)
    assert gained_db(audio, cut, out) > 3
    right = (cut > low) & (cut < high)
    np.testing.assert_array_equal(out[right], cut[right])
    assert (out[cut >= high] >= 0.999 * high).all()
    assert (out[cut <= low] <= 0.999 * low).all()


def test_rails_are_found() -> None:
    noise = oaconvolve(np.random.default_rng(0).standard_normal((2, 3 * RATE)), firwin(101, 3000, fs=RATE)[None])
    cut = np.clip(0.3 * noise / noise.std(), -0.5, 0.4).astype(np.float32)
    stage = Declip().measure([cut], Format(RATE, 2))
    assert stage.rails == pytest.approx((-0.5, 0.4) * 2, rel=0.02)


@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_the_level_does_not_matter(gain: float) -> None:
    _, cut = clipped()
    a, b = (Declip(rails=(-0.35 * g, 0.35 * g) * 2)(np.float32(g) * cut, RATE) / g for g in (1.0, gain))
    np.testing.assert_allclose(a, b, atol=0.05)


def test_what_is_not_clipped_stays_bit_for_bit() -> None:
    for kind in ("loud", "voice", "peaks"):
        np.testing.assert_array_equal(Declip()(probe(kind), RATE), probe(kind))


def test_what_a_codec_has_moved_is_restored_too() -> None:
    audio, cut = clipped()
    coded = cut + 0.005 * np.random.default_rng(0).standard_normal(cut.shape).astype(np.float32)
    stage = Declip().measure([coded], Format(RATE, 2))
    assert 0.3 < max(stage.spread_db) < 2
    assert (
        gained_db(audio, cut, stage(coded, RATE))
        > gained_db(audio, cut, replace(stage, spread_db=())(coded, RATE)) + 1
    )


def test_each_rail_has_its_own_spread() -> None:
    _, cut = clipped()
    cut[0] += 0.005 * np.random.default_rng(0).standard_normal(cut[0].size).astype(np.float32)
    stage = Declip().measure([cut], Format(RATE, 2))
    assert stage.rails
    assert stage.rails[2:] == pytest.approx((-0.35, 0.35))
    assert min(stage.spread_db[:2]) > 0.3
    assert stage.spread_db[2:] == (0.0, 0.0)
    out, below = stage(cut, RATE)[1], np.abs(cut[1]) < 0.349
    np.testing.assert_array_equal(out[below], cut[1][below])


def test_no_peak_gets_lower() -> None:
    _, cut = clipped()
    thrown = cut + 0.03 * np.random.default_rng(0).standard_normal(cut.shape).astype(np.float32)
    for stage in (Declip(rails=(-0.35, 0.35) * 2), Declip(rails=(-0.35, 0.35) * 2, headroom_db=0.0)):
        assert (np.abs(stage(thrown, RATE)) >= np.abs(thrown) - 1e-6).all()


def test_rounded_peaks_are_restored_too() -> None:
    noise = oaconvolve(np.random.default_rng(0).standard_normal((1, 6 * RATE)), firwin(401, 1500, fs=RATE)[None])
    audio = (0.4 * noise / noise.std()).astype(np.float32)
    soft = np.where(np.abs(audio) < 0.75, audio - 16 / 27 * audio**3, np.sign(audio) / 2).astype(np.float32)
    stage = Declip().measure([soft], Format(RATE, 1))
    hard = Declip().measure([np.clip(audio, -0.5, 0.5)], Format(RATE, 1))
    assert hard.spread_db == (0.0, 0.0)
    assert stage.spread_db == pytest.approx((4.0, 4.0))
    out = stage(soft, RATE)
    high = np.abs(audio) > 0.4
    assert np.sum((soft - audio)[high] ** 2) > 4 * np.sum((out - audio)[high] ** 2)
    assert (np.abs(out) >= np.abs(soft) - 1e-6).all()


def test_one_side_of_one_channel() -> None:
    audio, _ = clipped()
    cut = np.stack([audio[0], np.minimum(audio[1], 0.3)])
    out = Declip(rails=(0.0, 0.0, 0.0, 0.3))(cut, RATE)
    np.testing.assert_array_equal(out[0], cut[0])
    np.testing.assert_array_equal(out[1][cut[1] < 0.29], cut[1][cut[1] < 0.29])
    assert gained_db(audio, cut, out) > 3


def test_blocks_do_not_matter_where_it_works() -> None:
    _, cut = clipped(seconds=5.0)
    stage = Declip(rails=(-0.35, 0.35) * 2)
    out = np.concatenate(list(pump(stage.open(Format(RATE, 2)), partition(cut, 3))), axis=-1)
    np.testing.assert_array_equal(out, stage(cut, RATE))


def test_peaks_rise_no_higher_than_the_headroom() -> None:
    _, cut = clipped()
    out = Declip(rails=(-0.35, 0.35) * 2, headroom_db=3.0)(cut, RATE)
    assert 0.35 * 1.3 < np.abs(out).max() <= 0.35 * 10 ** (3 / 20) * 1.001


@pytest.mark.parametrize("rails", [(-0.05, 0.5), (-0.5, 0.05)])
def test_each_side_has_its_own_headroom(rails: tuple[float, float]) -> None:
    audio, _ = clipped()
    out = Declip(rails=rails * 2, headroom_db=3.0)(np.clip(audio, *rails), RATE)
    highest = 10 ** (3 / 20) * 1.001
    assert out.max() <= rails[1] * highest
    assert out.min() >= rails[0] * highest


def test_rails_for_other_channels_are_refused() -> None:
    with pytest.raises(ParameterError, match="two levels for each of 2 channels, got 2"):
        Declip(rails=(-0.5, 0.5))(probe("voice"), RATE)
    with pytest.raises(ParameterError, match="one for each of rails, got 1"):
        Declip(rails=(-0.5, 0.5) * 2, spread_db=(1.0,))(probe("voice"), RATE)


def test_tones_that_are_held_are_told_apart_in_longer_windows() -> None:
    rng, time = np.random.default_rng(0), np.arange(3 * RATE) / RATE
    partials = [hz * k for hz in (110.0, 123.5, 146.8, 164.8, 185.0, 220.0, 247.0) for k in range(1, 15)]
    chord = sum(
        np.sin(2 * np.pi * hz * time + rng.uniform(0, 6)) / k
        for hz, k in zip(partials, cycle(range(1, 15)), strict=False)
    )
    audio = (chord / np.abs(chord).max() + 1e-4 * rng.standard_normal(time.size)).astype(np.float32)[None]
    cut = np.clip(audio, -0.3, 0.3)
    assert sparsest(cut[0].astype(np.float64), (2250, 4500)) == 4500
    assert sparsest(clipped()[1][0].astype(np.float64), (2250, 4500)) == 2250
    assert gained_db(audio, cut, Declip(rails=(-0.3, 0.3))(cut, RATE)) > 21
