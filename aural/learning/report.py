"""The results of an evaluation: every score, and tables of their means for the terminal, Markdown and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from aural.learning.metrics.metric import Metric
from aural.markdown import table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


HEADING = 10
"""Letters in a line of a heading in the terminal, so that the names of systems have room beside the figures."""


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
    """Means by group and system: a row for each system, a column for each metric, so that 80 columns hold any number
    of systems."""

    title: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]

    @property
    def header(self) -> list[str]:
        return [f"{self.title} (files)", *(metric.title for metric in self.metrics)]

    def cells(self) -> Iterator[list[str]]:
        """Write a line with the name of each group and the number of its files, and below it one for each system.

        A system that gave none of the files of a group has no line; one that gave some says in brackets how many.
        """
        systems = dict.fromkeys(row.system for row in self.rows)
        groups: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            groups.setdefault(row.group, {})[row.system] = row
        for group, found in groups.items():
            files = max(row.files for row in found.values())
            yield [f"{group} ({files})", *("" for _ in self.metrics)]
            for system in filter(found.__contains__, systems):
                row = found[system]
                name = system if row.files == files else f"{system} ({row.files})"
                yield [name, *(_written(row, *one) for one in enumerate(self.metrics))]

    def markdown(self) -> str:
        """Write it for a page."""
        return table(self.header, self.cells(), figures=True)

    def rich(self) -> RichTable:
        """Draw it for the terminal."""
        from rich.markup import escape
        from rich.table import Table as RichTable

        drawn = RichTable()
        for number, title in enumerate(self.header):
            heading = "\n".join(wrap(title, HEADING)) if number else title
            drawn.add_column(heading, justify="right" if number else "left", no_wrap=number > 0)
        for cells in self.cells():
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


def _written(row: Row, number: int, metric: Metric) -> str:
    if np.isnan(row.means[number]):
        return "-"
    return f"{row.means[number]:.{metric.decimals}f}"


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
