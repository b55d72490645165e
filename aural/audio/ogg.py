"""The links of an Ogg file: recordings that follow each other in it, as radio streams and `cat` make them.

FFmpeg reads on from one link to the next only where rate and channels stay, and does not cut the padding at their
ends. Each link is therefore read as a file of its own.
"""

from __future__ import annotations

import os
import re
from typing import IO

CAPTURE = b"OggS"
FIRST_PAGE = 2
HEADER_BYTES = 27
SEARCHED_BYTES = 1 << 16


class Window:
    """Part of a file, read like a file."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self.file, self.start, self.end, self.position = file, start, end, 0
        suffix = re.search(r"\.\w+$", str(file.name), re.ASCII)
        self.name = f"recording{suffix[0] if suffix else ''}"
        """FFmpeg goes by what a file holds, but where that is not clear, the suffix helps. Names may be no UTF-8."""

    def read(self, size: int = -1) -> bytes:
        left = self.end - self.start - self.position
        if left <= 0:
            return b""  # a header may send FFmpeg further than a file can be
        self.file.seek(self.start + self.position)
        data = self.file.read(left if size < 0 else min(size, left))
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.end - self.start}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position


Readable = IO[bytes] | Window


def links(file: IO[bytes]) -> list[Window]:
    """Divide an Ogg file into its links; any other file is one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    starts = _starts(file, size) if file.read(4) == CAPTURE else [0]
    return [Window(file, start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]


def _starts(file: IO[bytes], size: int) -> list[int]:
    """List where a first page follows one that is none."""
    starts, position, begun = [0], 0, False
    while position < size:
        file.seek(position)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[:4] != CAPTURE:
            position = _next_page(file, position + 1)
            continue
        first = bool(header[5] & FIRST_PAGE)
        if first and begun:
            starts.append(position)
        begun = not first
        position += HEADER_BYTES + header[26] + sum(file.read(header[26]))
    return starts


def _next_page(file: IO[bytes], position: int) -> int:
    """Find the next page behind bytes that are none."""
    while True:
        file.seek(position)
        data = file.read(SEARCHED_BYTES)
        found = data.find(CAPTURE)
        if found >= 0 or len(data) < SEARCHED_BYTES:
            return position + (found if found >= 0 else len(data))
        position += len(data) - len(CAPTURE) + 1
