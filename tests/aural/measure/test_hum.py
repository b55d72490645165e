"""The hum meter against signals whose hum is known, and against all that is not hum."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural.measure.hum import HIGHEST_HZ, KEPT, NONE, HumMeter, MainsHum
from aural.signals import Block, Format
from aural.testing import partition, probe

CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parents[2].parent / "shared" / "audio"))


def meter(audio: Block, sample_rate: int = 48000) -> HumMeter:
    meter = HumMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    return meter


def lines(hz: list[float], levels: list[float], seconds: float = 12, sample_rate: int = 8000) -> Block:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    tones = sum(level * np.sin(2 * np.pi * f * time + f) for f, level in zip(hz, levels, strict=True))
    return np.atleast_2d(tones + 1e-4 * np.random.default_rng(1).standard_normal(time.size)).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
@pytest.mark.parametrize("hz", [49.8, 49.9, 50.0, 59.95, 60.05, 60.2])
def test_frequency_harmonics_and_level(hz: float, sample_rate: int) -> None:
    audio = lines([hz, 3 * hz, 7 * hz], [0.01, 0.005, 0.002], 6, sample_rate)
    hum = meter(audio, sample_rate).compute()
    assert hum.frequency_hz == pytest.approx(hz, abs=0.01)
    assert hum.harmonics == (1, 3, 7)
    expected = 10 * math.log10((0.01**2 + 0.005**2 + 0.002**2) / 2)
    assert hum.level_dbfs == pytest.approx(expected, abs=0.3)


def test_hum_under_speech_like_syllables() -> None:
    assert meter(probe("voice", 8)).compute().frequency_hz == pytest.approx(50, abs=0.02)


def test_hum_in_one_channel_of_seven() -> None:
    audio = np.repeat(lines([60.0], [0.0]), 7, axis=0)
    audio[4] += lines([60.0, 120.0], [0.02, 0.02])[0]
    assert meter(audio, 8000).compute().harmonics == (1, 2)


@pytest.mark.parametrize(
    "hz",
    [
        pytest.param([120.0 * 1.02 * k for k in range(1, 8)], id="a pitch beside 120 Hz"),
        pytest.param([49.0, 98.0, 147.0, 196.0], id="G1"),
        pytest.param([123.47, 246.94], id="B2"),
        pytest.param([440.0, 880.0], id="A4"),
        pytest.param([400.0, 800.0], id="multiples without a low line"),
    ],
)
def test_steady_notes_are_not_hum(hz: list[float]) -> None:
    assert meter(lines(hz, [0.05] * len(hz)), 8000).compute() == NONE


def test_notes_that_pause_are_not_hum() -> None:
    audio = lines([50.0, 100.0, 150.0], [0.05] * 3)
    audio[:, : 6 * 8000] = 0
    noisy = audio + 1e-3 * np.random.default_rng(2).standard_normal(audio.shape).astype(np.float32)
    assert meter(noisy, 8000).compute() == NONE


@pytest.mark.parametrize("seconds", [2, 4, 7, 30])
def test_noise_is_not_hum(seconds: int) -> None:
    rng = np.random.default_rng(seconds)
    alarms = [
        meter(rng.standard_normal((1, seconds * 4000)).astype(np.float32), 4000).compute() != NONE for _ in range(40)
    ]
    assert not any(alarms)


def test_silence_dc_and_short_recordings_have_none() -> None:
    for audio in (
        np.zeros((2, 40000)),
        np.ones((1, 40000)),
        lines([50.0], [0.1], 1.9),
        np.zeros((1, 0)),
        np.ones((1, 1)),
    ):
        assert meter(audio.astype(np.float32), 8000).compute() == MainsHum(0.0, (), -math.inf)


def test_digital_silence_does_not_hide_hum() -> None:
    rng = np.random.default_rng(5)
    audio = lines([50.0, 100.0], [0.01, 0.01], 20) + 1e-3 * rng.standard_normal((1, 160000)).astype(np.float32)
    whole = meter(audio, 8000).compute()
    assert whole.harmonics == (1, 2)
    audio[:, :24000] = audio[:, 69000:71000] = audio[:, 148000:] = 0
    cut = meter(audio, 8000).compute()
    assert cut.harmonics == (1, 2)
    assert (cut.frequency_hz, cut.level_dbfs) == pytest.approx((whole.frequency_hz, whole.level_dbfs), abs=0.1)


def test_hum_of_a_short_recording_that_begins_with_silence() -> None:
    noise = 1e-4 * np.random.default_rng(6).standard_normal((1, 24000))
    audio = (lines([50.0, 100.0], [0.01, 0.01], 3) + noise).astype(np.float32)
    audio[:, :560] = 0
    assert meter(audio, 8000).compute().harmonics == (1, 2)


@pytest.mark.parametrize("gain", [1e-3, 1.0, 30.0])
def test_level_does_not_matter(gain: float) -> None:
    hum = meter(lines([50.0, 100.0], [0.01, 0.01]) * np.float32(gain), 8000).compute()
    assert hum.harmonics == (1, 2)
    assert hum.level_dbfs == pytest.approx(-40 + 20 * math.log10(gain), abs=0.2)


def test_known_frequency_is_kept_and_its_harmonics_are_found() -> None:
    hum = meter(lines([55.0, 110.0], [0.01, 0.01]), 8000).compute(55.0)
    assert (hum.frequency_hz, hum.harmonics) == (55.0, (1, 2))
    assert meter(lines([50.0], [0.01]), 8000).compute(0.0) == NONE


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_blocks_do_not_matter(seed: int) -> None:
    audio = lines([50.0, 150.0], [0.01, 0.01], 9)
    parts = HumMeter(Format(8000, 1))
    for block in partition(audio, seed):
        parts.update(block)
    assert parts.compute() == meter(audio, 8000).compute()


def test_memory_is_bounded() -> None:
    found = meter(lines([50.0, 100.0], [0.01, 0.01], 700, 4000), 4000)
    assert len(found.kept) <= KEPT
    assert found.stride == 4
    assert all(power.size <= 2 * (HIGHEST_HZ + 10) for power in found.kept)
    assert found.compute().harmonics == (1, 2)


@pytest.mark.corpus
def test_few_alarms_on_real_speech() -> None:
    soundfile = pytest.importorskip("soundfile")
    files = sorted((CORPUS / "speech" / "rhasspy_kathleen").glob("*.opus"))[:60]
    if not files:
        pytest.skip(f"no recordings in {CORPUS}")
    alarms = 0
    for path in files:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        alarms += meter(audio.T, rate).compute() != NONE
    assert alarms <= 1
