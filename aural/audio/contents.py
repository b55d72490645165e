"""Reads small files that may be untrusted: whole, up to a limit of size."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

from aural.errors import AuralError

MOST_TEXT = 1 << 20


def content_of(path: Path, most: int, error: type[AuralError]) -> bytes:
    """Read a file of up to so many bytes.

    Raises:
        error: it is missing, larger, or no regular file: a device or a pipe may never end.
    """
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= most:
            with path.open("rb") as file:
                return file.read(most)
    except (OSError, ValueError) as cause:  # ValueError: a NUL character in the name
        raise error((getattr(cause, "strerror", None) or str(cause)).lower(), path=path) from cause
    if stat.S_ISDIR(status.st_mode):
        raise error("is a folder", path=path)
    if not stat.S_ISREG(status.st_mode):
        raise error("is no regular file", path=path)
    raise error(f"holds {status.st_size / 2**20:.1f} MiB; at most {most / 2**20:g} are read", path=path)


def text_of(path: Path, error: type[AuralError]) -> str:
    """Read a text file.

    Raises:
        error: as `content_of`, or it is no text.
    """
    try:
        return content_of(path, MOST_TEXT, error).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise error("is not a text file", path=path) from cause


def table_of(text: str, error: type[AuralError]) -> dict[str, Any]:
    """Read TOML.

    Raises:
        error: it is malformed, nested too deeply, or holds a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        said = str(cause)
        raise error(f"is no TOML: {said[:1].lower()}{said[1:]}") from cause
    except RecursionError as cause:
        raise error("is nested too deeply") from cause
    except ValueError as cause:  # Python reads no whole number of more than 4300 digits
        raise error("holds a number of thousands of digits") from cause
