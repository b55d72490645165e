"""The compressor against its contract, its equations, and the edges of what it may be given."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import Format, Stage, create
from aural.stages.dynamic_compression import dsp
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.stream import pump
from aural.testing import RULES, partition, probe

RATE = 48000

STAGES = {
    "plain": DynamicCompression(),
    "rms": DynamicCompression(detector="rms", rms_ms=20.0, knee_db=0.0),
    "look-ahead": DynamicCompression(lookahead_ms=7.0, sidechain_highpass_hz=120.0, link=0.5, makeup_db=4.0),
    "half": DynamicCompression(lookahead_ms=3.0, detector="rms", link=0.0, mix=0.4),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: DynamicCompression, rule: Callable[[Stage], None]) -> None:
    rule(stage)


def test_registered() -> None:
    assert create("dynamic-compression") == DynamicCompression()


def static_curve(level_db: float, threshold_db: float, ratio: float, knee_db: float) -> float:
    """Equation 4 of Giannoulis, Massberg and Reiss, as it is printed."""
    over = level_db - threshold_db
    if 2 * over < -knee_db:
        return level_db
    if 2 * abs(over) <= knee_db and knee_db:
        return level_db + (1 / ratio - 1) * (over + knee_db / 2) ** 2 / (2 * knee_db)
    return threshold_db + over / ratio


@pytest.mark.parametrize("knee_db", [0.0, 6.0, 20.0])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 8.0, 100.0])
@pytest.mark.parametrize("detector", ["peak", "rms"])
def test_static_curve(knee_db: float, ratio: float, detector: str) -> None:
    stage = DynamicCompression(threshold_db=-24.0, ratio=ratio, knee_db=knee_db, attack_ms=1.0, detector=detector)
    for level_db in np.arange(-60.0, 6.1, 3.0):
        square = 10 ** (level_db / 20) * np.sign(np.sin(2 * np.pi * 100.5 * np.arange(RATE // 2) / RATE) + 1e-9)
        out_db = 20 * np.log10(np.abs(stage(square, RATE)[-100:]).mean())
        assert out_db == pytest.approx(static_curve(level_db, -24.0, ratio, knee_db), abs=0.01)


def test_rms_of_a_sine_lies_3_db_below_its_peak() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    stage = DynamicCompression(threshold_db=-20.0, ratio=4.0, knee_db=0.0, detector="rms", rms_ms=50.0)
    assert 20 * np.log10(np.abs(stage(sine, RATE)[-4800:]).max()) == pytest.approx(-(20 - 3.01) * 0.75, abs=0.1)


@pytest.mark.parametrize("sample_rate", [8000, 48000, 192000])
@pytest.mark.parametrize(("attack_ms", "release_ms"), [(5.0, 120.0), (50.0, 20.0)])
def test_attack_and_release_cover_63_percent_in_their_time(
    sample_rate: int, attack_ms: float, release_ms: float
) -> None:
    stage = DynamicCompression(threshold_db=-40.0, ratio=2.0, knee_db=0.0, attack_ms=attack_ms, release_ms=release_ms)
    half = sample_rate
    step = np.concatenate([np.full(half, 0.1), np.full(half, 0.001)])  # 20 dB above the threshold, 20 below
    gain_db = 20 * np.log10(stage(step, sample_rate) / step)
    after_attack = gain_db[round(attack_ms / 1000 * sample_rate) - 1]
    after_release = gain_db[half + round(release_ms / 1000 * sample_rate) - 1]
    assert after_attack == pytest.approx(-10 * (1 - np.exp(-1)), abs=0.02)
    assert after_release == pytest.approx(-10 * np.exp(-1), abs=0.02)


def test_below_the_threshold_nothing_changes() -> None:
    audio = probe("voice") * np.float32(0.01)
    np.testing.assert_array_equal(DynamicCompression(lookahead_ms=5.0)(audio, RATE), audio)


def test_look_ahead_turns_down_before_the_onset() -> None:
    step = np.concatenate([np.full(9600, 0.01), np.full(9600, 1.0)]).astype(np.float32)
    stage = DynamicCompression(threshold_db=-20.0, ratio=100.0, attack_ms=1.0, knee_db=0.0, lookahead_ms=10.0)
    gain = stage(step, RATE) / step
    assert gain[9600 - 480 - 1] == 1.0
    assert gain[9600 - 480] < 1.0
    assert 20 * np.log10(gain[9600]) == pytest.approx(-20 * 0.99, abs=0.01)


def test_side_chain_high_pass_leaves_the_bass_alone() -> None:
    time = np.arange(RATE) / RATE
    bass, treble = (0.5 * np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (40, 3977))
    stage = DynamicCompression(threshold_db=-30.0, sidechain_highpass_hz=1000.0, knee_db=0.0)
    plain = DynamicCompression(threshold_db=-30.0, knee_db=0.0)
    assert np.abs(stage(bass, RATE)[RATE // 2 :]).max() == pytest.approx(0.5, abs=1e-4)
    assert np.abs(stage(treble, RATE) - plain(treble, RATE))[RATE // 2 :].max() < 0.005


def test_linked_channels_keep_their_balance() -> None:
    audio = np.stack([probe("loud")[0], 0.1 * probe("loud")[1]])
    linked, half, free = (DynamicCompression(link=link)(audio, RATE) for link in (1.0, 0.5, 0.0))
    alone = DynamicCompression()(audio[1], RATE)
    loud = np.abs(audio) > 1e-3
    gain = np.where(loud, linked / np.where(loud, audio, 1), 0)
    both = loud.all(axis=0)
    np.testing.assert_allclose(gain[0, both], gain[1, both], rtol=1e-4)
    np.testing.assert_array_equal(free[1], alone)
    assert np.abs(linked[1]).sum() < np.abs(half[1]).sum() < np.abs(free[1]).sum()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    detector=st.sampled_from(["peak", "rms"]),
    lookahead_ms=st.sampled_from([0.0, 0.02, 3.3, 90.0]),
    channels=st.sampled_from([1, 2, 7]),
    sample_rate=st.sampled_from([8000, 44100, 192000]),
)
def test_any_partition_gives_the_same(
    seed: int, detector: str, lookahead_ms: float, channels: int, sample_rate: int
) -> None:
    audio = probe("loud", 1.0, channels)
    stage = DynamicCompression(detector=detector, lookahead_ms=lookahead_ms, sidechain_highpass_hz=100.0, link=0.7)
    stream = stage.open(Format(sample_rate, channels))
    parts = np.concatenate(list(pump(stream, partition(audio, seed))), axis=-1)
    np.testing.assert_array_equal(parts, stage(audio, sample_rate))


@pytest.mark.parametrize("frames", [0, 1, 7])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_few_frames(stage: DynamicCompression, frames: int) -> None:
    out = stage(np.full(frames, 0.5, np.float32), 8000)
    assert out.shape == (frames,)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_silence_and_direct_current(stage: DynamicCompression) -> None:
    assert not stage(np.zeros((2, RATE), np.float32), RATE).any()
    assert np.isfinite(stage(np.ones((2, RATE), np.float32), RATE)).all()


def test_transposed_memory_is_no_different() -> None:
    audio = probe("loud")
    columns = np.asfortranarray(audio)
    np.testing.assert_array_equal(DynamicCompression()(columns, RATE), DynamicCompression()(audio, RATE))


def test_fast_logarithm_and_power_are_accurate() -> None:
    values = np.logspace(-30, 10, 100001, dtype=np.float32)[None]
    assert np.abs(dsp.log2(values) - np.log2(values.astype(np.float64))).max() * dsp.OCTAVE_DB < 5e-4
    exponents = np.linspace(-40, 20, 100001, dtype=np.float32)[None]
    error = dsp.exp2(exponents) / np.exp2(exponents.astype(np.float64)) - 1
    assert np.abs(error).max() * 8.7 < 2e-4
    assert dsp.exp2(np.zeros((1, 1), np.float32)) == 1
