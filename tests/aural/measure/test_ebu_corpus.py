"""The meters against ffmpeg's ebur128 over real music."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile
from recordings import CORPUS, needs_corpus

from aural.audio.files import open_audio
from aural.measure.loudness import LoudnessMeter
from aural.measure.true_peak import TruePeakMeter

EVERY, SECONDS = 12, 20
FILES = sorted(file for file in (CORPUS / "music").rglob("*.*") if file.suffix in (".opus", ".flac", ".ogg", ".wav"))


@needs_corpus
@pytest.mark.corpus
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("file", FILES[::EVERY], ids=lambda file: file.stem)
def test_agrees_with_ffmpeg_over_music(file: Path, tmp_path: Path) -> None:
    """Both hear the same samples: the decoded beginning, with silence around it."""
    audio, sample_rate = soundfile.read(file, SECONDS * 48000, always_2d=True, dtype="float32")
    pause = 0 * audio[:1].repeat(sample_rate // 10, axis=0)
    path = tmp_path / "x.wav"
    soundfile.write(path, [*pause, *audio, *pause], sample_rate, subtype="FLOAT")
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    heard = open_audio(path)
    loudness, true_peak = LoudnessMeter(heard.format), TruePeakMeter(heard.format)
    for block in heard:
        loudness.update(block)
        true_peak.update(block)
    peak, lufs = (float(re.findall(rf"{name}:\s+(\S+) ", report)[-1]) for name in ("Peak", "I"))
    assert true_peak.compute() == pytest.approx(peak, abs=0.2)
    if lufs > -69:
        assert loudness.compute().integrated_lufs == pytest.approx(lufs, abs=0.1)
