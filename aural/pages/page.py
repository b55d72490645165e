"""One file that holds a whole page: text, style, scripts and data, and leave to load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from aural.audio.atomic import destination
from aural.errors import AudioError
from aural.markup import Markup, element, escaped, joined

UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""What could end a script, or begin a comment in it."""


SERVED = "; connect-src 'self'; frame-src 'self'; img-src 'self'"


def page(title: str, body: Markup, data: Any, *scripts: str, served: bool = False) -> str:
    """Write a page.

    Its content security policy lets nothing run but its own scripts, and nothing come from anywhere but the file
    itself and files beside it; of one that is served, from its server.

    Args:
        title: plain text.
        body: what stands on it.
        data: plain values, which scripts read from the element `data`.
        scripts: names of files in this folder, in the order in which they run.
        served: whether it comes from a server, which it may ask for more.
    """
    style, code = part("page.css"), "\n".join(map(part, scripts))
    policy = (
        f"default-src 'none'; script-src {_hash(code)}; style-src {_hash(style)}; media-src 'self' file: data:; "
        f"base-uri 'none'; form-action 'none'{SERVED if served else ''}"
    )
    return Template(part("page.html")).substitute(
        title=escaped(title),
        policy=policy,
        style=style,
        body=body,
        data=json.dumps(data, allow_nan=False, separators=(",", ":")).translate(UNSAFE),
        script=code,
    )


def check_page(path: Path) -> None:
    """Raise AudioError unless a page can be written to this file."""
    if path.suffix.lower() != ".html":
        raise AudioError("a page is written to a file that ends in .html", path=path)
    destination(path)


def part(name: str) -> str:
    """Read a file of this folder."""
    return (resources.files("aural.pages") / name).read_text("utf-8")


def section(title: str, *children: str, **attributes: str | bool | None) -> Markup:
    """Write a section under a heading."""
    return element("section", element("h2", title), *children, **attributes)


def button(label: str, *, name: str | None = None, key: str = "", **attributes: str | bool | None) -> Markup:
    """Write a button; the key that does the same stands on it."""
    hint = [element("kbd", key, aria_hidden="true")] if key else []
    return element("button", label, *hint, type="button", id=name, **attributes)


def canvas(name: str, label: str, **attributes: str) -> Markup:
    """Write the place of a picture, and what it shows for who does not see it."""
    return element("canvas", id=name, role="img", aria_label=label, **attributes)


def group(label: str, *children: str, **attributes: str | bool | None) -> Markup:
    """Write controls that belong together."""
    return element("div", joined(children), role="group", aria_label=label, **attributes)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"
