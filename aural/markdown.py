"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]], figures: bool = False) -> str:
    """Write a table.

    Args:
        figures: all columns but the first hold figures, which are aligned to the right.
    """
    rule = ["---", *["---:" if figures else "---"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (header, rule, *rows))
