"""Folders of recordings."""

from __future__ import annotations

from pathlib import Path

from aural.audio.files import READABLE
from aural.errors import AudioError


def recordings(folder: Path, below: bool = True) -> list[Path]:
    """List the recordings in a folder, by name; hidden ones are left out.

    Args:
        below: those in the folders below it, too.

    Raises:
        AudioError: there is no such folder, or no recording in it.
    """
    if not folder.is_dir():
        raise AudioError("no such folder", path=folder)
    entries = folder.rglob("*") if below else folder.iterdir()
    shown = (path for path in entries if path.suffix.lower() in READABLE and not path.name.startswith("."))
    if not (found := sorted(path for path in shown if path.is_file())):
        raise AudioError("no audio in this folder", path=folder)
    return found
