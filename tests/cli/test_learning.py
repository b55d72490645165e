"""`aural evaluate` as a user types it: the table, the file, what is refused, what failed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recordings import invoke, voice, write

from aural import registry
from aural.learning.metrics.speech import SPEECH
from aural.parameters import parameters
from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation

RATE = 48000
NAME = "noise-reduction"


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pairs at 10 dB; nobody hears them with DNSMOS, which would take most of the time."""
    quick = tuple(metric for metric in NoiseReductionEvaluation.metrics if metric.name != "DNSMOS")
    monkeypatch.setattr(NoiseReductionEvaluation, "metrics", quick)
    rng = np.random.default_rng(0)
    for name in ("clean", "noisy"):
        (tmp_path / name).mkdir()
    for number in range(3):
        clean = np.roll(voice(1.0), 1000 * number)
        noise = np.float32(0.32 * clean.std()) * rng.standard_normal(clean.shape).astype(np.float32)
        write(tmp_path / "clean" / f"{number}.wav", clean)
        write(tmp_path / "noisy" / f"{number}.wav", clean + noise)
    return tmp_path


def typed(folder: Path, *more: object) -> tuple[int, str, str]:
    return invoke("evaluate", NAME, "--clean", folder / "clean", "--noisy", folder / "noisy", *more)


def refused(sentence: str, *arguments: object) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_a_table_and_a_file(pairs: Path) -> None:
    code, out, err = typed(pairs, "-o", pairs / "table.json", "--extra", f"perfect={pairs / 'clean'}")
    assert (code, err) == (0, "")
    for word in ("PESQ", "ESTOI", "SI-SDR", "LSD dB", "input", "gate", "mmse", "compact", "10 dB", "inf"):
        assert word in out
    content = json.loads((pairs / "table.json").read_text())
    rows = {row["system"]: row for row in content["tables"]["recordings"]}
    assert rows["perfect"]["files"] == 3
    assert rows["perfect"]["PESQ"] == pytest.approx(4.64, abs=0.01)
    assert rows["perfect"]["SI-SDR"] is None
    assert content["settings"]["clean"] == str(pairs / "clean")


