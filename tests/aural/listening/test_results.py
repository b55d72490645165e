"""What answers say: against figures worked out by other means."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aural.errors import AudioError
from aural.listening.results import Findings, judge, read_answers

GOOD = {"reference": 100, "anchor-3.5-khz": 10, "anchor-7-khz": 40}


def write(path: Path, kind: str, answers: list[dict[str, Any]], listener: str = "Ann", test: str = "t") -> Path:
    found = {"aural": "0", "kind": kind, "test": test, "seed": 0, "listener": listener, "answers": answers}
    path.write_text(json.dumps(found))
    return path


def rated(folder: Path, *listeners: list[dict[str, float]]) -> Findings:
    paths = []
    for n, scores in enumerate(listeners):
        answers = [{"item": f"item {i}", "scores": {**GOOD, **one}} for i, one in enumerate(scores)]
        paths.append(write(folder / f"{n}.json", "mushra", answers, listener=f"listener {n}"))
    return judge(read_answers(paths))


def test_means_and_intervals(tmp_path: Path) -> None:
    found = rated(tmp_path, [{"a": 60}, {"a": 70}], [{"a": 80}, {"a": 90}])
    row = next(row for row in found.rows if row.name == "a")
    assert (row.count, row.value) == (4, 75)
    half = 3.18245 * np.std([60, 70, 80, 90], ddof=1) / 2  # t of three degrees of freedom, from a table
    assert (row.low, row.high) == pytest.approx((75 - half, 75 + half), abs=1e-3)
    assert [row.name for row in found.rows] == ["reference", "a", "anchor-7-khz", "anchor-3.5-khz"]
    assert next(row for row in found.items["item 1"] if row.name == "a").value == 80


def test_one_rating_has_no_interval(tmp_path: Path) -> None:
    found = rated(tmp_path, [{"a": 60}])
    assert math.isnan(found.rows[1].low)
    assert found.as_dict()["rows"][1]["low"] is None


def test_who_does_not_hear_the_reference_or_the_anchor_is_left_out(tmp_path: Path) -> None:
    seven = [{"a": 50.0}] * 6
    once_wrong = [{"a": 50.0, "reference": 80.0}, *seven]  # 14 % of the items
    twice_wrong = [{"a": 0.0, "reference": 80.0}] * 2 + seven
    deaf = [{"a": 0.0, "anchor-7-khz": 95.0}] * 2 + seven
    found = rated(tmp_path, once_wrong, twice_wrong, deaf)
    assert found.left_out == {
        "listener 1": "rates the hidden reference below 90 in 25 % of the items",
        "listener 2": "rates the anchor at 7 kHz above 90 in 25 % of the items",
    }
    assert next(row for row in found.rows if row.name == "a").value == 50
    with pytest.raises(AudioError, match="no answers are left"):
        rated(tmp_path, twice_wrong)


def test_the_limits_of_post_screening_are_those_of_the_recommendation(tmp_path: Path) -> None:
    """Below 90 and above 90 in more than 15 % of the items: 3 of 20 are 15 %, 4 are more."""
    fine = [{"a": 50.0, "reference": 90.0, "anchor-7-khz": 90.0}] * 20
    for wrong in ({"a": 50.0, "reference": 89.0}, {"a": 50.0, "anchor-7-khz": 91.0}):
        found = rated(tmp_path, fine, [wrong] * 3 + fine[3:], [wrong] * 4 + fine[4:])
        assert list(found.left_out) == ["listener 2"]


def test_right_answers_by_chance(tmp_path: Path) -> None:
    pair = ["reference", "a"]
    answers = [{"item": "i", "pair": pair, "x": "a", "answer": "a" if n < 9 else "reference"} for n in range(10)]
    (row,) = judge(read_answers([write(tmp_path / "a.json", "abx", answers)])).rows
    assert (row.count, row.value) == (10, 0.9)
    assert row.p == pytest.approx((math.comb(10, 9) + math.comb(10, 10)) / 2**10)
    assert (row.low, row.high) == pytest.approx((0.5550, 0.9975), abs=1e-4)  # Clopper and Pearson's table


def test_preferences(tmp_path: Path) -> None:
    answers = [{"item": "i", "pair": ["a", "b"], "preferred": "a" if n < 8 else "b"} for n in range(10)]
    (row,) = judge(read_answers([write(tmp_path / "a.json", "ab", answers)])).rows
    assert (row.name, row.value) == ("a preferred to b", 0.8)
    assert row.p == pytest.approx(2 * sum(math.comb(10, n) for n in (8, 9, 10)) / 2**10)


def test_refused(tmp_path: Path) -> None:
    preference = [{"item": "i", "pair": ["a", "b"], "preferred": "a"}]
    first = write(tmp_path / "a.json", "ab", preference)
    for other, why in (
        (write(tmp_path / "b.json", "ab", preference, listener="Bob", test="u"), "another test"),
        (write(tmp_path / "c.json", "ab", preference), "two files by Ann"),
        (write(tmp_path / "d.json", "ab", [{**preference[0], "preferred": "c"}], "Dan"), "no file of answers"),
        (write(tmp_path / "e.json", "mushra", [{"item": "i", "scores": {"a": 50}}], "Eve"), "no file of answers"),
        (write(tmp_path / "f.json", "ab", [], "Fay"), "no file of answers"),
        (write(tmp_path / "g.json", "what", preference, "Guy"), "no file of answers"),
        (tmp_path / "none.json", "no such file"),
    ):
        with pytest.raises(AudioError, match=why):
            read_answers([first, other])
    for text in (
        "",
        "[]",
        "{}",
        '{"kind": 1}',
        "[" * 100_000,
        '{"kind": "ab", "test": "t", "listener": "x", "answers": 5}',
    ):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(AudioError, match=r"x\.json: is no file of answers"):
            read_answers([tmp_path / "x.json"])
    with pytest.raises(AudioError, match="no results"):
        judge([])
