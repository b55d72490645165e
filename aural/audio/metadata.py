"""What a file holds beside the sound: tags, cover pictures, chapters, and the chunks of WAV and AIFF.

What remains true is carried from a recording to the results made from it. Left out is what no longer holds: loudness
measured before (ReplayGain, R128, iTunNORM, the loudness in bext), and what describes the old file, not the
recording.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from aural.audio.recording import url
from aural.audio.riff import Chunk, read_chunks
from aural.errors import AudioError

SPELLINGS = {
    "albumartist": "album_artist",
    "album artist": "album_artist",
    "discnumber": "disc",
    "tracknumber": "track",
    "tsrc": "isrc",
    "unsyncedlyrics": "lyrics",
    "year": "date",
}
"""Other names of tags, by the names that FFmpeg gives them in every format."""
NOT_OF_THE_RECORDING = re.compile(
    r"replaygain_.*|r128_.*|itunnorm|itunsmpb|loudness_.*|max_(true_peak|momentary|short_term).*"
    r"|encoder|encoded_by|encoding|encoding_settings|tlen|tsse|major_brand|minor_version|compatible_brands|vendor_id"
    r"|handler_name|(duration|bps|number_of_\w+)(-\w+)?|_statistics_.*|chapter\d{3}(name)?|metadata_block_picture"
    r"|waveformatextensible_channel_mask|id3v2_priv\..*|gapless_playback|media_type|hd_video|(.+-)?comment-itun.*"
)
BEXT = {"comment": (0, 256), "originator": (256, 288), "originator_reference": (288, 320), "date": (320, 330),
        "origination_time": (330, 338), "coding_history": (602, None)}  # fmt: skip
"""Where the texts stand in a bext chunk, by the tags that they are in other formats."""
OF_BEXT = {"originator", "originator_reference", "origination_time", "time_reference", "coding_history"}
MADE_ANEW = {b"fmt ", b"fact", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK", b"levl", b"id3 ", b"ID3 ",
             b"ID32", b"COMM", b"FVER", b"CHAN", b"NAME", b"AUTH", b"ANNO", b"(c) "}  # fmt: skip
"""Chunks that describe the sound, fill gaps, or are read as tags."""
IN_FRAMES = {b"cue ", b"LIST", b"plst", b"smpl", b"MARK"}
"""Chunks with positions in frames, which hold at the sample rate of their file alone; cues are read as chapters."""
NOT_KNOWN = 0x7FFF
"""The loudness in a bext chunk that nobody has measured."""
PICTURES = ("mjpeg", "png")


@dataclass(frozen=True)
class Picture:
    """A cover picture, or another still picture, as a file holds it."""

    data: bytes
    codec: str
    """FFmpeg's name of how it is coded."""
    kind: str = "Cover (front)"
    """What it shows, in the words of ID3."""
    title: str = ""


@dataclass(frozen=True, order=True)
class Chapter:
    """A chapter; the next one begins where it ends."""

    start_s: float
    title: str = ""


@dataclass(frozen=True)
class About:
    """What a file says about its recording: tags, cover pictures, chapters, and further chunks."""

    tags: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    kind: str = ""
    """WAV or AIFF, whose chunks these are."""
    chunks: tuple[Chunk, ...] = ()

    @property
    def time_reference(self) -> int | None:
        """Return how many frames after midnight the recording begins, if it is said."""
        text = self.tags.get("time_reference", "")
        return int(text) if text.isdecimal() and len(text) < 20 else None  # 8 bytes hold it

    def at(self, before: int, after: int) -> About:
        """Return what holds when the sample rate has changed: positions in frames move, or are left out."""
        if before == after or not before:
            return self
        ratio = Fraction(after, before)
        tags = dict(self.tags)
        if self.time_reference is not None:
            tags["time_reference"] = str(round(self.time_reference * ratio))
        chunks = [(name, data) for name, data in self.chunks if name not in IN_FRAMES]
        chunks = [(name, _moved_bext(data, ratio) if name == b"bext" else data) for name, data in chunks]
        return replace(self, tags=tags, chunks=tuple(chunks))

    def lost_in(self, other: About) -> list[str]:
        """Name what another file does not hold of this."""
        kept = "\n".join(other.tags.values())
        tags = [name for name, value in self.tags.items() if value not in kept]
        pictures = len(self.pictures) - len(other.pictures)
        chapters = len(self.chapters) - len(other.chapters)
        kept_chunks = {
            b"bext",
            b"cue ",
            b"LIST",
            *(name for name, _ in other.chunks),
        }  # those three are tags and chapters elsewhere
        lost = [f"the tag{'s' * (len(tags) > 1)} {', '.join(tags)}"] if tags else []
        lost += [f"{pictures} picture{'s' * (pictures > 1)}"] if pictures > 0 else []
        lost += [f"{chapters} chapter{'s' * (chapters > 1)}"] if chapters > 0 else []
        return lost + [f"the chunk {name.decode().strip()}" for name, _ in self.chunks if name not in kept_chunks]


def common(files: Sequence[About]) -> About:
    """Return what several files say alike: tags and pictures."""
    tags = set.intersection(*(set(about.tags.items()) for about in files))
    pictures = [picture for picture in files[0].pictures if all(picture in about.pictures for about in files)]
    return About({name: value for name, value in files[0].tags.items() if (name, value) in tags}, tuple(pictures))


