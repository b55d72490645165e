"""Reading with libsndfile what FFmpeg's libraries do not read, or read wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aural.audio.promises import promised_by_chunk
from aural.audio.recording import AudioFile, Info
from aural.audio.spool import BLOCK_FRAMES
from aural.errors import AudioError
from aural.signals import Block, Format

ENDLESS = 1 << 40
"""libsndfile's frame count where it knows none is greater."""


class SoundFile(AudioFile):
    """A file that libsndfile reads."""

    def _blocks(self) -> Iterator[Block]:
        import soundfile

        position = 0
        try:
            with open(self.info.path, "rb") as data, soundfile.SoundFile(data.fileno(), closefd=False) as file:
                while len(frames := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    position += len(frames)
                    yield np.ascontiguousarray(frames.T)
                self._check_length(position, promised_by_chunk(data, position))
        except soundfile.LibsndfileError as error:
            raise AudioError(f"cannot be read on at {position / self.format.sample_rate:.1f} s") from error


def open_sndfile(path: Path, strict: bool) -> AudioFile | None:
    """Open a file with libsndfile; None where it does not know it, or finds no sound in it.

    It is not asked about MP3: what is wrong with one, its reader writes straight to the terminal.
    """
    import soundfile

    try:
        with open(path, "rb") as data:
            head = data.read(3)
        if head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
            return None
        with open(path, "rb") as data, soundfile.SoundFile(data.fileno(), closefd=False) as file:
            if not len(file.read(1)):
                return None
            bits, floating = _depth(file.subtype)
            source = Format(file.samplerate, file.channels)
            frames = file.frames if 0 < file.frames < ENDLESS else 0
            return SoundFile(Info(path, source, frames, file.format, file.subtype, bits, floating), strict)
    except soundfile.LibsndfileError:
        return None


def _depth(subtype: str) -> tuple[int | None, bool]:
    """Read libsndfile's name of a sample format: bit depth (None where lossy), and whether it is floating."""
    known = {"FLOAT": (32, True), "DOUBLE": (64, True), "DPCM_8": (8, False), "DPCM_16": (16, False)}
    if subtype.startswith("PCM_"):
        return int(subtype[-2:].lstrip("US")), False
    return known.get(subtype, (None, False))
