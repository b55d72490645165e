"""Metrics of speech: known values, their order under more noise, and what they refuse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from channels import RATE, voice, white

from aural.audio.files import read
from aural.errors import AudioError, AuralError
from aural.learning.metrics import speech
from aural.learning.metrics.metric import Measure, Metric
from aural.learning.metrics.speech import SPEECH, dnsmos, estoi, pesq

MEMO = Path(__file__).parents[4] / "examples" / "phone_memo.m4a"
MEASURED = [metric for metric in SPEECH if not metric.optional]


def test_known_values() -> None:
    clean = voice()
    assert pesq(clean, clean, RATE) == pytest.approx(4.644, abs=0.001)
    assert estoi(clean, clean, RATE) == pytest.approx(1, abs=1e-6)
    assert abs(estoi(clean, white(4, clean.size), RATE)) < 0.2
    assert pesq(clean, np.zeros_like(clean), RATE) == speech.PESQ_LOWEST
    assert abs(estoi(clean, np.zeros_like(clean), RATE)) < 0.05


def test_pesq_of_a_long_recording_is_the_mean_of_its_pieces() -> None:
    """Its package ends the whole process at more than fifty utterances."""
    clean = np.tile(np.concatenate([voice()[: RATE // 2], np.zeros(RATE // 2, np.float32)]), 110)
    noisy = clean + np.float32(0.01) * white(6, clean.size)
    assert pesq(clean, noisy, RATE) == pytest.approx(pesq(clean[: 10 * RATE], noisy[: 10 * RATE], RATE), abs=0.3)


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
def test_more_noise_is_worse_and_level_is_not(metric: Metric) -> None:
    measure: Any = metric.measure
    clean, noise = voice(), white(5, voice().size)
    noisy = [measure(clean, clean + level * noise, RATE) for level in (0.003, 0.01, 0.03)]
    assert noisy == sorted(noisy, reverse=metric.rising)
    assert noisy[0] != noisy[-1]
    quiet = measure(clean, np.float32(1e-3) * (clean + np.float32(0.01) * noise), RATE)
    assert quiet == pytest.approx(noisy[1], rel=1e-2)


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.name)
def test_what_cannot_be_compared_is_refused(metric: Metric) -> None:
    measure: Any = metric.measure
    clean = voice()
    with pytest.raises(AudioError, match="the reference is silent"):
        measure(np.zeros_like(clean), clean, RATE)
    with pytest.raises(AudioError, match="must have one shape"):
        measure(clean, clean[:-1], RATE)
    with pytest.raises(AudioError, match="must have one shape"):
        measure(clean[np.newaxis], clean[np.newaxis], RATE)
    with pytest.raises(AudioError, match="NaN"):
        measure(clean, np.full_like(clean, np.nan), RATE)


@pytest.mark.parametrize("metric", [pesq, estoi], ids=lambda metric: metric.__name__)
def test_too_short(metric: Measure) -> None:
    with pytest.raises(AudioError, match="cannot be measured"):
        metric(voice()[:5000], voice()[:5000], RATE)


@pytest.mark.parametrize(("metric", "package"), [(pesq, "pesq"), (estoi, "pystoi"), (dnsmos, "speechmos")])
def test_a_missing_package_names_the_cure(metric: Measure, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speech.dnsmos_network.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AuralError, match=r'pip install "aural\[eval\]"'):
        metric(voice(), voice(), RATE)


def test_dnsmos_hears_noise_without_the_reference() -> None:
    pytest.importorskip("speechmos")
    audio, sample_rate = read(MEMO)
    memo = audio[0, -10 * sample_rate :]
    noisy = memo + 0.1 * white(2, memo.size)
    assert 5 > dnsmos(memo, memo, sample_rate) > 0.1 + dnsmos(memo, noisy, sample_rate) >= 1


@pytest.mark.parametrize("seconds", [4.0, 9.5])
def test_dnsmos_is_that_of_its_package(seconds: float) -> None:
    pytest.importorskip("requests")
    published = pytest.importorskip("speechmos.dnsmos")
    audio = np.resize(voice(), round(seconds * 16000)) / 4
    assert dnsmos(audio, audio, 16000) == pytest.approx(published.run(audio, 16000)["ovrl_mos"], abs=1e-4)


def test_dnsmos_turns_down_what_lies_above_full_scale() -> None:
    pytest.importorskip("speechmos")
    clean = voice()
    loudest = clean / np.abs(clean).max()
    assert dnsmos(clean, 10 * loudest, RATE) == pytest.approx(dnsmos(clean, loudest, RATE), abs=0.05)
