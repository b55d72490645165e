"""What each container promises: how long the sound is, and whether its time stamps tell where a packet belongs.

A length is a promise where losing the end of the file leaves it standing. It is none where FFmpeg estimates it from
the size of the file (MP3 without Xing frame, AAC, AC-3), where it is looked up at the end of the file (Ogg), where it
is that of the longest track (Matroska with a picture, AVI, FLV, TS), and where a program that wrote into a pipe put
something in the place of a size that it did not know.
"""

from __future__ import annotations

import math
import os
import re
import struct
from typing import Any

from aural.audio.ogg import Readable

STAMPED = {"mov", "matroska", "ogg", "flac", "flv", "asf", "nut", "mxf", "mpegts", "mpeg", "rm", "wtv"}
"""Containers, as FFmpeg calls them, whose time stamps come from the file. Others count frames: what is lost does not
show."""

COUNTED = {"aiff", "au", "flac", "wv", "tta", "ape", "mpc8", "tak", "voc", "nistsphere", "ircam", "dsf"}
"""Containers whose header says how many frames there are."""

PLACEHOLDERS = (2_000_000_000, 1 << 31, 1 << 32)
NEAR_BYTES = 1 << 16
"""What programs write for a size that they do not know lies so near: 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF, ..."""


def promised_frames(container: Any, stream: Any, file: Readable, decoded: float) -> float:
    """Return how many frames of sound a file promises, at the rate of its stream; 0 where it promises nothing.

    `decoded` is how many there are: where a WAV file is cut, the rest is as long as its bytes say.
    """
    name = container.format.name.split(",")[0]
    rate = stream.codec_context.sample_rate
    declared = float(stream.duration * stream.time_base) * rate if stream.duration else 0.0
    if name in ("wav", "w64"):
        return promised_by_chunk(file, decoded)
    if name == "mp3":
        return min(declared, _counted_frames(file) * (1152 if rate >= 32000 else 576))
    if name == "mov":
        return declared if _index_goes_beyond(stream, file) else 0
    if name == "caf" and stream.codec_context.name.startswith("pcm_"):
        return float(stream.frames) or declared
    if name == "matroska" and len(container.streams) == 1 and container.duration:
        return (container.duration / 1e6 - 1) * rate  # a second of slack: a pause may stand at the end
    return declared if name in COUNTED else 0


def found_at_end_s(container: Any, stream: Any) -> float:
    """Return how long an Ogg file is by the count on its last page, in seconds; 0 for other containers.

    A file that is cut has another last page. What is missing was lost on the way.
    """
    counted = container.format.name == "ogg" and stream.duration
    return float(stream.duration * stream.time_base) if counted else 0.0


def promised_by_chunk(file: Readable, decoded: float) -> float:
    """Return how many frames a WAV or W64 file promises: nothing unless its samples claim to go beyond the file."""
    start, size = data_chunk(file) or (0, 0)
    there = file.seek(0, os.SEEK_END) - start
    if size <= there or there <= 0 or any(abs(size - placeholder) <= NEAR_BYTES for placeholder in PLACEHOLDERS):
        return 0
    return decoded * size / there


def data_chunk(file: Readable) -> tuple[int, int] | None:
    """Find the samples of a WAV, RF64, BW64 or W64 file: where they start, and how many bytes they claim to be."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"riff":
        return _chunk_of_w64(file)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return None
    order, long = ">" if head[:4] == b"RIFX" else "<", 0
    while len(header := file.read(8)) == 8:
        name, size = header[:4], struct.unpack(order + "I", header[4:])[0]
        if name == b"data":
            return file.tell(), long if long and size == 0xFFFFFFFF else size
        if name == b"ds64":
            body = file.read(size)
            long = struct.unpack("<Q", body[8:16])[0] if size >= 16 and len(body) >= 16 else 0
        else:
            file.seek(size, os.SEEK_CUR)
        file.seek(size & 1, os.SEEK_CUR)
    return None


def _chunk_of_w64(file: Readable) -> tuple[int, int] | None:
    file.seek(40)
    while len(header := file.read(24)) == 24:
        size = struct.unpack("<Q", header[16:])[0]
        if header[:4] == b"data":
            return file.tell(), size - 24
        if not 24 <= size < 1 << 32:
            return None
        file.seek((size - 24 + 7) // 8 * 8, os.SEEK_CUR)
    return None


def _counted_frames(file: Readable) -> float:
    """Return how many frames of MP3 follow by its Xing or Info frame; infinity by a VBRI frame, 0 without any.

    FFmpeg counts what stands behind the sound, too.
    """
    file.seek(0)
    head = file.read(10)
    size = 0
    if head[:3] == b"ID3":
        size = 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    file.seek(size)
    found = re.search(rb"(?:Xing|Info)...(.)(....)|VBRI", file.read(4096), re.DOTALL)
    if not found:
        return 0
    if found[1] is None:
        return math.inf
    return struct.unpack(">I", found[2])[0] if found[1][0] & 1 else 0


def _index_goes_beyond(stream: Any, file: Readable) -> bool:
    """Tell whether the index of an MP4 file points behind its end."""
    size = file.seek(0, os.SEEK_END)
    entries = stream.index_entries
    return bool(len(entries)) and entries[-1].pos + entries[-1].size > size
