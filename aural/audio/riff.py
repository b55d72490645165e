"""WAV and AIFF: written frame by frame, and what stands in them beside the sound, chunk by chunk.

References:
    Microsoft, Multiple channel audio data and WAVE files (WAVE_FORMAT_EXTENSIBLE); EBU Tech 3285 (bext), 3306 (RF64).
    Apple, Audio Interchange File Format 1.3 and AIFF-C. All are trees of chunks: four letters, a size, the data.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import Part
from aural.errors import AudioError
from aural.signals import Format

Chunk = tuple[bytes, bytes]
"""Four letters and the data."""

SPEAKERS = "FL FR FC LFE BL BR FLC FRC BC SL SR TC TFL TFC TFR TBL TBC TBR".split()
"""FFmpeg's names of the bits of a channel mask, the lowest first."""
LITTLE = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"FORM": ">"}
SOUND = {b"data", b"SSND"}
MOST_CHUNKS, LARGEST_BYTES = 1000, 64 << 20
PIPED_BYTES = 0x7FFF0000
"""A file that was written to a pipe says it has so much sound, or more, or none; what follows is no chunk then."""
LARGEST_WAV_BYTES = 0xFFFFFFFF - 8
"""What is larger is RF64."""
LARGEST_AIFF_BYTES = 4_000_000_000
ELSEWHERE = 0xFFFFFFFF
"""The sizes of RF64, which stand in its chunk ds64."""


def read_chunks(path: Path) -> tuple[str, list[Chunk]]:
    """Read what stands in a WAV or AIFF file beside the sound: WAV, AIFF or nothing, and the chunks."""
    with path.open("rb") as file:
        head = file.read(12)
        kind = {b"WAVE": "WAV", b"AIFF": "AIFF", b"AIFC": "AIFF"}.get(head[8:])
        if head[:4] not in LITTLE or not kind:
            return "", []
        return kind, list(_chunks(file, LITTLE[head[:4]]))


def _chunks(file: BinaryIO, order: str) -> Iterator[Chunk]:
    end = os.fstat(file.fileno()).st_size
    long = 0  # of the sound of an RF64 file
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or not all(32 <= letter < 127 for letter in head[:4]):
            return
        name, size = head[:4], struct.unpack(f"{order}I", head[4:])[0]
        if name in SOUND and size == ELSEWHERE and long:
            size = long
        elif name in SOUND and (size == 0 or (size >= PIPED_BYTES and file.tell() + size > end)):
            return
        after = file.tell() + size + size % 2
        if file.tell() + size > end:
            return
        if name not in SOUND and size <= LARGEST_BYTES:
            data = file.read(size)
            long = struct.unpack_from("<Q", data, 8)[0] if name == b"ds64" and size >= 16 else long
            yield name, data
        file.seek(after)


def mask(speakers: Sequence[str]) -> int:
    """Return the channel mask of loudspeakers; 0 where one has no bit, or they are in another order."""
    bits = [SPEAKERS.index(speaker) for speaker in speakers if speaker in SPEAKERS]
    known = len(bits) == len(speakers) and bits == sorted(set(bits))
    return sum(1 << bit for bit in bits) if known else 0


class Writer:
    """Writes samples and chunks to a file, the sizes at the end."""

    order: ClassVar[str]
    sign: ClassVar[int] = 0
    """What turns the sign bit of 8-bit samples into that of the file."""

    def __init__(self, file: Part, source: Format, bits: int, floating: bool, channel_mask: int) -> None:
        self.file, self.source, self.bits, self.floating, self.mask = file, source, bits, floating, channel_mask
        self.frame_bytes = source.channels * bits // 8
        self.frames = self.size = 0

    def begin(self, chunks: Sequence[Chunk]) -> None:
        """Write the header, and chunks that come in front of the sound."""
        self.file.write(self._header())
        self._write_chunks(chunks)
        self.sound = self.file.tell()
        self.file.write(self._sound())

    def write(self, samples: NDArray[np.int32] | NDArray[np.float32]) -> None:
        """Write samples, shape (channels, frames): floats, or integers left-aligned in 32 bits."""
        self.frames += samples.shape[-1]
        frames, wide = np.ascontiguousarray(samples.T), self.bits // 8
        if self.floating:
            self.file.write(frames.astype(f"{self.order}f{wide}").tobytes())
        else:
            whole = frames.astype(f"{self.order}i4").view(np.uint8).reshape(-1, 4)
            kept = whole[:, -wide:] if self.order == "<" else whole[:, :wide]
            self.file.write((kept ^ np.uint8(self.sign) if wide == 1 else kept).tobytes())

    def end(self, chunks: Sequence[Chunk]) -> None:
        """Write the chunks that come behind the sound, and the sizes."""
        self.file.write(bytes(self.frames * self.frame_bytes % 2))
        self._write_chunks(chunks)
        self.size = self.file.tell() - 8
        self.file.seek(0)
        self.file.write(self._header())
        self.file.seek(self.sound)
        self.file.write(self._sound())

    def _write_chunks(self, chunks: Sequence[Chunk]) -> None:
        for name, data in chunks:
            self.file.write(_chunk(self.order, name, data))

    def _header(self) -> bytes:
        raise NotImplementedError

    def _sound(self) -> bytes:
        raise NotImplementedError


