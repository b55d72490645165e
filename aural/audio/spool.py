"""A signal on disk, for stages that read it twice."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from aural.signals import Block

BLOCK_FRAMES = 65536


class Spool:
    """A signal written to a temporary file, at once or block by block, and read as often as needed.

    Raises:
        OSError: the disk that holds temporary files is full.
    """

    def __init__(self, blocks: Iterable[Block], channels: int) -> None:
        self.file = tempfile.TemporaryFile(prefix="aural-")  # noqa: SIM115 (lives as long as the spool)
        self.channels = channels
        for block in blocks:
            self.append(block)

    def append(self, block: Block) -> None:
        """Write the next frames, shape (channels, frames)."""
        self.file.seek(0, os.SEEK_END)
        self.file.write(np.ascontiguousarray(block.T, np.float32).data)

    def __iter__(self) -> Iterator[Block]:
        size = 4 * self.channels * BLOCK_FRAMES
        position = 0
        while True:
            self.file.seek(position)  # another iteration may have moved it
            data = self.file.read(size)
            if not data:
                return
            position += len(data)
            yield np.ascontiguousarray(np.frombuffer(data, np.float32).reshape(-1, self.channels).T)