def read_about(path: Path) -> About:
    """Read what a file says about its recording; nothing where it says nothing that can be read."""
    import av

    try:
        kind, chunks = read_chunks(path)
        kept = tuple((name, _unmeasured(name, data)) for name, data in chunks if _lasting(name, data))
    except OSError:
        return About()
    try:
        with av.open(url(path), metadata_errors="surrogateescape") as file:
            audio = next(iter(file.streams.audio), None)
            said = {**(audio.metadata if audio else {}), **file.metadata}
            bext = dict(kept).get(b"bext")
            tags = tags_of(said) if bext is None else _with_bext(tags_of(said), bext)
            return About(tags, tuple(_pictures(file)), tuple(sorted(_chapters(file, said))), kind, kept)
    except (av.FFmpegError, AudioError):
        return About(kind=kind, chunks=kept)


def tags_of(said: Mapping[str, str]) -> dict[str, str]:
    """Return the tags among what FFmpeg reads, by its names for them; what describes the file is left out."""
    tags: dict[str, str] = {}
    for key, value in said.items():
        name, text = _name(_text(key)), _text(value)
        unknown = not name or not text or (name, text) == ("language", "und")
        if not unknown and not NOT_OF_THE_RECORDING.fullmatch(name.lower()):
            tags.setdefault(name, text)
    return tags


def _name(key: str) -> str:
    """Name a tag as FFmpeg does; frames of ID3 that it has no name for keep theirs."""
    low = re.sub(r"^lyrics-\w+$", "lyrics", key.lower())
    return SPELLINGS.get(low, key if re.fullmatch("T[A-Z0-9]{3}", key) else low)


def _with_bext(tags: Mapping[str, str], data: bytes) -> dict[str, str]:
    """Read a bext chunk; what FFmpeg makes of it has a time of day on a day of its own."""
    read = {
        name: _text(data[a:b].split(b"\0")[0].decode("utf-8", "surrogateescape")) for name, (a, b) in BEXT.items()
    }
    if len(data) >= 346 and (since_midnight := struct.unpack_from("<Q", data, 338)[0]):
        read["time_reference"] = str(since_midnight)
    others = {name: text for name, text in tags.items() if name not in OF_BEXT | {"umid", "creation_time"}}
    return {name: text for name, text in {**read, **others}.items() if text}


def bext_of(about: About) -> bytes:
    """Write tags as a bext chunk, version 1; texts that are too long for it are cut."""
    texts = b"".join(_cut(about.tags.get(name, ""), b - a) for name, (a, b) in BEXT.items() if b)
    number = struct.pack("<QH", about.time_reference or 0, 1)
    return texts + number + bytes(254) + about.tags.get("coding_history", "").encode()


def _cut(text: str, size: int) -> bytes:
    return text.encode()[:size].decode("utf-8", "ignore").encode().ljust(size, b"\0")


def _text(value: str) -> str:
    """Read a text that is no UTF-8 as Windows wrote it."""
    try:
        return value.encode("utf-8", "surrogateescape").decode("utf-8").strip("\0 \r\n")
    except UnicodeDecodeError:
        return value.encode("utf-8", "surrogateescape").decode("cp1252", "replace").strip("\0 \r\n")


def _pictures(file: Any) -> Iterator[Picture]:
    """Give the cover pictures, which FFmpeg hands out before any sound."""
    import av

    attached = av.stream.Disposition.attached_pic
    wanted = sum(bool(stream.disposition & attached) for stream in file.streams.video)
    for packet in file.demux() if wanted else ():
        if not packet.stream.disposition & attached or not packet.size:
            return
        said = {name: _text(value) for name, value in packet.stream.metadata.items()}
        codec, kind = packet.stream.codec_context.name, said.get("comment", "Cover (front)")
        yield Picture(bytes(packet), codec, kind, said.get("title", ""))
        wanted -= 1
        if not wanted:
            return


def _chapters(file: Any, said: Mapping[str, str]) -> Iterator[Chapter]:
    for chapter in file.chapters():
        title = _text(chapter["metadata"].get("title", ""))
        yield Chapter(max(0.0, float(chapter["start"] * chapter["time_base"])), title)
    if not file.chapters():  # FFmpeg reads those of Ogg, not those of FLAC
        comments = {name.upper(): value for name, value in said.items()}
        for name, value in sorted(comments.items()):
            if re.fullmatch(r"CHAPTER\d{3}", name) and (time := re.fullmatch(r"(\d+):(\d+):([\d.]+)", value)):
                start_s = 3600 * int(time[1]) + 60 * int(time[2]) + float(time[3])
                yield Chapter(start_s, _text(comments.get(f"{name}NAME", "")))


def _lasting(name: bytes, data: bytes) -> bool:
    return name not in MADE_ANEW and not (name == b"LIST" and data[:4] == b"INFO")


def _unmeasured(name: bytes, data: bytes) -> bytes:
    """Say of the loudness in a bext chunk that it is not known; other chunks stay as they are."""
    if name != b"bext" or len(data) < 422 or struct.unpack_from("<H", data, 346)[0] < 2:
        return data
    return data[:412] + struct.pack("<5H", *[NOT_KNOWN] * 5) + data[422:]


def _moved_bext(data: bytes, ratio: Fraction) -> bytes:
    if len(data) < 346:
        return data
    return data[:338] + struct.pack("<Q", round(struct.unpack_from("<Q", data, 338)[0] * ratio)) + data[346:]
