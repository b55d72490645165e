"""`aural listen`: what is typed, and what lies there afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recordings import invoke, voice, write

ANSWER = {"item": "i", "scores": {"reference": 98, "anchor-3.5-khz": 5, "anchor-7-khz": 30, "a<b>\x1b[31m": 70}}


def answered(folder: Path, listener: str, score: int = 70) -> Path:
    path = folder / f"{listener}.json"
    answers = [{**ANSWER, "scores": {**ANSWER["scores"], "a<b>\x1b[31m": score}}]  # type: ignore[dict-item]
    path.write_text(json.dumps({"kind": "mushra", "test": "t", "listener": listener, "answers": answers}))
    return path


def test_a_page_is_made(tmp_path: Path) -> None:
    names = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in ("reference", "a", "b")]
    code, out, err = invoke(
        "listen", *names, "-o", tmp_path / "t.html", "--kind", "abx", "--trials", "4", "--seed", "5"
    )
    assert (code, err) == (0, "")
    assert out == f"{tmp_path / 't.html'}: abx test, the reference and 2 made of it, seed 5\n"
    code, _, err = invoke("listen", *names, "-o", tmp_path / "t.html")
    assert code == 2
    assert "exists already; use -f" in err


def test_results_are_told_drawn_and_given_as_json(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason='needs pip install "aural[plot]"')
    files = [answered(tmp_path, "Ann", 70), answered(tmp_path, "Bob", 80)]
    code, out, err = invoke("listen", "--results", *files, "-o", tmp_path / "r.png")
    assert (code, err) == (0, "")
    assert "mushra, 2 listeners" in out
    assert "a<b>\\x1b[31m" in out
    assert "75.0   11.5 to 138.5   of 2" in out
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    rows = json.loads(invoke("listen", "--results", *files, "--json")[1])["rows"]
    assert rows[0]["name"] == "reference"
    code, _, err = invoke("listen", "--results", *files, "-o", tmp_path / "r.png")
    assert code == 2
    assert "exists already; use -f" in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["a.wav"], "name the page with -o"),
        (["--results", "a.json", "--seed", "3"], "leave out seed"),
        (["a.wav", "b.wav", "-o", "t.html", "--json"], "--json is for --results"),
        (["--results", "a.json", "-o", "r.txt"], "a picture is written as"),
        (["--results", "nothing.json"], "nothing.json"),
    ],
)
def test_typed_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str) -> None:
    monkeypatch.chdir(tmp_path)
    answered(tmp_path, "a")
    code, _, err = invoke("listen", *arguments)
    assert code == 2
    assert why in err
    assert err.count("\n") == 1
