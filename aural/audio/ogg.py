"""The links of an Ogg file: recordings that follow each other in it, as radio streams and `cat` make them.

FFmpeg reads on from one link to the next only where rate and channels stay, and does not cut the padding at their
ends. Each link is therefore read as a file of its own.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import IO

CAPTURE = b"OggS"
FIRST_PAGE, LAST_PAGE = 2, 4
HEADER_BYTES = 27
SEARCHED_BYTES = 1 << 16


class Window:
    """Part of a file, read like a file."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self.file, self.start, self.end, self.position = file, start, end, 0
        suffix = re.search(r"\.\w+$", str(file.name), re.ASCII)
        self.name = f"recording{suffix[0] if suffix else ''}"
        """FFmpeg goes by what a file holds, but where that is not clear, the suffix helps. Names may be no UTF-8."""
        self.unfinished: set[int] = set()
        """Streams of an Ogg file whose last page is not there: what stood at their end may be lost."""

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
    found = [Window(file, 0, size)]
    if file.read(len(CAPTURE)) != CAPTURE:
        return found
    begun = False
    for position, flags, stream in _pages(file, size):
        if flags & FIRST_PAGE:
            if begun:
                found[-1].end = position
                found.append(Window(file, position, size))
            found[-1].unfinished.add(stream)
        if flags & LAST_PAGE:
            found[-1].unfinished.discard(stream)
        begun = not flags & FIRST_PAGE
    return found


def _pages(file: IO[bytes], size: int) -> Iterator[tuple[int, int, int]]:
    """Give where each page that is whole begins, its flags, and the number of its stream."""
    position = searched = 0
    while searched < size:
        file.seek(position)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[:4] != CAPTURE:  # the page in front may be cut: look into it, too
            position = searched = _next_page(file, searched + 1)
            continue
        end = position + HEADER_BYTES + header[26] + sum(file.read(header[26]))
        if end <= size:
            yield position, header[5], struct.unpack_from("<I", header, 14)[0]
        position, searched = end, position + HEADER_BYTES


def _next_page(file: IO[bytes], position: int) -> int:
    """Find the next page behind bytes that are none."""
    while True:
        file.seek(position)
        data = file.read(SEARCHED_BYTES)
        found = data.find(CAPTURE)
        if found >= 0 or len(data) < SEARCHED_BYTES:
            return position + (found if found >= 0 else len(data))
        position += len(data) - len(CAPTURE) + 1
