"""`aural shortcut`: what opens the page of `aural app` by a double click."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

from aural.audio.atomic import write_text
from aural.cli.app.command import check_installed
from aural.cli.options import shared
from aural.cli.terminal import say

OPEN = ("-c", "from aural.cli.main import main; main()", "app", "--port", "0")
"""Arguments for the Python of this installation; any free port, as the page may be open already."""
ENTRY = """[Desktop Entry]
Type=Application
Name=AURAL
Comment=Turns a poor recording into a good one
Exec={command}
Icon=audio-x-generic
Categories=AudioVideo;Audio;
Terminal=true
"""
COMMAND = """#!/bin/sh
exec {command}
"""
BATCH = """@echo off
{command}
if errorlevel 1 pause
"""


def shortcut(force: bool) -> None:
    """Create a shortcut that opens the page of AURAL by a double click, without a terminal.

    On Linux it is in the applications menu, on macOS and Windows on the desktop. It opens the page in the browser,
    and a small terminal window in which the server of the page runs; closing that window ends AURAL. Create the
    shortcut again after moving AURAL.
    """
    check_installed()
    path, text = written(sys.platform, [sys.executable, *OPEN])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text, force)
    path.chmod(0o755)
    say(f"{path}: opens the page of AURAL")


def written(platform: str, command: list[str]) -> tuple[Path, str]:
    """Return where the shortcut of a system lies, and what it says.

    References:
        Desktop Entry Specification 1.5, "The Exec key": quotes, and `%` doubled.
    """
    if platform == "darwin":
        return Path.home() / "Desktop" / "AURAL.command", COMMAND.format(command=shlex.join(command))
    if platform == "win32":
        line = subprocess.list2cmdline(command).replace("%", "%%")
        return _desktop() / "AURAL.bat", BATCH.format(command=line).replace("\n", "\r\n")
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return share / "applications" / "aural.desktop", ENTRY.format(command=" ".join(map(_quoted, command)))


def _desktop() -> Path:
    """Return the desktop of Windows, which may lie in OneDrive."""
    kept = Path(os.environ.get("ONEDRIVE") or Path.home()) / "Desktop"
    return kept if kept.is_dir() else Path.home() / "Desktop"


def _quoted(word: str) -> str:
    for sign in '\\"`$':
        word = word.replace(sign, f"\\{sign}")
    return '"' + word.replace("\\", "\\\\").replace("%", "%%") + '"'


command = shared("force")(click.Command("shortcut", help=shortcut.__doc__, callback=shortcut))
