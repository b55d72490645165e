"""Text from files, escaped for a terminal or a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing or begin a line, and bytes that are no UTF-8."""
VOID = ("input", "br", "meta")


class Markup(str):
    """HTML made by `element`, in which all text is escaped."""


def visible(line: str) -> str:
    """Escape a line for a terminal: a control character becomes \\x1b, a newline \\n."""
    return OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), line)


def element(tag: str, *children: str, **attributes: str | bool | None) -> Markup:
    """Write an HTML element.

    Args:
        tag: its name.
        children: what it holds: Markup as it is, any other text escaped.
        attributes: by name, `_` for `-`, and one at the end left out; True for one without a value, False or None
            for one that is left out.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    return Markup(f"<{tag}{written}>" + ("" if tag in VOID else f"{joined(children)}</{tag}>"))


def joined(children: Iterable[str]) -> Markup:
    """Write elements and texts one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escaped(child) for child in children))


def escaped(text: str) -> Markup:
    """Write text as HTML that shows it, line by line."""
    return Markup("\n".join(html.escape(visible(line)) for line in text.split("\n")))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], **attributes: str) -> Markup:
    """Write a table whose rows begin with what they are about."""
    top = [element("tr", *map(_head, head))] if head else []
    body = (
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest))
        for first, *rest in rows
    )
    return element("table", element("thead", *top), element("tbody", *body), **attributes)


def _head(cell: str) -> Markup:
    return element("th", cell, scope="col") if cell else element("td")


def listed(items: Iterable[str]) -> Markup:
    """Write a list of texts; nothing where there are none."""
    written = [element("li", item) for item in items]
    return element("ul", *written) if written else Markup("")


def _attribute(name: str, value: str | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escaped(value)}"'
