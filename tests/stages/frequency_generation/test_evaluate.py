"""Evaluation of frequency generation: engines beside the input, takes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recordings import invoke, refused, write
from scipy.signal import firwin, oaconvolve

from aural.degrade import Codec, VariableCodec
from aural.stages.frequency_generation.evaluate import (
    CodedSample,
    FrequencyGenerationEvaluation,
    generations,
    restored,
)
from aural.testing import probe

pytest.importorskip("av")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    for number in (1, 2):
        write(tmp_path / "music" / f"{number}.wav", probe("voice", 10.5, number))
    return tmp_path / "music"


def test_engines_and_takes_beside_the_input(folder: Path, drawn: dict[str, str], tmp_path: Path) -> None:
    settings = FrequencyGenerationEvaluation(
        music=(str(folder),), part="all", codec=("mp3:32",), network=(drawn["stochastic"],), takes=2, clip_s=1.5,
        music_s=10.0,
    )  # fmt: skip
    (kept := tmp_path / "kept").mkdir()
    report = settings.run(keep=kept)
    assert not report.errors
    takes = {f"{name}{take}" for name in (*drawn, "classical") for take in ("", ", take 2")}
    assert {path.name for path in kept.iterdir()} == {"reference", "input", *takes}
    names = [name + best for name in drawn | {"classical": ""} for best in ("", ", best of 2")]
    (table,) = report.tables
    assert table.title == "codec"
    assert {row.system for row in table.rows} == {"input", *names}
    rows = {row.system: dict(zip((m.name for m in table.metrics), row.means, strict=True)) for row in table.rows}
    assert rows["classical"]["LSD"] < rows["input"]["LSD"] - 3
    assert rows["classical"]["LSD of what was lost"] < rows["input"]["LSD of what was lost"] - 3
    assert abs(rows["classical"]["SI-SDR"] - rows["input"]["SI-SDR"]) < 1
    for name in (*drawn, "classical"):
        assert rows[f"{name}, best of 2"]["LSD"] <= rows[name]["LSD"]
        assert rows[f"{name}, best of 2"]["SI-SDR"] >= rows[name]["SI-SDR"]
    assert 0 < rows["classical"]["spread of takes"] < 6
    assert 3 < rows["classical"]["LSD between takes"] < 10


@pytest.mark.usefixtures("drawn")
def test_as_it_is_typed(folder: Path, tmp_path: Path) -> None:
    name, few = "frequency-generation", ("--codec", "aac:32", "--takes", 1, "--clip-s", 1, "--music-s", 10)
    code, out, err = invoke("evaluate", name, "--music", folder, "--part", "all", *few, "-o", tmp_path / "t.json")
    assert (code, err) == (0, "")
    assert "48 kHz, joint stereo" in out
    content = json.loads((tmp_path / "t.json").read_text())
    assert {row["group"] for row in content["tables"]["codec"]} == {"music, aac:32"}
    refused(tmp_path, "speech or music must name a folder of audio", "evaluate", name)
    refused(tmp_path, "codec must be NAME:KBPS, vorbis:q1", "evaluate", name, "--music", folder, "--codec", "mp3")
    refused(tmp_path, "mp3 takes a bit_rate from", "evaluate", name, "--music", folder, "--codec", "mp3:6")


def test_codecs_by_quality_and_one_after_the_other(tmp_path: Path) -> None:
    assert generations("vorbis:q3") == [VariableCodec("vorbis", 0.3)]
    assert generations("mp3:V9") == [VariableCodec("mp3", 0.1)]
    assert generations("mp3:16+aac:64") == [Codec("mp3", 16000, 24000), Codec("aac", 64000)]
    refused(
        tmp_path, "codec must be NAME:KBPS", "evaluate", "frequency-generation", "--music", ".", "--codec", "mp3:q3"
    )


def test_music_is_long_and_nothing_is_filled_above_what_is_known(tmp_path: Path) -> None:
    for name, seconds in (("note", 11.0), ("song", 15.0)):
        write(tmp_path / f"{name}.wav", probe("voice", seconds))
    rows = "path,seconds,bandwidth_hz\nnote.wav,11,\nsong.wav,15,17000\n"
    (tmp_path / "MANIFEST.csv").write_text(rows)
    settings = FrequencyGenerationEvaluation(
        music=(str(tmp_path),), part="all", codec=("mp3:64",), takes=1, clip_s=1.0
    )
    (case,) = settings.cases()
    assert case.name == "song mp3:64"
    sample = case.load()
    added = restored("classical", None, 1, sample).blocks[0] - sample.input
    power = np.abs(np.fft.rfft(added[0])) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / 48000)
    assert power[(hz > 15000) & (hz < 16800)].mean() > 100 * power[hz > 17200].mean()


def test_a_recording_that_was_cut_off_before_is_no_target_above(tmp_path: Path) -> None:
    kernel = firwin(1201, 9000, fs=48000)[np.newaxis]
    for number in (1, 2):
        (tmp_path / f"{number}").mkdir()
        song = oaconvolve(probe("voice", 15.5), kernel, mode="same", axes=-1)
        write(tmp_path / f"{number}" / "song.wav", song.astype(np.float32))
    settings = FrequencyGenerationEvaluation(music=(str(tmp_path),), part="all", codec=("mp3:32",), clip_s=3.0)
    sample = settings.cases()[0].load()
    assert isinstance(sample, CodedSample)
    assert sample.end_hz == pytest.approx(9000, abs=400)
