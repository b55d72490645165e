"""What separation is judged by: songs, mixtures, systems by the names of their stems, folders that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import invoke, voice, write
from tiny_demucs import package, tiny

from aural.errors import ParameterError
from aural.stages.source_separation.evaluate import SeparationEvaluation

RATE = 48000


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judged")
    rng = np.random.default_rng(0)
    middle = np.repeat(voice(3.0), 2, axis=0)
    for number in range(4):
        wide = (0.05 * rng.standard_normal((2, 3 * RATE))).astype(np.float32)
        drums = np.zeros((2, 3 * RATE), np.float32)
        for start in range(5000, 3 * RATE - 200, 12000):
            drums[:, start : start + 200] = rng.uniform(-0.9, 0.9, 200)
        for path, audio in (
            (f"songs/{number}/vocals.wav", np.roll(middle, 999 * number, axis=1)),
            (f"songs/{number}/other.wav", wide),
            (f"songs/{number}/drums.wav", drums),
            (f"voice/{'abcd'[number]}.wav", voice(3.0)),
            (f"rest/{'abcd'[number]}.wav", wide),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            write(root / path, audio, subtype="FLOAT")
    return root


def test_songs_are_judged_stem_by_stem(folder: Path) -> None:
    report = SeparationEvaluation(stems=(str(folder / "songs"),), part="all").run()
    assert not report.errors
    of_stems, of_songs = report.tables
    means = {(row.group, row.system): row.means for row in of_stems.rows}
    assert set(means) == {
        *((stem, "input") for stem in ("voice", "rest", "drums", "other")),
        ("voice", "voice"), ("rest", "voice"), ("voice", "center"), ("rest", "center"), ("drums", "hpss"),
    }  # fmt: skip
    assert means["voice", "center"][0] > means["voice", "input"][0] + 1
    assert means["drums", "hpss"][1] > means["drums", "input"][1] + 3
    assert means["drums", "input"][2] == pytest.approx(0, abs=0.1)
    assert means["drums", "hpss"][2] < -1
    assert len(of_songs.rows) == 4 * 9


def test_mixtures_are_at_the_ratios_and_can_be_saved_and_judged_again(folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    values = {"voice": (str(folder / "voice"),), "rest": (str(folder / "rest"),), "part": "all", "clip_s": 2.0}
    report = SeparationEvaluation(**values, pairs=2, ratio_db=(0.0, 10.0), save_mixtures=str(saved)).run()
    assert not report.errors
    means = {(row.group, row.system): row.means for row in report.tables[1].rows}
    for ratio, group in ((0, "0 dB, voice"), (10, "10 dB, voice")):
        assert means[group, "input"][1] == pytest.approx(ratio, abs=3)  # pauses count here
    assert len(list(saved.glob("*/mixture.wav"))) == 4
    again = SeparationEvaluation(stems=(str(saved),), part="all").run()
    first, second = ({(s.name, s.system): s.values for s in r.scores} for r in (report, again))
    assert first.keys() == second.keys()
    assert all(first[key]["SI-SDR"] == pytest.approx(second[key]["SI-SDR"], abs=0.1) for key in first)
    with pytest.raises(ParameterError, match="exists already"):
        SeparationEvaluation(**values, save_mixtures=str(saved))


def test_stems_of_other_systems_are_read(folder: Path, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "voice.wav").write_bytes((folder / f"songs/{number}/vocals.wav").read_bytes())
    report = SeparationEvaluation(stems=(str(folder / "songs"),), part="all", extra=(f"perfect={tmp_path}",)).run()
    means = {(row.group, row.system): row.means for row in report.tables[0].rows}
    assert means["voice", "perfect"][1] > 60


def test_a_checkpoint_of_demucs_is_judged_if_it_is_trusted(folder: Path, tmp_path: Path) -> None:
    torch.save(package(tiny()), tmp_path / "theirs.th")
    command = ("evaluate", "source-separation", "--stems", folder / "songs", "--model", tmp_path / "theirs.th")
    code, out, err = invoke(*command)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "is a pickle" in err
    assert "--trust-model" in err
    code, _, err = invoke(*command, "--trust-model", "-o", tmp_path / "report.json")
    assert code == 0, err
    assert '"theirs"' in (tmp_path / "report.json").read_text()


def test_a_voice_alone_and_the_rest_alone_can_be_judged(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "songs/one").mkdir(parents=True)
    write(tmp_path / "songs/one/vocals.wav", np.zeros((2, RATE), np.float32))
    write(tmp_path / "songs/one/other.wav", 0.1 * np.ones((2, RATE), np.float32))
    report = SeparationEvaluation(stems=(str(tmp_path / "songs"),), part="all").run()
    means = {(row.group, row.system): row.means for row in report.tables[0].rows}
    assert np.isnan(means["voice", "input"][1])
    assert means["voice", "input"][2] == pytest.approx(0)


def test_what_is_wrong_is_said_before_anything_is_judged(folder: Path, tmp_path: Path) -> None:
    songs, voices = ("--stems", folder / "songs"), ("--voice", folder / "voice")
    for arguments, sentence in (
        ((), "give stems, or voice and rest"),
        (voices, "give stems, or voice and rest"),
        ((*songs, "--pairs", 3), "pairs needs voice"),
        ((*songs, "--trust-model"), "trust_model needs model"),
        ((*songs, "--extra", "theirs"), "extra must be NAME=PATH"),
        (("--stems", folder / "nowhere"), "nowhere: no such folder"),
        ((*songs, "--network", "nowhere.safetensors"), "nowhere.safetensors"),
        ((*songs, "--extra", "mine=chain.toml"), "extra must name a folder of stems"),
        ((*songs, "--extra", f"theirs={tmp_path}"), "an empty folder"),
        ((*songs, "--network", "a/voice.safetensors", "--network", "b/voice.safetensors"), "two systems are called"),
    ):
        code, out, err = invoke("evaluate", "source-separation", *arguments, "--part", "all")
        assert (code, out) == (2, "")
        assert sentence in err
        assert len(err.strip().splitlines()) == 1
