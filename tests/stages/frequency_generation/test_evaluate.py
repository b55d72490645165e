"""Evaluation of frequency generation: engines beside the input, takes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recordings import invoke, refused, write

from aural.stages.frequency_generation.evaluate import FrequencyGenerationEvaluation
from aural.testing import probe

pytest.importorskip("av")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    for number in (1, 2):
        write(tmp_path / "music" / f"{number}.wav", probe("voice", 10.5, number))
    return tmp_path / "music"


def test_engines_and_takes_beside_the_input(folder: Path, drawn: dict[str, str]) -> None:
    settings = FrequencyGenerationEvaluation(
        music=(str(folder),), part="all", codec=("mp3:32",), network=(drawn["stochastic"],), takes=2, clip_s=1.5
    )
    report = settings.run()
    assert not report.errors
    names = [name + best for name in drawn | {"classical": ""} for best in ("", ", best of 2")]
    (table,) = report.tables
    assert table.title == "codec"
    assert set(table.systems) == {"input", *names}
    rows = {row.system: dict(zip((m.name for m in settings.metrics), row.means, strict=True)) for row in table.rows}
    assert rows["classical"]["LSD"] < rows["input"]["LSD"] - 3
    assert rows["classical"]["LSD of what was lost"] < rows["input"]["LSD of what was lost"] - 3
    assert abs(rows["classical"]["SI-SDR"] - rows["input"]["SI-SDR"]) < 1
    for name in (*drawn, "classical"):
        assert rows[f"{name}, best of 2"]["LSD"] <= rows[name]["LSD"]
        assert rows[f"{name}, best of 2"]["SI-SDR"] >= rows[name]["SI-SDR"]
    assert 0 < rows["classical"]["spread of takes"] < 6


@pytest.mark.usefixtures("drawn")
def test_as_it_is_typed(folder: Path, tmp_path: Path) -> None:
    name, few = "frequency-generation", ("--codec", "aac:32", "--takes", 1, "--clip-s", 1)
    code, out, err = invoke("evaluate", name, "--music", folder, "--part", "all", *few, "-o", tmp_path / "t.json")
    assert (code, err) == (0, "")
    assert "48 kHz, joint stereo" in out
    content = json.loads((tmp_path / "t.json").read_text())
    assert {row["group"] for row in content["tables"]["codec"]} == {"music, aac:32 kbit/s"}
    refused(tmp_path, "speech or music must name a folder of audio", "evaluate", name)
    refused(tmp_path, "codec must be NAME:KBPS, got 'mp3'", "evaluate", name, "--music", folder, "--codec", "mp3")
    refused(tmp_path, "mp3 takes a bit_rate from", "evaluate", name, "--music", folder, "--codec", "mp3:6")
