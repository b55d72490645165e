"""The index of many reports: a row for each recording, sorted by any column."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from aural.markup import Markup, element
from aural.pages.page import page

COLUMNS = (
    "recording",
    "preset",
    "length, s",
    "loudness before, LUFS",
    "loudness after, LUFS",
    "signal to noise before, dB",
    "signal to noise after, dB",
    "true peak before, dBTP",
    "true peak after, dBTP",
    "what was found",
)


def index_page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the index.

    Args:
        rows: for each recording `source`, its name, and either `error`, or `href` of its report, `preset`, `found`,
            `duration_s`, and the pairs before and after `lufs`, `snr_db` and `true_peak_dbtp`.
    """
    failed = sum("error" in row for row in rows)
    count = f"{len(rows)} recordings" + (f", {failed} of which failed" if failed else "")
    head = (element("th", element("button", name, type="button"), scope="col") for name in COLUMNS)
    body = element(
        "main",
        element("h1", "Cleaned recordings"),
        element("p", f"{count}. Press the heading of a column to sort by it.", class_="quiet"),
        element(
            "div",
            element("table", element("thead", element("tr", *head)), element("tbody", *map(_row, rows)), id="rows"),
            class_="scrolls card",
            tabindex="0",
            role="region",
            aria_label="Recordings",
        ),
    )
    return page("Cleaned recordings", body, {}, "index.js")


def _row(row: Mapping[str, Any]) -> Markup:
    if "error" in row:
        cells = [element("td", "", data_value="") for _ in COLUMNS[2:]]
        return element(
            "tr", element("th", row["source"], scope="row"), *cells, element("td", f"failed: {row['error']}")
        )
    link = element("a", row["source"], href=quote(os.fsencode(row["href"])))
    pairs = (*row["lufs"], *row["snr_db"], *row["true_peak_dbtp"])
    return element(
        "tr",
        element("th", link, scope="row"),
        element("td", row["preset"]),
        *(_number(value) for value in (row["duration_s"], *pairs)),
        element("td", "; ".join(row["found"]) or "nothing"),
    )


def _number(value: float) -> Markup:
    finite = math.isfinite(value)
    return element("td", f"{value:.1f}" if finite else "-", data_value=f"{value:.3f}" if finite else "")
