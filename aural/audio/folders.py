"""Folders of recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from aural.audio.files import READABLE
from aural.errors import AudioError


def recordings(folder: Path, below: bool = True) -> list[Path]:
    """List the recordings in a folder, by name; hidden files and folders are left out.

    Args:
        below: those in the folders below it, too.

    Raises:
        AudioError: there is no such folder, or no recording in it.
    """
    if not folder.is_dir():
        raise AudioError("no such folder", path=folder)
    shown = shown_files(folder) if below else (path for path in folder.iterdir() if not path.name.startswith("."))
    if not (found := sorted(path for path in shown if path.suffix.lower() in READABLE and path.is_file())):
        raise AudioError("no audio in this folder", path=folder)
    return found


def shown_files(folder: Path, but: Path | None = None) -> Iterator[Path]:
    """List the files in a folder and those below it, without hidden ones and without the folder `but`."""
    for path, folders, names in os.walk(folder):
        shown = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in shown if but is None or not same(Path(path, name), but)]
        yield from (Path(path, name) for name in sorted(names) if not name.startswith("."))


def same(one: Path, other: Path) -> bool:
    """Say whether two paths lead to one place."""
    return os.path.realpath(one) == os.path.realpath(other)
