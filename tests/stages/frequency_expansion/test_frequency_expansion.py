"""Frequency expansion: the contract, what stays, what is added, and where nothing is."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, oaconvolve

from aural import Block, Format
from aural.errors import ParameterError, WeightsError
from aural.learning.metrics.distortion import lsd
from aural.stages.frequency_expansion.engine import NewBand
from aural.stages.frequency_expansion.engines.envelope.engine import EnvelopeEngine
from aural.stages.frequency_expansion.stage import FrequencyExpansion
from aural.stream import pump
from aural.testing import check_stage, partition, probe

RATE = 48000
STAGES = {
    "measured": FrequencyExpansion(),
    "half": FrequencyExpansion(cutoff_hz=6000.0, mix=0.5),
    "raised": FrequencyExpansion(cutoff_hz=6000.0, sample_rate=64000),
    "classical": FrequencyExpansion(engine="classical"),
    "telephone": FrequencyExpansion(engine="classical", cutoff_hz=3400.0),
    "classical, raised": FrequencyExpansion(
        engine="classical", cutoff_hz=6000.0, sample_rate=64000, ceiling_hz=30000.0
    ),
}
NAMES = [engine.name for engine in FrequencyExpansion.engines]
ENGINES = pytest.mark.parametrize("engine", NAMES)


def band_db(audio: Block, low_hz: float, high_hz: float, rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.shape[-1]))) ** 2
    hz = np.fft.rfftfreq(audio.shape[-1], 1 / rate)
    return float(10 * np.log10(spectrum[..., (hz >= low_hz) & (hz < high_hz)].sum() + 1e-30))


def cut_noise(cutoff_hz: float, seconds: float = 3.0, rate: int = RATE, channels: int = 1) -> Block:
    white = 0.1 * np.random.default_rng(0).standard_normal((channels, int(seconds * rate)))
    return oaconvolve(white, firwin(2001, cutoff_hz, fs=rate)[None], mode="same", axes=-1).astype(np.float32)


def bursts(cutoff_hz: float, seconds: float = 3.0, floor: float = 0.0) -> Block:
    """Noise that comes and goes twice a second, over a background of noise; both end at the cut-off."""
    noise = cut_noise(cutoff_hz, seconds)
    sounds = np.arange(noise.shape[1]) // (RATE // 4) % 2
    return (noise * np.maximum(sounds, floor)).astype(np.float32)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: FrequencyExpansion) -> None:
    check_stage(stage)


@ENGINES
@pytest.mark.parametrize("cutoff_hz", [3400.0, 8000.0, 16000.0])
def test_nothing_is_added_below_the_cut_off(cutoff_hz: float, engine: str) -> None:
    audio = cut_noise(cutoff_hz)
    added = FrequencyExpansion(engine=engine, cutoff_hz=cutoff_hz, level_db=12.0)(audio, RATE) - audio
    assert band_db(added, 20, 0.95 * cutoff_hz) - band_db(audio, 20, 0.95 * cutoff_hz) < -90


@pytest.mark.parametrize("cutoff_hz", [4000.0, 8000.0, 12000.0])
def test_the_join_has_neither_hole_nor_bump(cutoff_hz: float) -> None:
    out = FrequencyExpansion(engine="classical", cutoff_hz=cutoff_hz, decline_db=0.0)(cut_noise(cutoff_hz, 10), RATE)
    density = [band_db(out, f, f + 100) for f in np.arange(0.85 * cutoff_hz, 1.4 * cutoff_hz, 100)]
    assert max(density) - min(density) < 7  # the geometric mean of noise lies 2.5 dB below its power


def test_the_new_band_declines_as_asked_and_ends_at_the_ceiling() -> None:
    audio = bursts(6000)
    stage = FrequencyExpansion(engine="classical", cutoff_hz=6000.0, decline_db=3.0, ceiling_hz=14000.0)
    added = stage(audio, RATE) - audio
    assert band_db(added, 8000, 9000) - band_db(added, 12000, 13000) == pytest.approx(12, abs=1)
    assert band_db(added, 14500, 24000) < band_db(added, 12000, 13000) - 60


def test_the_background_goes_on_between_the_sounds_to_the_top_of_the_band() -> None:
    audio = bursts(8000, 6.0, floor=0.01)
    out = FrequencyExpansion(engine="classical", cutoff_hz=8000.0)(audio, RATE)
    quiet = np.concatenate([out[:, n : n + 6000] for n in range(3000, out.shape[1], RATE // 2)], axis=-1)
    below = band_db(quiet, 5000, 7000) - 10 * np.log10(2000)
    for low_hz, high_hz in ((8500, 12000), (12000, 16000), (16000, 20000), (20000, 23800)):
        assert -8 < band_db(quiet, low_hz, high_hz) - 10 * np.log10(high_hz - low_hz) - below < 1


@ENGINES
@pytest.mark.parametrize("cutoff_hz", [2000.0, 6000.0])
def test_there_is_no_stripe_at_the_top(engine: str, cutoff_hz: float) -> None:
    audio = bursts(cutoff_hz, 4.0, floor=0.01)
    out = FrequencyExpansion(engine=engine, cutoff_hz=cutoff_hz)(audio, RATE)
    density = [band_db(out, hz, hz + 250) for hz in np.arange(20000, 23700, 250)]
    assert max(np.diff(density)) < 3


def test_what_is_gated_has_no_background() -> None:
    audio = bursts(8000, 6.0)
    out = FrequencyExpansion(engine="classical", cutoff_hz=8000.0)(audio, RATE)
    quiet = np.concatenate([out[:, n : n + 6000] for n in range(3000, out.shape[1], RATE // 2)], axis=-1)
    assert np.abs(quiet).max() < 5e-8


@pytest.mark.parametrize("rate", [4000, 8000])
def test_a_very_low_rate_comes_out_nearer_to_the_original_than_it_was(rate: int) -> None:
    voice = probe("voice")[0]
    low = np.asarray(soxr.resample(voice, RATE, rate), np.float32)
    plain, out = (
        soxr.resample(x, before, 16000)[: len(voice) // 3]
        for x, before in ((low, rate), (FrequencyExpansion(engine="classical")(low[None], rate)[0], RATE))
    )
    reference = np.asarray(soxr.resample(voice, RATE, 16000), np.float32)[: len(plain)]
    distances = [lsd(reference, np.asarray(x, np.float32), 16000) for x in (plain, out)]
    assert distances[1] < 0.8 * distances[0]


def test_the_level_of_noise_and_of_copies_is_the_same() -> None:
    audio = cut_noise(5000)
    stages = [FrequencyExpansion(engine="classical", cutoff_hz=5000.0, noise=n) for n in (0.0, 1.0)]
    levels = [band_db(stage(audio, RATE), 12000, 18000) for stage in stages]
    assert levels[0] == pytest.approx(levels[1], abs=1.0)


def test_a_full_band_recording_comes_back_bit_true_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "aural"):
        assert np.array_equal(FrequencyExpansion()(probe("voice"), RATE), probe("voice"))
    assert "nothing is missing" in caplog.text


def test_the_cut_off_is_measured() -> None:
    ready = FrequencyExpansion().measure([cut_noise(7000)], Format(RATE, 1))
    assert ready.cutoff_hz == pytest.approx(7000, abs=100)


@ENGINES
def test_a_low_rate_is_raised_and_filled(engine: str) -> None:
    audio = cut_noise(7990, rate=16000)
    out = FrequencyExpansion(engine=engine)(audio, 16000)
    plain = soxr.resample(audio[0], 16000, 48000)[None]
    assert out.shape[1] == 3 * audio.shape[1]
    assert band_db(out, 9000, 12000) > band_db(plain, 9000, 12000) + 60
    assert band_db(out - plain, 20, 7000) < band_db(plain, 20, 7000) - 80


def test_a_lower_rate_is_not_taken() -> None:
    stage = FrequencyExpansion(cutoff_hz=5000.0, sample_rate=16000)
    assert stage.open(Format(RATE, 1)).output.sample_rate == RATE


@ENGINES
def test_silence_stays_silent_and_an_attack_sharp(engine: str) -> None:
    audio = np.zeros((1, RATE), np.float32)
    audio[:, 24000:] = cut_noise(6000)[:, :24000]
    out = FrequencyExpansion(engine=engine, cutoff_hz=6000.0)(audio, RATE)
    before, after = out[:, :23500], out[:, 24500:30000]
    assert not out[:, :22000].any()
    assert np.abs(before).max() < 1e-2 * np.abs(after).max()


@ENGINES
def test_silence_alone_is_silence_bit_for_bit(engine: str) -> None:
    assert not FrequencyExpansion(engine=engine, cutoff_hz=6000.0)(np.zeros((2, RATE), np.float32), RATE).any()


@ENGINES
def test_equal_channels_stay_equal(engine: str) -> None:
    audio = np.repeat(cut_noise(6000), 2, axis=0)
    out = FrequencyExpansion(engine=engine, cutoff_hz=6000.0)(audio, RATE)
    np.testing.assert_allclose(out[0], out[1], atol=1e-4)


def test_the_frame_rate_cannot_be_heard() -> None:
    time = np.arange(4 * RATE) / RATE
    audio = 0.1 * np.sin(2 * np.pi * 4321 * time)[None].astype(np.float32)
    stage = FrequencyExpansion(engine="classical", cutoff_hz=5000.0, noise=0.0, ceiling_hz=7000.0)
    added = stage(audio, RATE) - audio
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(added[0] * np.blackman(added.shape[1]))) + 1e-12)
    peak = int(spectrum.argmax())
    hop = added.shape[1] // 256  # the frame rate, in bins
    for side in (peak - hop, peak + hop):
        assert spectrum[side - 5 : side + 6].max() < spectrum[peak] - 40


@ENGINES
@pytest.mark.parametrize(("channels", "rate"), [(1, 8000), (7, 44100), (1, 192000)])
@pytest.mark.parametrize("frames", [0, 1, 5000])
def test_edges(engine: str, channels: int, rate: int, frames: int) -> None:
    audio = np.ones((channels, frames), np.float32)
    stream = FrequencyExpansion(engine=engine, cutoff_hz=2000.0).open(Format(rate, channels))
    out = np.concatenate(list(pump(stream, [audio])), axis=-1)
    assert out.shape == (channels, frames * max(rate, 48000 * (rate < 44100)) // rate)
    assert np.isfinite(out).all()


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(0, 70000),
    engine=st.sampled_from([engine.name for engine in FrequencyExpansion.engines]),
)
def test_partitions(seed: int, frames: int, engine: str) -> None:
    audio = probe("dull")[:, :frames]
    stage = FrequencyExpansion(engine=engine, cutoff_hz=6000.0)
    runs = [pump(stage.open(Format(RATE, 2)), blocks) for blocks in ([audio], partition(audio, seed))]
    whole, parts = (np.concatenate(list(run), axis=-1) for run in runs)
    np.testing.assert_array_equal(whole, parts)


def test_segments_of_the_network_meet_without_a_seam() -> None:
    audio = bursts(6000, 30, floor=0.01)
    stage = FrequencyExpansion(cutoff_hz=6000.0, noise=0.0)
    first = 1024 * 256
    later = stage(audio[:, first:], RATE)[:, first:]
    np.testing.assert_allclose(stage(audio, RATE)[:, 2 * first :], later, atol=2e-4)


def test_what_a_filter_has_left_is_completed_and_not_doubled() -> None:
    whole = cut_noise(23000)
    made = EnvelopeEngine().stream(Format(RATE, 1), NewBand(8000.0, 20000.0, 0.0))
    out = np.concatenate(list(pump(made, [100 * whole * np.ones_like(whole)])), axis=-1)
    assert band_db(out, 8500, 20000) < band_db(100 * whole, 8500, 20000) - 3


def test_a_bass_makes_no_treble() -> None:
    time = np.arange(RATE) / RATE
    audio = (0.5 * np.hanning(RATE) * np.sin(2 * np.pi * 220 * time))[None].astype(np.float32)
    added = FrequencyExpansion(cutoff_hz=8000.0)(audio, RATE) - audio
    assert band_db(added, 8000, 20000) < band_db(audio, 100, 1000) - 90


def test_a_whistle_makes_no_other_whistle() -> None:
    rng = np.random.default_rng(0)
    audio = 0.3 * np.sin(2 * np.pi * 2700 * np.arange(3 * RATE) / RATE) + 3e-4 * rng.standard_normal(3 * RATE)
    audio = oaconvolve(audio, firwin(2001, 3400, fs=RATE), mode="same")[None].astype(np.float32)
    added = FrequencyExpansion(engine="classical", cutoff_hz=3400.0)(audio, RATE) - audio
    density = np.array([band_db(added, hz, hz + 20) for hz in range(3800, 6800, 20)])
    assert density.max() < np.median(density) + 10


def test_parameters_of_the_other_engine_are_refused() -> None:
    with pytest.raises(ParameterError, match="decline_db is for engine classical, not for engine envelope"):
        FrequencyExpansion(decline_db=0.1)
    with pytest.raises(ParameterError, match="weights is for engine envelope, not for engine classical"):
        FrequencyExpansion(engine="classical", weights="my.safetensors")
    with pytest.raises(WeightsError, match=r"my\.safetensors: no such file"):
        FrequencyExpansion(cutoff_hz=5000.0, weights="my.safetensors")(cut_noise(5000), RATE)


def test_the_end_of_a_recording_longer_than_a_segment_gets_its_treble() -> None:
    """What remains at the end may be longer than a segment: all of it is made."""
    audio = cut_noise(6000.0, 13.0)
    out = FrequencyExpansion(engine="classical", cutoff_hz=6000.0)(audio, RATE)
    middle, end = (band_db(out[:, first * RATE :][:, :RATE], 8000, 12000) for first in (6, 12))
    assert end == pytest.approx(middle, abs=1)
