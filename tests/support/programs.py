"""A pickle that runs a program, as a stranger might send one: it makes a file, whose name is told."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


class Program:
    """Pickled, it makes a file when it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def evil(path: Path, marker: Path) -> Path:
    """Write such a pickle; return its path."""
    path.write_bytes(pickle.dumps(Program(marker)))
    return path
