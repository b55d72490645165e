"""A recording as it is read: what its file says, and its blocks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aural.errors import AudioError
from aural.signals import LOUDEST, Block, Format

log = logging.getLogger("aural")

CUT_SHORT_S = 0.1
"""A file that ends so much earlier than it promises is cut short; less is the rounding of its header."""
WHAT_IS_THERE = "what is there is read"


@dataclass(frozen=True)
class Info:
    """What a file says about itself."""

    path: Path
    format: Format
    frames: int
    """An estimate, for progress only: headers lie, and many codecs declare nothing. 0 where nothing is known."""
    container: str
    codec: str
    bits: int | None
    """Bit depth; None for a lossy codec."""
    floating: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    starts_at_s: float = 0.0
    """How much later than the file, or its picture, the sound starts. It is read from its start all the same."""
    track: int = 1
    """Which of its sound tracks is read: the one asked for, else the one that the file marks, else the best."""
    tracks: int = 1
    film: bool = False
    """Whether it is a video: a cover picture does not count."""

    @property
    def duration_s(self) -> float:
        """The estimate of `frames` in seconds."""
        return self.frames / self.format.sample_rate


def url(path: Path) -> str:
    """Name a file so that FFmpeg takes it for one: what stands before a colon would be a protocol."""
    return f"file:{path}"


class AudioFile:
    """A recording as blocks of float32, shape (channels, frames); each iteration reads it anew.

    What is decoded is what there is: no count of a header is trusted. Where sound is lost, silence of its length
    stands in its place; what is cut short is read as far as it goes. A warning says what is missing, and where;
    `strict` refuses such a recording.

    Raises:
        AudioError: while iterating, where the file has changed since it was opened, holds NaN, infinity or a sample
            that no recording can hold, or nothing that can be read; with `strict`, where a part is missing.
    """

    def __init__(self, info: Info, strict: bool = False) -> None:
        self.info, self.strict = info, strict
        self.format = info.format
        self.identity = identity(info.path)
        self.warned: set[str] = set()

    def __iter__(self) -> Iterator[Block]:
        position = 0
        with naming(self.info.path):
            for block in self._blocks():
                if not np.abs(block).max(initial=0) <= LOUDEST:  # NaN is not
                    self._refuse(block, position)
                if block.shape[-1]:
                    position += block.shape[-1]
                    yield block
            if identity(self.info.path) != self.identity:
                raise AudioError("has changed while it was read")
            if position == 0:
                raise AudioError("holds no audio")

    def _blocks(self) -> Iterator[Block]:
        raise NotImplementedError

    def _refuse(self, block: Block, position: int) -> None:
        levels = np.abs(block).max(axis=0)
        where = int(np.argmin(levels <= LOUDEST))
        what = f"a sample of {levels[where]:.0e}" if np.isfinite(levels[where]) else "NaN or infinity"
        raise AudioError(f"holds {what} at {(position + where) / self.format.sample_rate:.2f} s")

    def _check_length(self, frames: float, promised: float) -> None:
        """See whether as many frames came as the container promises."""
        rate = self.format.sample_rate
        if frames < promised - CUT_SHORT_S * rate:
            self._miss(f"is cut short: ends at {frames / rate:.1f} s of {promised / rate:.1f} s", WHAT_IS_THERE)

    def _miss(self, what: str, instead: str) -> None:
        """Say what is missing, and what is done instead; with `strict`, raise AudioError."""
        if self.strict:
            raise AudioError(what)
        self._warn(f"{what}; {instead}")

    def _warn(self, text: str) -> None:
        """Say something once, however often the file is read."""
        if text not in self.warned:
            self.warned.add(text)
            log.warning("%s: %s", self.info.path, text)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file in front of what is wrong with it."""
    try:
        yield
    except AudioError as error:
        raise AudioError(error.what, path=path) from error
    except OSError as error:
        raise AudioError((error.strerror or str(error)).lower(), path=path) from error


def identity(path: Path) -> tuple[int, ...]:
    """Tell a file from what may take its place while it is read."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
