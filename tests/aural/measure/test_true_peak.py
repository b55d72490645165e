"""The true-peak meter against EBU Tech 3341, ffmpeg, and itself in pieces."""

import math
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aural import Block, Format
from aural.measure.true_peak import TruePeakMeter
from aural.testing import partition, probe

RATE = 48000


def read(audio: Block, sample_rate: int = RATE, blocks: Iterable[Block] | None = None) -> float:
    meter = TruePeakMeter(Format(sample_rate, audio.shape[0]))
    for block in [audio] if blocks is None else blocks:
        meter.update(block)
    return meter.compute()


def faded(audio: NDArray[Any], sample_rate: int = RATE) -> Block:
    """Fade a signal in and out over 20 ms, and put silence around it."""
    time = np.arange(audio.shape[-1]) / sample_rate
    fade = np.clip(np.minimum(time, time[::-1]) / 0.02, 0, 1)
    result: Block = np.pad(audio * fade, ((0, 0), (500, 500))).astype(np.float32)
    return result


# number of the test: sample rate / frequency, phase in degrees, amplitude, dBTP
TECH_3341 = {
    15: (4, 0, 0.5, -6),
    16: (4, 45, 0.5, -6),
    17: (6, 60, 0.5, -6),
    18: (8, 67.5, 0.5, -6),
    19: (4, 45, 1.41, 3),
}


@pytest.mark.parametrize(("divisor", "phase", "amplitude", "dbtp"), TECH_3341.values(), ids=TECH_3341)
@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000])
def test_sines_of_tech_3341(divisor: int, phase: float, amplitude: float, dbtp: float, sample_rate: int) -> None:
    sine = amplitude * np.sin(2 * np.pi * np.arange(sample_rate) / divisor + np.radians(phase))
    assert dbtp - 0.4 <= read(faded(np.stack([sine, sine]), sample_rate), sample_rate) <= dbtp + 0.2


@pytest.mark.parametrize("offset", range(4))
def test_peak_at_any_place_between_frames(offset: int) -> None:
    """In the manner of Tech 3341 tests 20 to 23: a pulse of height 1 at four times the rate, then every fourth."""
    time = (np.arange(4 * 4800) - 9600) / 4
    pulse = np.cos(2 * np.pi * 0.2 * time) * np.exp(-((time / 12) ** 2))
    assert -0.4 <= read(pulse[None, offset::4].astype(np.float32)) <= 0.2


@pytest.mark.parametrize("sample_rate", [96000, 192000])
def test_high_rates_read_a_sine_alike(sample_rate: int) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 11000 / sample_rate * np.arange(sample_rate) + 0.3)
    assert -6.4 <= read(faded(sine[None], sample_rate), sample_rate) <= -5.8


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_blocks_do_not_matter(seed: int) -> None:
    audio = probe("loud")
    assert read(audio, blocks=partition(audio, seed)) == read(audio)


def test_last_frame_counts_and_reading_does_not_disturb() -> None:
    audio = np.zeros((1, 1000), np.float32)
    audio[0, -1] = 0.5
    meter = TruePeakMeter(Format(RATE, 1))
    meter.update(audio)
    assert meter.compute() == meter.compute() == pytest.approx(-6.02, abs=0.01)


def test_loudest_channel_counts_of_many() -> None:
    audio = np.zeros((7, 1000), np.float32)
    audio[5, 500] = -0.25
    assert read(audio) == pytest.approx(-12.04, abs=0.01)


def test_silence_has_no_peak() -> None:
    assert read(np.zeros((2, 1000), np.float32)) == -math.inf
    assert read(np.zeros((2, 0), np.float32)) == -math.inf


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("sample_rate", [44100, 48000])
def test_agrees_with_ffmpeg(sample_rate: int, tmp_path: Path) -> None:
    import soundfile

    rng = np.random.default_rng(3)
    square = np.sign(np.sin(2 * np.pi * 331.7 * np.arange(2 * sample_rate) / sample_rate))
    for audio in (probe("loud"), 0.2 * rng.standard_normal((2, 2 * sample_rate)), 0.5 * square[None]):
        audio = faded(audio, sample_rate)
        soundfile.write(tmp_path / "x.wav", audio.T, sample_rate, subtype="FLOAT")
        command = ["ffmpeg", "-nostats", "-i", str(tmp_path / "x.wav"), "-af", "ebur128=peak=true", "-f", "null", "-"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        peak = float(re.findall(r"Peak:\s+(\S+) dBFS", report)[-1])
        assert read(audio, sample_rate) == pytest.approx(peak, abs=0.2)
