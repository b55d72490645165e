"""The results of an evaluation: every score, and tables of their means for the terminal, Markdown and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aural.learning.metrics.metric import Metric
from aural.markdown import table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Score:
    """The score of one system on one recording."""

    name: str
    system: str
    labels: Mapping[str, str]
    values: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """Means over the files of a group."""

    group: str
    system: str
    files: int
    means: tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """Means by group and system: groups as rows, systems as columns."""

    title: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]

    @property
    def systems(self) -> list[str]:
        """Name the systems, each of which has a column."""
        return list(dict.fromkeys(row.system for row in self.rows))

    @property
    def header(self) -> list[str]:
        return [self.title, *self.systems]

    def cells(self) -> Iterator[list[str]]:
        """Write a line with the name of each group and the number of its files, and below it one for each metric.

        A system that did not give all the files of a group says in brackets how many it gave.
        """
        groups: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            groups.setdefault(row.group, {})[row.system] = row
        for group, found in groups.items():
            files = max(row.files for row in found.values())
            yield [f"{group} ({files})", *("" for _ in self.systems)]
            for number, metric in enumerate(self.metrics):
                means = (_written(found.get(system), number, metric, files) for system in self.systems)
                yield [metric.title, *means]

    def markdown(self) -> str:
        """Write it for a page."""
        return table(self.header, self.cells(), figures=True)

    def rich(self) -> RichTable:
        """Draw it for the terminal."""
        from rich.markup import escape
        from rich.table import Table as RichTable

        drawn, lines = RichTable(), list(self.cells())
        drawn.add_column(self.title, no_wrap=True)
        for number, system in enumerate(self.systems, 1):  # where space is short, their names are folded, not figures
            widest = max((len(cells[number]) for cells in lines), default=0)
            drawn.add_column(system, justify="right", min_width=widest, overflow="fold")
        for cells in lines:
            if not any(cells[1:]) and drawn.rows:
                drawn.add_section()
            drawn.add_row(*map(escape, cells))
        return drawn


@dataclass(frozen=True)
class Report:
    """The results of an evaluation."""

    title: str
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    metrics: tuple[Metric, ...]
    scores: tuple[Score, ...]
    errors: tuple[str, ...]

    @property
    def tables(self) -> list[Table]:
        """Average the scores, a table for each kind of label."""
        titles = dict.fromkeys(title for score in self.scores for title in score.labels)
        return [self._table(title) for title in titles]

    def _table(self, title: str) -> Table:
        groups: dict[tuple[str, str], list[list[float]]] = {}
        for score in self.scores:
            if title in score.labels:
                values = [score.values[metric.name] for metric in self.metrics]
                groups.setdefault((score.labels[title], score.system), []).append(values)
        systems = list(dict.fromkeys(score.system for score in self.scores))
        rows = sorted(groups, key=lambda key: (_natural(key[0]), systems.index(key[1])))
        return Table(title, self.metrics, tuple(Row(*key, len(groups[key]), _means(groups[key])) for key in rows))

    def markdown(self) -> str:
        """Write it for a page."""
        failed = [f"- failed: {error}" for error in self.errors]
        lists = [*(f"- {note}" for note in self.notes), *failed]
        parts = [f"# {self.title}", "\n".join(lists), *(table.markdown() for table in self.tables)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def json(self) -> str:
        """Write all of it, each score included; figures that are not finite become null, for JSON knows none."""
        content = {
            "title": self.title,
            "settings": self.settings,
            "notes": self.notes,
            "tables": {table.title: [_plain(table, row) for row in table.rows] for table in self.tables},
            "scores": [asdict(score) | {"values": _finite(score.values)} for score in self.scores],
            "errors": self.errors,
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def text(self, suffix: str) -> str:
        """Write the report in the format of a file with this suffix, one of FORMATS."""
        return FORMATS[suffix](self)


FORMATS = {".md": Report.markdown, ".json": Report.json}
"""How a report is written, by the suffix of the file."""


def _written(row: Row | None, number: int, metric: Metric, files: int) -> str:
    if row is None:
        return "-"
    if np.isnan(row.means[number]):
        return "-"
    mean = f"{row.means[number]:.{metric.decimals}f}"
    return mean if row.files == files else f"{mean} ({row.files})"


def _means(values: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Take the mean of each figure, over those files that have it."""
    return tuple(
        float(np.mean(given)) if len(given := column[~np.isnan(column)]) else np.nan
        for column in np.transpose(values)
    )


def _natural(text: str) -> tuple[float, str]:
    """Sort by the number at the beginning; what has none comes last."""
    number = re.match(r"-?\d+\.?\d*", text)
    return (float(number[0]) if number else np.inf, text)


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def _plain(table: Table, row: Row) -> dict[str, Any]:
    means = dict(zip((metric.name for metric in table.metrics), row.means, strict=True))
    return {"group": row.group, "system": row.system, "files": row.files, **_finite(means)}
