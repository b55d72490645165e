"""Writes tags, chapters and cover pictures, into each container in its own way."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from aural.audio.metadata import OF_BEXT, PICTURES, About, Chapter, Picture, bext_of
from aural.audio.riff import Chunk

INFO = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "comment": b"ICMT",
    "copyright": b"ICOP",
    "date": b"ICRD",
    "genre": b"IGNR",
    "track": b"IPRT",
    "language": b"ILNG",
    "engineer": b"IENG",
    "technician": b"ITCH",
    "keywords": b"IKEY",
    "subject": b"ISBJ",
    "source": b"ISRC",
    "medium": b"IMED",
    "commissioned_by": b"ICMS",
    "archival_location": b"IARL",
}
"""Where a WAV file keeps tags that every program reads; it keeps the others in an ID3 chunk."""
KINDS = ("Other", "32x32 pixels 'file icon'", "Other file icon", "Cover (front)", "Cover (back)", "Leaflet page",
         "Media (e.g. label side of CD)", "Lead artist/lead performer/soloist", "Artist/performer", "Conductor",
         "Band/Orchestra", "Composer", "Lyricist/text writer", "Recording Location", "During recording",
         "During performance", "Movie/video screen capture", "A bright coloured fish", "Illustration",
         "Band/artist logotype", "Publisher/Studio logotype")  # fmt: skip
"""What pictures show, by ID3's numbers, which FLAC took over."""
MILLISECOND = Fraction(1, 1000)


def describe(container: Any, about: About, duration_s: float) -> list[tuple[Any, Picture]]:
    """Put tags and chapters into a container that FFmpeg writes; return streams for the cover pictures, and these."""
    name = container.format.name
    frames = {"isrc": "TSRC"} if name == "mp3" else {}  # where FFmpeg has no name of its own for one of ID3's
    container.metadata.update({frames.get(tag, tag): text for tag, text in about.tags.items()})
    if name == "mp4" and "language" in about.tags:
        container.streams.audio[0].metadata["language"] = about.tags["language"]
    if name in ("ogg", "flac"):  # FFmpeg writes chapters of Ogg up to a second late, and none of FLAC
        container.metadata.update(_comments(about.chapters))
    elif about.chapters:
        container.set_chapters(list(_ffmpeg_chapters(about.chapters, duration_s)))
    pictures = [picture for picture in about.pictures if picture.codec in PICTURES and all(_size(picture))]
    if name == "ogg" and pictures:  # the other pictures would need names of their own
        container.metadata["METADATA_BLOCK_PICTURE"] = base64.b64encode(_flac_picture(pictures[0])).decode()
    if name not in ("mp3", "mp4", "flac"):
        return []
    return [(_picture_stream(container, picture), picture) for picture in pictures]


def mux_pictures(container: Any, pictures: Sequence[tuple[Any, Picture]]) -> None:
    """Write the cover pictures, before any sound."""
    import av

    for stream, picture in pictures:
        packet = av.Packet(picture.data)
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, MILLISECOND
        container.mux(packet)


def wav_chunks(about: About, sample_rate: int) -> tuple[list[Chunk], list[Chunk]]:
    """Return the chunks of a WAV file in front of the sound and behind it."""
    own = list(about.chunks) if about.kind == "WAV" else []
    if OF_BEXT & set(about.tags) and b"bext" not in dict(own):
        own = [(b"bext", bext_of(about)), *own]
    names = {name for name, _ in own}
    tags = {name: text for name, text in about.tags.items() if b"bext" not in names or name not in OF_BEXT}
    info = b"".join(_sub(INFO[name], text.encode() + b"\0") for name, text in tags.items() if name in INFO)
    behind = [(b"LIST", b"INFO" + info)] if info else []
    if about.pictures or set(tags) - set(INFO):
        behind.append((b"id3 ", id3(About(tags, about.pictures))))
    if about.chapters and b"cue " not in names:
        labels = b"".join(_label(number, chapter) for number, chapter in enumerate(about.chapters, 1))
        behind += [(b"cue ", _cue(about.chapters, sample_rate)), (b"LIST", b"adtl" + labels)]
    return own, behind


def aiff_chunks(about: About) -> list[Chunk]:
    """Return the chunks of an AIFF file."""
    own = list(about.chunks) if about.kind == "AIFF" else []
    said = about.tags or about.pictures or about.chapters
    return [*own, (b"ID3 ", id3(about))] if said else own


def id3(about: About) -> bytes:
    """Return an ID3 tag: what FFmpeg writes in front of an MP3."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=8000, layout="mono")
        pictures = describe(container, about, about.chapters[-1].start_s if about.chapters else 0)
        mux_pictures(container, pictures)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = file.getvalue()
    size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    return data[: 10 + size]


def _picture_stream(container: Any, picture: Picture) -> Any:
    import av

    with av.open(io.BytesIO(picture.data)) as file:
        stream = container.add_stream_from_template(file.streams.video[0])
    stream.disposition = av.stream.Disposition.attached_pic
    stream.metadata.update({"comment": picture.kind, "title": picture.title})
    return stream


def _ffmpeg_chapters(chapters: Sequence[Chapter], duration_s: float) -> Iterator[dict[str, Any]]:
    starts = [round(1000 * chapter.start_s) for chapter in chapters]
    ends = [*starts[1:], max(starts[-1], round(1000 * duration_s))]
    for number, (chapter, start, end) in enumerate(zip(chapters, starts, ends, strict=True)):
        said = {"title": chapter.title}
        yield {"id": number, "start": start, "end": end, "time_base": MILLISECOND, "metadata": said}


def _comments(chapters: Sequence[Chapter]) -> Iterator[tuple[str, str]]:
    for number, chapter in enumerate(chapters):
        seconds, ms = divmod(round(1000 * chapter.start_s), 1000)
        yield f"CHAPTER{number:03}", f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
        yield f"CHAPTER{number:03}NAME", chapter.title


def _size(picture: Picture) -> tuple[int, int]:
    """Return width and height; zeros of a picture that is damaged."""
    import av

    try:
        with av.open(io.BytesIO(picture.data)) as file:
            context = file.streams.video[0].codec_context
            return context.width, context.height
    except (av.FFmpegError, IndexError):
        return 0, 0


def _flac_picture(picture: Picture) -> bytes:
    mime = {"mjpeg": b"image/jpeg", "png": b"image/png"}[picture.codec]
    kind = KINDS.index(picture.kind) if picture.kind in KINDS else 0
    texts = b"".join(struct.pack(">I", len(text)) + text for text in (mime, picture.title.encode()))
    sizes = struct.pack(">5I", *_size(picture), 24, 0, len(picture.data))
    return struct.pack(">I", kind) + texts + sizes + picture.data


def _sub(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _label(number: int, chapter: Chapter) -> bytes:
    return _sub(b"labl", struct.pack("<I", number) + chapter.title.encode() + b"\0")


def _cue(chapters: Sequence[Chapter], sample_rate: int) -> bytes:
    points = b""
    for number, chapter in enumerate(chapters, 1):
        frame = round(chapter.start_s * sample_rate)
        points += struct.pack("<II4sIII", number, frame, b"data", 0, 0, frame)
    return struct.pack("<I", len(chapters)) + points
