"""Systems over cases: means, failures by name, other systems' outputs, tables in three forms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from recordings import write
from rich.console import Console

from aural.audio.files import read
from aural.errors import AudioError, AuralError, ParameterError
from aural.learning import evaluation
from aural.learning.evaluation import Case, Sample, System, stored, unchanged
from aural.learning.metrics.metric import Audio, Metric
from aural.learning.report import Row, Table
from aural.signals import Block

RATE = 16000


def offset(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    return float(np.mean(estimate - reference))


def absent(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    raise AuralError("nobody has it")


OFFSET = Metric("offset", "mV", 1, False, offset)


def load(number: int) -> Sample:
    if number == 3:
        raise AudioError("three.wav: is empty (0 bytes)")
    audio = np.full((2, RATE), number, np.float32)
    labels = {"level": f"{5 * number} dB", "parity": ["even", "odd"][number % 2]}
    return Sample(f"case {number}", audio, np.zeros_like(audio), RATE, labels)


def halved(sample: Sample) -> Block:
    if sample.name == "case 2":
        raise RuntimeError("no twos")
    return (sample.input / 2).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Toy(evaluation.Evaluation):
    title: ClassVar[str] = "Toys"
    metrics: ClassVar[tuple[Metric, ...]] = (OFFSET,)

    def systems(self) -> Mapping[str, System]:
        return {"input": unchanged, "halved": halved}

    def cases(self) -> Sequence[Case]:
        return [Case(f"case {number}", partial(load, number)) for number in range(4)]


def test_means_files_and_failures() -> None:
    report = Toy().run()
    assert report.errors == ("case 2: halved: RuntimeError('no twos')", "case 3: three.wav: is empty (0 bytes)")
    levels, parities = report.tables
    assert [(row.group, row.system, row.files, row.means) for row in levels.rows] == [
        ("0 dB", "input", 1, (0.0,)),
        ("0 dB", "halved", 1, (0.0,)),
        ("5 dB", "input", 1, (1.0,)),
        ("5 dB", "halved", 1, (0.5,)),
        ("10 dB", "input", 1, (2.0,)),
    ]
    assert [(row.group, row.system, row.files, row.means) for row in parities.rows] == [
        ("even", "input", 2, (1.0,)),
        ("even", "halved", 1, (0.0,)),
        ("odd", "input", 1, (1.0,)),
        ("odd", "halved", 1, (0.5,)),
    ]


def test_watch_sees_each_verdict() -> None:
    seen = []
    Toy().run(watch=lambda verdicts, total: (seen.append((total, len(v.scores))) or v for v in verdicts))  # type: ignore[func-returns-value]
    assert seen == [(4, 2), (4, 2), (4, 1), (4, 0)]


def test_what_was_judged_is_kept(tmp_path: Path) -> None:
    Toy().run(keep=tmp_path)
    kept = {folder.name: sorted(file.stem for file in folder.iterdir()) for folder in tmp_path.iterdir()}
    cases = ["case 0", "case 1", "case 2"]
    assert kept == {"reference": cases, "input": cases, "halved": ["case 0", "case 1"]}
    heard, _ = read(tmp_path / "halved" / "case 1.wav")
    np.testing.assert_array_equal(heard, np.full((2, RATE), 0.5, np.float32))


def test_page() -> None:
    page = Toy().run().markdown()
    assert page.startswith("# Toys\n")
    assert "- failed: case 3: three.wav: is empty (0 bytes)" in page
    assert "| level (files) | offset mV |\n| --- | ---: |\n| 0 dB (1) |  |\n| input | 0.0 |\n| halved | 0.0 |" in page
    assert "| 10 dB (1) |  |\n| input | 2.0 |\n\n" in page
    assert "| even (2) |  |\n| input | 1.0 |\n| halved (1) | 0.0 |" in page


def test_terminal() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(Toy().run().tables[0].rich())
    lines = [line.split() for line in capture.get().splitlines()]
    at = lines.index(["│", "5", "dB", "(1)", "│", "│"])
    assert lines[at + 1 : at + 3] == [["│", "input", "│", "1.0", "│"], ["│", "halved", "│", "0.5", "│"]]


def test_many_systems_and_long_names_of_metrics_fit_into_80_columns() -> None:
    metrics = tuple(Metric(f"distance of what was lost {n}", "dB", 1, False, offset) for n in range(4))
    systems = [f"stochastic, best of {n}" for n in range(9)]
    rows = tuple(Row("music, mp3:32", name, 3, (-12.3,) * 4) for name in systems)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(Table("codec", metrics, rows).rich())
    for name in systems:
        assert f"│ {name} │{'      -12.3 │' * 4}" in capture.get()
    assert max(map(len, capture.get().splitlines())) <= 80


def test_json_holds_every_score_and_no_infinity() -> None:
    report = Toy().run()
    report.scores[0].values["offset"] = np.inf  # type: ignore[index]
    content = json.loads(report.json())
    assert content["settings"] == {"extra": []}
    assert content["errors"] == list(report.errors)
    labels = {"level": "0 dB", "parity": "even"}
    assert content["scores"][0] == {"name": "case 0", "system": "input", "labels": labels, "values": {"offset": None}}
    assert content["tables"]["level"][2] == {"group": "5 dB", "system": "input", "files": 1, "offset": 1.0}


def test_an_optional_metric_is_left_out_with_its_reason() -> None:
    class More(Toy):
        metrics = (OFFSET, Metric("absent", "", 1, True, absent, optional=True))

    report = More().run()
    assert [metric.name for metric in report.metrics] == ["offset"]
    assert report.notes == ("absent is left out: nobody has it",)


def test_a_metric_that_is_not_optional_stops_everything() -> None:
    class More(Toy):
        metrics = (Metric("absent", "", 1, True, absent),)

    with pytest.raises(AuralError, match="nobody has it"):
        More().run()


def outputs(folder: Path, frames: int, rate: int = RATE) -> Path:
    for number in range(4):
        write(folder / f"case {number}.flac", np.full((2, frames), 0.25, np.float32), rate)
    return folder


def test_outputs_of_another_system(tmp_path: Path) -> None:
    report = Toy(extra=(f"theirs={outputs(tmp_path, RATE - 10)}",)).run()
    theirs = [score.values["offset"] for score in report.scores if score.system == "theirs"]
    assert theirs == pytest.approx([0.25] * 3, rel=1e-2)


def test_outputs_at_another_rate_are_resampled(tmp_path: Path) -> None:
    audio = stored(outputs(tmp_path, RATE // 2, RATE // 2), load(0))
    assert isinstance(audio, np.ndarray)
    assert audio.shape == (2, RATE)
    assert audio[:, 1000:-1000] == pytest.approx(0.25, abs=1e-3)


def test_outputs_of_another_length_or_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"case 0.flac: lasts 0.50 s, its input 1.00 s"):
        stored(outputs(tmp_path, RATE // 2), load(0))
    (tmp_path / "case 1.flac").unlink()
    with pytest.raises(AudioError, match="case 1: no such output"):
        stored(tmp_path, load(1))


def test_a_chain_is_a_system(tmp_path: Path) -> None:
    chain = tmp_path / "none.toml"
    chain.write_text('[[stage]]\nuse = "noise-reduction"\nmix = 0.0\n')
    report = Toy(extra=(f"chained={chain}",)).run()
    scores = {score.system: score.values["offset"] for score in report.scores if score.name == "case 1"}
    assert scores["chained"] == scores["input"]


@pytest.mark.parametrize("entry", ["theirs", "=folder", "theirs="])
def test_extra_wants_a_name_and_a_path(entry: str) -> None:
    with pytest.raises(ParameterError, match="extra must be NAME=PATH"):
        Toy(extra=(entry,))


def test_names_are_unique() -> None:
    with pytest.raises(ParameterError, match="two systems are called 'halved'"):
        Toy(extra=("halved=folder",))


def test_missing_folder() -> None:
    with pytest.raises(AudioError, match="nowhere: no such folder"):
        Toy(extra=("theirs=nowhere",)).run()


def parts(sample: Sample) -> Mapping[str, Block]:
    return {"high": sample.input, "low": 2 * sample.input, "strange": sample.input}


def stems(number: int) -> Sample:
    audio = np.full((2, RATE), number, np.float32)
    wanted = {"high": audio, "low": audio, "deep": audio}
    return Sample(f"song {number}", audio, wanted, RATE, {"songs": f"song {number}"})


@dataclass(frozen=True, kw_only=True)
class Stems(Toy):
    def systems(self) -> Mapping[str, System]:
        return {"input": unchanged, "parts": parts, "halved": halved}

    def cases(self) -> Sequence[Case]:
        return [Case(f"song {number}", partial(stems, number)) for number in range(2)]


def test_stems_are_judged_each_for_itself(tmp_path: Path) -> None:
    (tmp_path / "song 1").mkdir()
    write(tmp_path / "song 1" / "deep.wav", np.full((2, RATE), 0.5, np.float32), RATE)
    report = Stems(extra=(f"theirs={tmp_path}",)).run()
    assert [error for error in report.errors if "halved" in error] == [
        f"song {number}: halved: gives one signal where stems are wanted" for number in range(2)
    ]
    assert [error for error in report.errors if "theirs" in error] == [
        f"song 0: theirs: {tmp_path / 'song 0'}: no such output"
    ]
    of_stems, of_songs = report.tables
    means = {(row.group, row.system): row.means[0] for row in of_stems.rows}
    assert means == {
        ("high", "input"): 0.0,
        ("high", "parts"): 0.0,
        ("low", "input"): 0.0,
        ("low", "parts"): 0.5,
        ("deep", "input"): 0.0,
        ("deep", "theirs"): pytest.approx(-0.5, abs=1e-4),
    }
    assert {row.group for row in of_songs.rows} == {
        f"song {number}, {stem}" for number in range(2) for stem in ("high", "low", "deep")
    }


def test_a_figure_that_a_file_has_not_is_left_out_of_the_mean() -> None:
    def first(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
        return float(reference[0, 0]) or float("nan")

    class Some(Stems):
        metrics = (Metric("first", "", 1, True, first, together=True),)

        def systems(self) -> Mapping[str, System]:
            return {"input": unchanged}

    of_stems, of_songs = Some().run().tables
    assert {row.means for row in of_stems.rows} == {(1.0,)}
    assert "| input | - |" in of_songs.markdown()


def test_each_stem_that_was_judged_can_be_kept(tmp_path: Path) -> None:
    Stems().run(keep=tmp_path)
    names = {name: sorted(path.stem for path in (tmp_path / name).iterdir()) for name in ("reference", "parts")}
    assert names["reference"] == [f"song {number}_{stem}" for number in range(2) for stem in ("deep", "high", "low")]
    assert "song 1_low" in names["parts"]
