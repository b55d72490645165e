"""The clipping meter: it finds the rails behind whatever came after them, and none where nothing was cut off."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soxr
from recordings import loud, voice
from scipy.signal import butter, sosfilt

import aural
from aural import Block, Format
from aural.degrade import Codec, Take, codecs, degrade
from aural.measure.clipping import ClippingMeter, MeasuredClipping
from aural.testing import SAMPLE_RATE, partition

RATE = SAMPLE_RATE
EXAMPLES = Path(__file__).parents[3] / "examples"


def talk(seconds: float = 6.0) -> Block:
    """Return a voice whose level changes, as that of a person does, both sides alike, peaks at full scale."""
    signs = np.resize([1, -1], round(4 * seconds))
    gains = np.repeat(signs * 10 ** np.random.default_rng(0).uniform(-0.8, 0, signs.size), RATE // 4)
    audio = np.tile(voice(), (1, math.ceil(seconds / 3)))[:, : gains.size] * gains
    return np.asarray(audio / np.abs(audio).max(), np.float32)


def flute() -> Block:
    """Return a tone that swells and trembles, and has the fewer harmonics, the louder it is."""
    time = np.arange(3 * RATE) / RATE
    envelope = 0.4 * np.clip(4 * np.minimum(time, 3 - time), 0, 1) * (1 + 0.1 * np.sin(10 * np.pi * time))
    turn, soft = 880 * np.pi * time, 0.6 * (1 - envelope / 0.42)
    audio = envelope * (np.sin(turn) + soft * np.sin(2 * turn) + soft * np.sin(3 * turn))
    return np.asarray(audio, np.float32)[None]


def hiss(seed: int = 1) -> Block:
    """Return noise of 11 to 20 kHz whose level changes: most lobes have one or two samples."""
    rng = np.random.default_rng(seed)
    noise = sosfilt(butter(4, (11000, 20000), "band", fs=RATE, output="sos"), rng.standard_normal(2 * RATE))
    return np.asarray(0.1 * noise * np.repeat(10 ** rng.uniform(-1, 0, 40), RATE // 20), np.float32)[None]


def measure(audio: Block) -> MeasuredClipping:
    meter = ClippingMeter(Format(RATE, audio.shape[0]))
    for block in partition(np.asarray(audio, np.float32), 1):
        meter.update(block)
    return meter.compute()


def cut(audio: Block, share: float) -> tuple[Block, float]:
    ceiling = float(np.quantile(np.abs(audio), 1 - share))
    return np.clip(audio, -ceiling, ceiling), ceiling


def mu_law(audio: Block) -> Block:
    """Round a signal to the 255 values of a telephone (G.711), whose steps grow with the level."""
    compressed = np.round(127 * np.sign(audio) * np.log1p(255 * np.abs(audio)) / np.log(256)) / 127
    return np.asarray(np.sign(compressed) * np.expm1(np.abs(compressed) * np.log(256)) / 255, np.float32)


@pytest.mark.parametrize("level", [1.0, 0.3, 0.02])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_rails_at_any_level(level: float, share: float) -> None:
    audio, ceiling = cut(talk(), share)
    found = measure(level * audio)
    assert found.share == pytest.approx(share, rel=0.15)
    for rail in found.rails[0]:
        assert rail
        assert rail.level == pytest.approx(level * ceiling, rel=1e-3)
        assert rail.spread_db == 0.0


@pytest.mark.parametrize(("name", "bit_rate"), [("aac", 96_000), ("mp3", 64_000)])
def test_rails_behind_a_codec(name: str, bit_rate: int) -> None:
    if name not in codecs():
        pytest.skip(f"this PyAV cannot write {name}")
    audio, ceiling = cut(talk(), 0.05)
    noisy = degrade(Take.of(audio[0], RATE), [Codec(name, bit_rate)], np.random.default_rng(0)).noisy
    found = measure(noisy[None])
    assert found.share == pytest.approx(0.05, rel=0.4)
    assert [rail and rail.level for rail in found.rails[0]] == pytest.approx([ceiling, ceiling], rel=0.08)
    assert all(rail and rail.spread_db > 0.1 for rail in found.rails[0])


def test_rails_behind_a_resampler() -> None:
    audio, ceiling = cut(talk(), 0.03)
    there = soxr.resample(audio[0], RATE, 44100)
    for rail in measure(soxr.resample(there, 44100, RATE)[None]).rails[0]:
        assert rail
        assert rail.level == pytest.approx(ceiling, rel=0.02)


def test_each_channel_and_side_for_itself() -> None:
    audio = np.concatenate([talk(), 0.5 * talk()])
    audio[1] = np.minimum(audio[1], 0.1)
    ((first, second), (low, high)) = measure(audio).rails
    assert first is second is low is None
    assert high
    assert high.level == pytest.approx(0.1)


def test_says_where_it_is_worst() -> None:
    audio = talk(8.0) * 0.5
    audio[:, 5 * RATE : 6 * RATE] = np.clip(8 * audio[:, 5 * RATE : 6 * RATE], -0.5, 0.5)
    found = measure(audio)
    assert found.worst_s == 5.0
    assert found.worst_share > 7 * found.share
    assert "from 5 s on" in str(found)


@pytest.mark.parametrize(("share", "severity"), [(0.0005, "light"), (0.005, "clear"), (0.05, "heavy")])
def test_severity(share: float, severity: str) -> None:
    assert MeasuredClipping((), share, samples=100, worst_s=0.0, worst_share=share).severity == severity


@pytest.mark.parametrize(
    "audio",
    [
        talk(),
        loud(4.0),
        0.5 * np.sin(0.03 * np.arange(4 * RATE))[None],
        np.sin(0.03 * np.arange(4 * RATE))[None] * np.linspace(0, 1, 4 * RATE),
        np.random.default_rng(0).standard_normal((1, 4 * RATE)) * 0.1,
        np.sign(np.sin(0.03 * np.arange(4 * RATE)))[None] * 1e-6,
        np.round(talk() * 12) / 32768,
        np.zeros((2, 100)),
        np.zeros((1, 0)),
        flute(),
        *(hiss(seed) for seed in (1, 5, 6, 7, 8)),
    ],
    ids="voice,loud,tone,swell,noise,-120 dBFS,12 steps,silence,nothing,flute,hiss,hiss,hiss,hiss,hiss".split(","),
)
def test_nothing_is_cut_off(audio: Block) -> None:
    found = measure(np.asarray(audio, np.float32))
    assert (found.samples, found.severity, str(found)) == (0, "none", "none")
    assert math.isnan(found.worst_s)


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_the_steps_of_a_telephone_are_no_rails(gain: float) -> None:
    memo, _ = aural.read(EXAMPLES / "phone_memo.m4a")
    assert not measure(mu_law(gain * memo / np.abs(memo).max())).samples


def test_clipping_before_a_telephone_is_found() -> None:
    audio, _ = cut(talk(), 0.03)
    assert measure(mu_law(audio)).share == pytest.approx(0.03, rel=0.4)


def test_both_sides_are_scattered_and_rounded_alike() -> None:
    audio, level = talk(), 0.3
    soft = np.where(np.abs(audio) < 1.5 * level, audio - 4 / 27 * audio**3 / level**2, np.sign(audio) * level)
    sides = measure(soft).rails[0]
    assert [side and side.rounded for side in sides] == [True, True]
    assert [side and side.spread_db for side in sides] == [0.0, 0.0]


def synthesiser() -> Block:
    """Return tones that swell and were cut off, and then another sound over them."""
    time = np.arange(4 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (82.4, 123.5, 164.8)) * np.abs(np.sin(2 * np.pi * time))
    other = 0.02 * np.random.default_rng(0).standard_normal(time.size)
    return np.asarray(0.25 * np.clip(tones, -1, 1) + other, np.float32)[None]


def test_an_instrument_that_is_distorted_is_told_from_a_recording_that_is() -> None:
    assert measure(synthesiser()).meant
    assert not measure(np.clip(4 * talk(), -0.3, 0.3)).meant


def test_a_limiter_does_not_clip() -> None:
    limited = aural.create("master", target_lufs=-10.0)(talk(), RATE)
    assert not measure(limited).samples
