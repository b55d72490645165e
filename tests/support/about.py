"""What a file may say about its recording, for tests."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from aural.audio.metadata import About, Chapter, Picture


def picture(codec: str, red: int = 200) -> bytes:
    """Return a picture of one colour, coded as mjpeg or png."""
    form = {"mjpeg": "yuvj420p", "png": "rgb24"}[codec]
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = 32, 32, form
    context.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), (red, 20, 20), np.uint8), format="rgb24")
    return b"".join(bytes(packet) for packet in [*context.encode(frame.reformat(format=form)), *context.encode(None)])


TAGS = {
    "title": "Ääni – 音",
    "artist": "Someone",
    "album": "Ælbum",
    "album_artist": "Everyone",
    "composer": "Nobody",
    "disc": "1/2",
    "track": "3/9",
    "lyrics": "la la\nlaa",
    "comment": "long " * 300 + "end",
    "date": "2021-05-06",
    "genre": "Podcast",
    "copyright": "mine",
    "isrc": "FIABC1234567",
}
FRONT = Picture(picture("mjpeg"), "mjpeg", "Cover (front)", "Etu ä")
BACK = Picture(picture("png"), "png", "Cover (back)")
CHAPTERS = (Chapter(0.0, "Yksi ä"), Chapter(0.5, "Two"), Chapter(1.734, "Three"))
EVERYTHING = About(TAGS, (FRONT, BACK), CHAPTERS)


def bext(version: int = 2, time_reference: int = 480_000) -> bytes:
    """Return a bext chunk with a loudness of -23 LUFS."""
    texts = (b"A take", 256), (b"Recorder", 32), (b"REF1", 32), (b"2021-05-06", 10), (b"07:08:09", 8)
    head = b"".join(text.ljust(size, b"\0") for text, size in texts)
    loudness = struct.pack("<5h", -2300, 500, -100, -2000, -2200)
    return head + struct.pack("<QH", time_reference, version) + bytes(64) + loudness + bytes(180) + b"A=PCM\r\n"


def with_chunks(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    """Put chunks at the end of a WAV or AIFF file."""
    data = bytearray(path.read_bytes())
    order = "<" if data[:4] == b"RIFF" else ">"
    for name, content in chunks:
        data += name + struct.pack(f"{order}I", len(content)) + content + bytes(len(content) % 2)
    data[4:8] = struct.pack(f"{order}I", len(data) - 8)
    path.write_bytes(data)
    return path


def decoded(path: Path) -> tuple[np.ndarray, str, int]:
    """Return what FFmpeg's libraries make of a file: samples, layout, sample rate."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        resample = av.AudioResampler(format="flt", layout=stream.layout)
        frames = [out for frame in file.decode(stream) for out in resample.resample(frame)]
        interleaved = np.concatenate([frame.to_ndarray() for frame in frames], axis=-1)
        return interleaved.reshape(-1, stream.layout.nb_channels).T, stream.layout.name, stream.rate