class Wav(Writer):
    """A WAV file; RF64 where it grows beyond 4 GiB."""

    order, sign = "<", 0x80

    def _header(self) -> bytes:
        large = self.size > LARGEST_WAV_BYTES
        sizes = struct.pack("<QQQI", self.size, self.frames * self.frame_bytes, self.frames, 0)
        riff = (b"RF64", ELSEWHERE) if large else (b"RIFF", self.size)
        fact = _chunk("<", b"fact", struct.pack("<I", min(self.frames, ELSEWHERE))) if self.floating else b""
        return (
            struct.pack("<4sI4s", *riff, b"WAVE")
            + _chunk("<", *((b"ds64", sizes) if large else (b"JUNK", bytes(len(sizes)))))
            + _chunk("<", b"fmt ", self._format())
            + fact
        )

    def _format(self) -> bytes:
        rate, channels = self.source.sample_rate, self.source.channels
        tag = 3 if self.floating else 1
        extensible = channels > 2
        form = struct.pack(
            "<HHIIHH",
            0xFFFE if extensible else tag,
            channels,
            rate,
            rate * self.frame_bytes,
            self.frame_bytes,
            self.bits,
        )
        if extensible:
            guid = struct.pack("<I", tag) + bytes.fromhex("000010008000 00aa00389b71")
            return form + struct.pack("<HHI", 22, self.bits, self.mask) + guid
        return form + b"\0\0" if self.floating else form

    def _sound(self) -> bytes:
        size = self.frames * self.frame_bytes
        return struct.pack("<4sI", b"data", ELSEWHERE if self.size > LARGEST_WAV_BYTES else size)


class Aiff(Writer):
    """An AIFF file; AIFF-C where it holds floats."""

    order = ">"

    def write(self, samples: NDArray[np.int32] | NDArray[np.float32]) -> None:
        super().write(samples)
        if self.frames * self.frame_bytes > LARGEST_AIFF_BYTES:
            raise AudioError("aiff cannot hold more than 4 GB; write .wav", path=self.file.path)

    def _header(self) -> bytes:
        common = struct.pack(">HIH", self.source.channels, self.frames, self.bits) + extended(self.source.sample_rate)
        version = _chunk(">", b"FVER", struct.pack(">I", 0xA2805140)) if self.floating else b""
        common += b"fl%d\x00\x00" % self.bits if self.floating else b""
        by_bits = 0x10000  # kAudioChannelLayoutTag_UseChannelBitmap
        places = _chunk(">", b"CHAN", struct.pack(">III", by_bits, self.mask, 0)) if self.mask else b""
        form = struct.pack(">4sI4s", b"FORM", self.size, b"AIFC" if self.floating else b"AIFF")
        return form + version + _chunk(">", b"COMM", common) + places

    def _sound(self) -> bytes:
        return struct.pack(">4sIII", b"SSND", 8 + self.frames * self.frame_bytes, 0, 0)


def extended(number: int) -> bytes:
    """Write a whole number as an 80-bit float."""
    exponent = number.bit_length() - 1
    return struct.pack(">HQ", 16383 + exponent, number << (63 - exponent))


def _chunk(order: str, name: bytes, data: bytes) -> bytes:
    return name + struct.pack(f"{order}I", len(data)) + data + bytes(len(data) % 2)
