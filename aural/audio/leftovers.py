"""Unfinished files and temporary folders: each locked by its owner, so that those of dead processes can be swept.

A lock ends with the process that holds it, however that ends. Only what has a name of ours, belongs to the same user
and is locked by nobody is removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks: nothing is ever swept there
    fcntl = None  # type: ignore[assignment]

PART = re.compile(r"\.aural-[0-9a-f]{8}\.part(\.\w+)?")
SCRATCH, OWNER = "aural-", ".aural-owner"


def create(target: Path, mode: int) -> tuple[Path, int]:
    """Begin a file beside a target; return its name and descriptor. It is locked as long as it is open."""
    while True:
        name = target.with_name(f".aural-{os.urandom(4).hex()}.part{target.suffix}")
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        _lock(descriptor)
        if os.fstat(descriptor).st_nlink:  # nobody swept it before it was locked
            return name, descriptor
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the unfinished files in a folder whose owners are dead."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PART.fullmatch(entry.name):
                with _abandoned(entry.path) as abandoned, contextlib.suppress(OSError):
                    if abandoned:
                        os.unlink(entry.path)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for temporary files; what runs that were killed left of theirs is removed first."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        with _abandoned(str(folder / OWNER)) as abandoned:
            if abandoned:
                shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as name:
        folder = Path(name)
        with (folder / "new").open("w") as owner:
            _lock(owner.fileno())
            (folder / "new").rename(folder / OWNER)  # nobody ever sees it without its lock
            yield folder


def _lock(descriptor: int) -> None:
    """Lock a file for as long as it is open; where the file system has no locks, nothing is ever swept.

    A sweep that has locked it first removes it at once, so there is nothing to wait long for.
    """
    if fcntl:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def _abandoned(path: str) -> Iterator[bool]:
    """Say whether a file is ours to write and locked by nobody; within the block it is locked."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK) if fcntl else None
    except OSError:
        descriptor = None
    if descriptor is None:
        yield False
        return
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Try to lock a file; say whether it is an ordinary one of ours, and nobody else had locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