def test_dnsmos_is_in_the_table(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("speechmos")
    monkeypatch.setattr(NoiseReductionEvaluation, "metrics", SPEECH)
    for number in (1, 2):
        for name in ("clean", "noisy"):
            (pairs / name / f"{number}.wav").unlink()
    code, _, err = typed(pairs, "-o", pairs / "table.json")
    assert (code, err) == (0, "")
    content = json.loads((pairs / "table.json").read_text())
    assert all(1 <= row["DNSMOS"] <= 5 for row in content["tables"]["recordings"])


def test_a_page_is_not_replaced_unasked(pairs: Path) -> None:
    page = pairs / "table.md"
    page.write_text("mine")
    refused("table.md: exists already; use -f", "evaluate", NAME, "--clean", "a", "--noisy", "b", "-o", page)
    assert page.read_text() == "mine"
    assert typed(pairs, "-o", page, "-f")[0] == 0
    assert page.read_text().startswith("# Noise reduction\n")


def test_a_listening_test_of_what_most_systems_have_done(pairs: Path) -> None:
    (pairs / "other").mkdir()
    for number in range(2):
        write(pairs / "other" / f"{number}.wav", voice(1.0))
    page = pairs / "test.html"
    code, out, err = typed(pairs, "--extra", f"other={pairs / 'other'}", "--listen", page)
    assert code == 1
    assert f"{page}: listening test of 0; 1, made by compact; " in out
    assert "2: other: " in err
    items = json.loads(page.read_text().partition('id="data">')[2].partition("</script>")[0])["items"]
    assert {item["name"] for item in items} == {"0", "1"}
    assert {"reference", "input", "other", "compact"} <= set(items[0]["clips"])
    folders = "--clean", pairs / "clean", "--noisy", pairs / "noisy"
    refused("test.html: exists already; use -f", "evaluate", NAME, *folders, "--listen", page)
    refused("test.txt: a page is written as .html", "evaluate", NAME, *folders, "--listen", pairs / "test.txt")


def test_a_listening_test_of_stems_has_those_that_most_systems_give(tmp_path: Path) -> None:
    for name, audio in (("vocals", voice(1.0, 2)), ("drums", voice(1.0, 2)[:, ::-1])):
        (tmp_path / "songs" / "one").mkdir(parents=True, exist_ok=True)
        write(tmp_path / "songs" / "one" / f"{name}.wav", audio)
    page = tmp_path / "test.html"
    options = "--stems", tmp_path / "songs", "--part", "all", "--listen", page
    code, out, err = invoke("evaluate", "source-separation", *options)
    assert (code, err) == (0, "")
    assert "listening test of one_rest; one_voice, made by center; input; voice\n" in out
    assert "hpss" in out


def test_nothing_to_judge_is_said(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    write(tmp_path / "songs" / "short.wav", voice(1.0))
    options = "--music", tmp_path / "songs", "--part", "all"
    refused("reaches 15000 Hz and lasts 10 s", "evaluate", "frequency-generation", *options)


def test_one_broken_file_is_named_and_the_others_count(pairs: Path) -> None:
    (pairs / "noisy" / "1.wav").write_bytes(b"RIFF but no more")
    code, out, err = typed(pairs)
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("aural: 1: ")
    assert "noisy/1.wav: is no recording that can be read" in err
    assert "dB (2)" in out


def test_one_missing_output_is_named(pairs: Path) -> None:
    (pairs / "theirs").mkdir()
    for number in (0, 2):
        (pairs / "theirs" / f"{number}.wav").write_bytes((pairs / "noisy" / f"{number}.wav").read_bytes())
    code, _, err = typed(pairs, "--extra", f"theirs={pairs / 'theirs'}")
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert err.startswith("aural: 1: theirs: ")
    assert "no such output" in err


def test_wrong_rates_are_told(pairs: Path) -> None:
    for number in (1, 2):
        for name in ("clean", "noisy"):
            (pairs / name / f"{number}.wav").unlink()
    write(pairs / "noisy" / "0.wav", voice(1.0), 44100)
    code, out, err = typed(pairs)
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "at 44100 Hz" in err
    assert "they must be alike" in err
    assert "PESQ" not in out.replace("DNSMOS", "")


def test_missing_pairs(pairs: Path) -> None:
    (pairs / "clean" / "2.wav").unlink()
    refused("clean: no partner here for ", "evaluate", NAME, "--clean", pairs / "clean", "--noisy", pairs / "noisy")


def test_wrong_folders(pairs: Path) -> None:
    refused("nowhere: no such folder", "evaluate", NAME, "--clean", pairs / "nowhere", "--noisy", pairs / "noisy")
    refused("nowhere: no such folder", "evaluate", NAME, "--speech", pairs / "nowhere", "--noise", pairs / "noisy")
    (pairs / "empty").mkdir()
    refused("no audio in this folder", "evaluate", NAME, "--clean", pairs / "empty", "--noisy", pairs / "noisy")
    refused("give either clean and noisy", "evaluate", NAME)


def test_wrong_outputs() -> None:
    folders = ("--clean", "a", "--noisy", "b")
    refused("table.txt: a table is written as .md or .json", "evaluate", NAME, *folders, "-o", "table.txt")
    refused("the folder nowhere does not exist", "evaluate", NAME, *folders, "-o", "nowhere/table.md")
    refused("extra must be NAME=PATH", "evaluate", NAME, *folders, "--extra", "theirs")


def test_help_shows_every_setting() -> None:
    code, out, _ = invoke("evaluate", NAME, "--help")
    assert code == 0
    for parameter in parameters(NoiseReductionEvaluation):
        assert f"--{parameter.name.replace('_', '-')} " in out
    assert "[numbers, each from -30 to 60; with speech given; default: 0,5,10,15]" in " ".join(out.split())


def test_pretraining_is_an_option_where_a_network_has_it() -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    _, listed, _ = invoke("train", "--help")
    names = [line.split()[0] for line in listed.split("Stages and meters:")[1].splitlines() if line[2:3].strip()]
    assert {"content", "noise", "room", "noise-reduction"} < set(names)
    offered = [name for name in names if "--pretrain" in invoke("train", name, "--help")[1]]
    assert offered == ["noise-reduction"]
    code, _, err = invoke(
        "train", "noise-reduction", "--network", "unet", "--pretrain", "--speech", "a", "--noise", "b", "-o", "c"
    )
    assert (code, err) == (2, "aural: training: pretrain is for network compact, not for network unet\n")


def test_a_stage_without_an_evaluation_says_so() -> None:
    assert registry.stage_class("gate").evaluation is None
    refused("gate has no evaluation; known: dynamic-compression, frequency-expansion", "evaluate", "gate")


def test_misspelt_stage() -> None:
    code, _, err = invoke("evaluate", "noise-reducton")
    assert code == 2
    assert "no command called 'noise-reducton'; did you mean 'noise-reduction'?" in err
