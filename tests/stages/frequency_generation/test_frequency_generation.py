"""Frequency generation: holes found and filled, and everything else left alone."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, oaconvolve
from soxr import resample

from aural import Block, Format
from aural.dsp.resampling import frames_at, resampler
from aural.stages.frequency_generation.stage import FrequencyGeneration
from aural.stream import pump
from aural.testing import measured, partition, probe

RATE = 48000
CLASSICAL = FrequencyGeneration(engine="classical")


def noise(seconds: float = 3.0, channels: int = 1) -> Block:
    white = np.random.default_rng(0).standard_normal((channels, int(seconds * RATE)))
    return (0.1 * white).astype(np.float32)


def band_stopped(audio: Block, low_hz: float, high_hz: float) -> Block:
    kernel = firwin(1201, [low_hz, high_hz], fs=RATE)
    return oaconvolve(audio, kernel[None], mode="same", axes=-1).astype(np.float32)


def with_hole(audio: Block) -> Block:
    """Take 8 to 10.5 kHz out for a tenth of a second, twenty times."""
    on = np.arange(audio.shape[1]) // 4800 % 2
    return np.where(on, band_stopped(audio, 8000, 10500), audio).astype(np.float32)


def band_db(audio: Block, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.shape[-1]))) ** 2
    hz = np.fft.rfftfreq(audio.shape[-1], 1 / RATE)
    return float(10 * np.log10(spectrum[..., (hz >= low_hz) & (hz < high_hz)].sum() + 1e-30))


def test_holes_are_filled_at_the_level_around_and_nothing_else_is_touched() -> None:
    whole = noise()
    holed = with_hole(whole)
    added = CLASSICAL(holed, RATE) - holed
    lost = whole - holed
    assert band_db(added, 8000, 10000) == pytest.approx(band_db(lost, 8000, 10000), abs=7)
    assert band_db(added, 20, 7000) < band_db(holed, 20, 7000) - 80
    assert band_db(added, 11000, 19000) < band_db(holed, 11000, 19000) - 80


def test_nothing_is_filled_while_there_is_no_hole() -> None:
    holed = with_hole(noise())
    added = np.abs(CLASSICAL(holed, RATE) - holed)[0]
    whole_half = np.arange(added.size) % 9600
    middle = (whole_half > 1500) & (whole_half < 3300)
    assert added[middle].max() < 0.02 * added.max()


@pytest.mark.parametrize("kind", ["voice", "loud"])
def test_undamaged_recordings_come_back_bit_true(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "aural"):
        assert np.array_equal(FrequencyGeneration()(probe(kind), RATE), probe(kind))
    assert "undamaged" in caplog.text


@pytest.mark.parametrize(("cutoff_hz", "holes"), [(20000.0, 0.05), (15000.0, 0.03)])
def test_few_holes_are_left_alone_and_more_must_they_be_where_nothing_is_cut_off(
    cutoff_hz: float, holes: float
) -> None:
    audio = probe("holes")[:, :RATE]
    few, many = (replace(CLASSICAL, cutoff_hz=cutoff_hz, holes=share) for share in (0.99 * holes, holes))
    change = [band_db(stage(audio, RATE) - audio, 2500, 14000) for stage in (few, many)]
    assert change[1] > change[0] + 20


@pytest.mark.parametrize(("cutoff_hz", "holes"), [(15000.0, 0.12), (13000.0, 0.08)])
def test_what_is_always_empty_is_filled_where_the_codec_had_few_bits(cutoff_hz: float, holes: float) -> None:
    audio = band_stopped(noise(), 8000, 10500)
    stages = [FrequencyGeneration(cutoff_hz=at, holes=share) for at, share in ((15000.0, 0.08), (cutoff_hz, holes))]
    slight, severe = (band_db(stage(audio, RATE) - audio, 9000, 9500) for stage in stages)
    assert severe > slight + 20


def test_a_steady_gap_is_left_alone() -> None:
    audio = band_stopped(noise(), 8000, 10000)
    assert np.array_equal(FrequencyGeneration()(audio, RATE), audio)


def test_partials_are_not_taken_for_holes() -> None:
    time = np.arange(3 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * 880 * k * time) / k for k in range(1, 22))
    audio = np.asarray(0.1 * tones * np.exp(-2 * (time % 0.5)), np.float32)[None]
    assert np.array_equal(FrequencyGeneration(cutoff_hz=20000.0)(audio, RATE), audio)


def test_a_low_pass_is_filled_up_to_the_ceiling_and_not_above() -> None:
    kernel = firwin(1201, 9000, fs=RATE)
    audio = oaconvolve(noise(), kernel[None], mode="same", axes=-1).astype(np.float32)
    added = replace(CLASSICAL, ceiling_hz=15000.0)(audio, RATE) - audio
    assert -15 < band_db(added, 9500, 10500) - band_db(audio, 7500, 8500) < 0
    assert band_db(added, 16000, 24000) < band_db(added, 10000, 14000) - 70
    assert band_db(added, 20, 8000) < band_db(audio, 20, 8000) - 80


def test_partials_continue_the_series() -> None:
    time = np.arange(3 * RATE) / RATE
    spacing = 1500.0
    tones = sum(np.sin(2 * np.pi * spacing * k * time + k) for k in range(1, 6))
    audio = np.asarray(0.05 * tones, np.float32)[None]
    stage = replace(CLASSICAL, cutoff_hz=8000.0, holes=0.0, tonality=1.0, ceiling_hz=12000.0)
    added = stage(audio, RATE) - audio
    on = sum(10 ** (band_db(added, k * spacing - 60, k * spacing + 60) / 10) for k in (6, 7))
    off = sum(10 ** (band_db(added, (k + 0.5) * spacing - 60, (k + 0.5) * spacing + 60) / 10) for k in (6, 7))
    assert on > 10 * off


def test_seeds() -> None:
    audio = with_hole(noise())
    stage = measured(FrequencyGeneration(), audio)
    first, again = stage(audio, RATE), stage(audio, RATE)
    other = replace(stage, seed=1)(audio, RATE)
    assert np.array_equal(first, again)
    lost = np.abs(first - audio).max()
    assert np.abs(first - other).max() > 0.5 * lost
    assert band_db(first - audio, 8000, 10000) == pytest.approx(band_db(other - audio, 8000, 10000), abs=1)


def test_equal_channels_stay_equal_and_unlike_ones_unlike() -> None:
    one = probe("holes")[:1]
    for engine in (engine.name for engine in FrequencyGeneration.engines):
        out = FrequencyGeneration(engine=engine, cutoff_hz=9000.0, holes=0.3)(np.repeat(one, 3, axis=0), RATE)
        assert not np.array_equal(out[:1], one)
        assert np.array_equal(out, np.repeat(out[:1], 3, axis=0)), engine
    unlike = with_hole(noise(channels=2))
    added = replace(CLASSICAL, tonality=0.0)(unlike, RATE) - unlike
    assert abs(np.corrcoef(added)[0, 1]) < 0.7


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_quiet_recordings_are_treated_alike(gain: float) -> None:
    audio = with_hole(noise())
    loud = FrequencyGeneration()(audio, RATE)
    quiet = FrequencyGeneration()(audio * np.float32(gain), RATE)
    np.testing.assert_allclose(quiet / gain, loud, atol=2e-3 * np.abs(loud).max())


@pytest.mark.parametrize(("channels", "rate"), [(1, 8000), (7, 44100), (1, 192000)])
@pytest.mark.parametrize("frames", [0, 1, 5000])
def test_edges(channels: int, rate: int, frames: int) -> None:
    audio = np.ones((channels, frames), np.float32)
    stream = FrequencyGeneration(cutoff_hz=1500.0, holes=1.0).open(Format(rate, channels))
    out = np.concatenate(list(pump(stream, [audio])), axis=-1)
    assert out.shape == (channels, frames_at(frames, rate, 48000 if rate < 44100 else rate))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("engine", [engine.name for engine in FrequencyGeneration.engines])
@pytest.mark.parametrize("rate", [22050, 32000])
def test_treble_that_the_sample_rate_cannot_hold_is_filled(rate: int, engine: str) -> None:
    """LAME codes at a lower sample rate where it has few bits."""
    whole = noise()
    low = resample(whole[0], RATE, rate)[None]
    source = Format(rate, 1)
    stream = FrequencyGeneration(engine=engine).measure([low], source).open(source)
    assert stream.output.sample_rate == RATE
    out = np.concatenate(list(pump(stream, partition(low, 3))), axis=-1)
    np.testing.assert_allclose(out, FrequencyGeneration(engine=engine)(low, rate), atol=1e-5)
    assert out.shape == whole.shape
    added = out - np.concatenate(list(pump(resampler(source, RATE), [low])), axis=-1)
    assert -26 < band_db(added, rate / 2, 19000) - band_db(whole, rate / 2, 19000) < 0
    assert band_db(added, 20, 0.44 * rate) < band_db(whole, rate / 2, 19000) - 50


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 70000))
def test_partitions(seed: int, frames: int) -> None:
    audio = probe("holes")[:, :frames]
    stage = FrequencyGeneration(cutoff_hz=15000.0, holes=0.1)
    runs = [pump(stage.open(Format(RATE, 2)), blocks) for blocks in ([audio], partition(audio, seed))]
    whole, parts = (np.concatenate(list(run), axis=-1) for run in runs)
    np.testing.assert_array_equal(whole, parts)
