"""Results as they are written: figures of the file itself, and no peaks above the ceiling behind a codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import loud, write
from scipy.signal import butter, sosfilt

import aural
from aural.audio.files import open_audio
from aural.cleaning.processing import process
from aural.measure.examination import inspect


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return bursts of noise, which a codec smears: their peaks come out higher."""
    return write(tmp_path / "a.wav", loud(6.0), subtype="FLOAT")


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus"])
def test_no_peak_above_the_ceiling_behind_a_codec(
    tmp_path: Path, song: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / f"b.{suffix}"
    done = aural.clean(song, target, "song", target_lufs=-12.0, max_limiting_db=24.0)
    found = inspect(target)
    assert found.true_peak_dbtp <= -0.9
    assert done.after.true_peak_dbtp == found.true_peak_dbtp
    assert done.after.loudness.integrated_lufs == found.loudness.integrated_lufs
    assert "peaks lowered by" in caplog.text
    assert found.loudness.integrated_lufs > -16.0  # no more is taken away than the codec adds


def test_the_loudness_stays_where_a_codec_makes_peaks_higher(tmp_path: Path) -> None:
    """Peaks are limited further, and not all turned down: Opus makes these 1 dB higher."""
    low = sosfilt(butter(4, 4000, fs=48000, output="sos"), loud(6.0))
    path = write(tmp_path / "a.wav", low, subtype="FLOAT")
    done = aural.clean(path, tmp_path / "b.opus", "song", target_lufs=-16.0, max_limiting_db=24.0)
    assert done.after.true_peak_dbtp <= -0.9
    assert done.after.loudness.integrated_lufs == pytest.approx(-16.0, abs=0.5)


def test_stages_and_chains_are_written_so_too(tmp_path: Path, song: Path) -> None:
    master = aural.create("master", target_lufs=-12.0)
    process(aural.Chain((master,)), song, tmp_path / "b.mp3")
    assert inspect(tmp_path / "b.mp3").true_peak_dbtp <= -0.9
    process(aural.create("master", target_lufs=-12.0, mix=0.5), song, tmp_path / "c.mp3")  # promises no ceiling


def test_figures_are_those_of_the_quantised_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    quiet = 10 ** (-60 / 20) * rng.standard_normal((1, 4 * 48000)) * (np.arange(4 * 48000) < 96000)
    path = write(tmp_path / "a.wav", quiet.astype(np.float32), subtype="PCM_16")
    done = aural.clean(path, tmp_path / "b.wav", "song", target_lufs=-50.0)
    assert done.after.environment == inspect(tmp_path / "b.wav").environment
    assert open_audio(tmp_path / "b.wav").info.bits == 16
