"""One run: an input, a command, and what is known before and after it."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

UNREADABLE = "unreadable"


@dataclass
class Trial:
    """What a family fills in; the run happens in `folder`, which is the current one."""

    folder: Path
    notes: Path
    """Folder outside of `folder` for what the command prints."""
    seeds: Path
    """Folder of small good recordings, one of each format."""
    rng: np.random.Generator
    arguments: list[str] = field(default_factory=list)
    run: Callable[[], int] | None = None
    """What is done instead of running the command."""
    source: str = ""
    """The recording whose length the results must have."""
    results: tuple[str, ...] = ()
    """Results that must be there if all goes well, or that one bad file among several must not prevent."""
    codes: tuple[int, ...] = (0, 1, 2)
    inputs: dict[str, str] = field(default_factory=dict)
    found: list[tuple[str, str]] = field(default_factory=list)
    closed: tuple[int, ...] = ()
    """Standard streams that are closed."""
    stdout: str = ""
    """A file that takes what is printed."""
    encoding: str = "utf-8"
    scarce: bool = False
    """Memory is so short that it may well run out."""
    changing: bool = False
    """The input changes while it is read: nothing can be said of lengths and harm."""

    @property
    def out(self) -> bytes:
        return self._noted("out")

    @property
    def err(self) -> bytes:
        return self._noted("err")

    def _noted(self, name: str) -> bytes:
        path = self.notes / name
        return path.read_bytes() if path.exists() else b""

    def report(self, kind: str, detail: object = "") -> None:
        self.found.append((kind, str(detail)[-2000:]))

    def pick(self, *choices: object) -> str:
        return str(choices[self.rng.integers(len(choices))])

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def listing(self) -> dict[str, str]:
        """Name every file of the folder, with the hash of what is in it."""
        return {
            os.fspath(path.relative_to(self.folder)): _hash(path)
            for path in self.folder.rglob("*")
            if not path.is_dir() or path.is_symlink()
        }

    def command(self) -> int:
        """Run the command line within this process; return its exit code."""
        from aural.cli.main import main

        self.redirect()
        sys.argv = ["aural", *self.arguments]
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        except BaseException:
            os.write(self.spare, traceback.format_exc().encode("utf-8", "backslashreplace"))
            code = 70
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream:
                    stream.flush()
            except (OSError, ValueError):
                code = 120  # as Python itself does
        return code

    def redirect(self) -> None:
        """Send what is printed to files, or nowhere."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.spare = os.open(self.notes / "err", flags)
        out = os.open(self.stdout, os.O_WRONLY) if self.stdout else os.open(self.notes / "out", flags)
        err = os.open(self.notes / "err", flags)
        os.dup2(out, 1)
        os.dup2(err, 2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))  # type: ignore[arg-type]
        for fd, name in ((1, "stdout"), (2, "stderr")):
            errors = "strict" if fd == 1 else "backslashreplace"
            stream = io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), self.encoding, errors)  # type: ignore[arg-type]
            setattr(sys, name, None if fd in self.closed else stream)
        for fd in self.closed:
            os.close(fd)
            if fd == 0:
                sys.stdin = None  # type: ignore[assignment]


def _hash(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file():
            return str(path.lstat().st_mode)
        return sha256(path.read_bytes()).hexdigest()
    except PermissionError:
        return UNREADABLE
