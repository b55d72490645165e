"""The analysis of the answers of a listening test."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aural.audio.contents import text_of
from aural.errors import AudioError
from aural.listening.making import ANCHORS, REFERENCE
from aural.listening.settings import KINDS
from aural.markup import visible

CONFIDENCE = 0.95
LEAST_REFERENCE, MOST_ANCHOR, TOLERATED = 90, 90, 0.15
"""A listener is left out who rates the hidden reference below, or the anchor at 7 kHz above, in more of the items."""


@dataclass(frozen=True)
class Answers:
    """The answers of one listener."""

    path: Path
    kind: str
    test: str
    listener: str
    answers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class ResultRow:
    """The result of one version, or of one pair of versions."""

    name: str
    count: int
    """Of answers."""
    value: float
    """Mean rating, or the share of answers that were right, or that preferred the first."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    p: float | None = None
    """Probability of so many answers, or a result less likely yet, by chance."""


@dataclass(frozen=True)
class Findings:
    """The results of all listeners."""

    kind: str
    rows: tuple[ResultRow, ...]
    """Best first for ratings."""
    items: Mapping[str, tuple[ResultRow, ...]]
    """The same for each item alone."""
    listeners: tuple[str, ...]
    left_out: Mapping[str, str]
    """Listeners whose ratings do not count, and why."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON; what is not known is None."""

        def plain(rows: Iterable[ResultRow]) -> list[dict[str, Any]]:
            return [{k: _finite(v) for k, v in vars(row).items() if v is not None} for row in rows]

        return {
            "kind": self.kind,
            "rows": plain(self.rows),
            "items": {item: plain(rows) for item, rows in self.items.items()},
            "listeners": list(self.listeners),
            "left_out": dict(self.left_out),
        }


def read_answers(paths: Sequence[str | Path]) -> list[Answers]:
    """Read the files that browsers saved, of one test.

    Raises:
        AudioError: a file cannot be read, or holds something else; they are of several tests; or two are by one
            listener.
    """
    read = [_answers(Path(path)) for path in paths]
    for one in read[1:]:
        if (one.test, one.kind) != (read[0].test, read[0].kind):
            raise AudioError(f"is of another test than {read[0].path}", path=one.path)
    names = [one.listener for one in read]
    if double := next((one for one in read if names.count(one.listener) > 1), None):
        raise AudioError(f"there are two files by {visible(double.listener)}", path=double.path)
    return read


def judge(read: Sequence[Answers]) -> Findings:
    """Analyse answers.

    Ratings: the mean with its 95 % interval (Student's t over all ratings) for each version. Listeners are left out
    who rate the hidden reference below 90 in more than 15 % of the items, or the anchor at 7 kHz above 90.
    ABX: the exact probability of at least so many right answers by chance. Preferences: that of a result no more
    likely than this one, if neither is preferred. Intervals of shares are Clopper and Pearson's.

    Raises:
        AudioError: no answers are left.

    References:
        ITU-R BS.1534-3 (2015), 4.1.2: post-screening; 9: means and intervals.
        C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).
    """
    if not read:
        raise AudioError("no results to read")
    kind = read[0].kind
    left_out = {one.listener: why for one in read if kind == "mushra" and (why := _unreliable(one))}
    counted = [answer for one in read if one.listener not in left_out for answer in one.answers]
    if not counted:
        raise AudioError("no answers are left: every listener " + ", ".join(sorted(set(left_out.values()))))
    rows: Callable[[Sequence[Mapping[str, Any]]], tuple[ResultRow, ...]] = _ratings if kind == "mushra" else _shares
    names = list(dict.fromkeys(answer["item"] for answer in counted))
    items = {name: rows([answer for answer in counted if answer["item"] == name]) for name in names}
    return Findings(kind, rows(counted), items, tuple(one.listener for one in read), left_out)


def _ratings(answers: Sequence[Mapping[str, Any]]) -> tuple[ResultRow, ...]:
    from scipy.stats import t

    scores: dict[str, list[float]] = {}
    for answer in answers:
        for name, score in answer["scores"].items():
            scores.setdefault(name, []).append(score)
    rows = []
    for name, values in scores.items():
        mean, count = float(np.mean(values)), len(values)
        half = math.nan
        if count > 1:
            half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
        rows.append(ResultRow(name, count, mean, mean - half, mean + half))
    return tuple(sorted(rows, key=lambda row: -row.value))


def _shares(answers: Sequence[Mapping[str, Any]]) -> tuple[ResultRow, ...]:
    from scipy.stats import binomtest

    outcomes: dict[str, list[bool]] = {}
    for answer in answers:
        first, second = answer["pair"]
        blind = "x" in answer
        name = f"{first} against {second}" if blind else f"{first} preferred to {second}"
        outcome = answer["answer"] == answer["x"] if blind else answer["preferred"] == first
        outcomes.setdefault(name, []).append(outcome)
    rows = []
    for name, values in outcomes.items():
        right, count = sum(values), len(values)
        chance = binomtest(right, count, 0.5, alternative="greater" if "x" in answers[0] else "two-sided")
        interval = binomtest(right, count).proportion_ci(CONFIDENCE, method="exact")
        rows.append(
            ResultRow(name, count, right / count, float(interval.low), float(interval.high), float(chance.pvalue))
        )
    return tuple(rows)


def _unreliable(one: Answers) -> str:
    """Say why a listener's ratings do not count; nothing if they do."""
    anchor = list(ANCHORS)[1]
    low = np.mean([answer["scores"][REFERENCE] < LEAST_REFERENCE for answer in one.answers])
    high = np.mean([answer["scores"][anchor] > MOST_ANCHOR for answer in one.answers])
    if low > TOLERATED:
        return f"rates the hidden reference below {LEAST_REFERENCE} in {100 * low:.0f} % of the items"
    if high > TOLERATED:
        return f"rates the anchor at 7 kHz above {MOST_ANCHOR} in {100 * high:.0f} % of the items"
    return ""


def _answers(path: Path) -> Answers:
    text = text_of(path, AudioError)
    try:
        read = json.loads(text)
        found = Answers(path, read["kind"], read["test"], read["listener"], tuple(read["answers"]))
        sound = all(isinstance(text, str) for text in (found.kind, found.test, found.listener)) and found.answers
        if not sound or found.kind not in KINDS or not all(_sound(found.kind, answer) for answer in found.answers):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AudioError("is no file of answers that a listening test saved", path=path) from error
    return found


def _sound(kind: str, answer: Mapping[str, Any]) -> bool:
    """Tell whether an answer is one of a test of this kind."""
    if not isinstance(answer["item"], str):
        return False
    if kind == "mushra":
        scores = answer["scores"]
        rated = all(isinstance(score, int | float) and 0 <= score <= 100 for score in scores.values())
        return rated and {REFERENCE, *ANCHORS} <= scores.keys()
    first, second = answer["pair"]
    choices = (first, second)
    named = isinstance(first, str) and isinstance(second, str)
    chosen = [answer["x"], answer["answer"]] if kind == "abx" else [answer["preferred"]]
    return named and all(choice in choices for choice in chosen)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
