"""Films, as AURAL calls videos: the sound is replaced; picture, subtitles, chapters and data are copied."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aural.audio.atomic import Part
from aural.audio.coding import CODERS, add_sound
from aural.audio.frames import alone, has_picture, open_container, sound_track, sounds
from aural.audio.metadata import tags_of
from aural.audio.ogg import links
from aural.audio.recording import Info
from aural.errors import AudioError, AuralError
from aural.signals import Block, Format

log = logging.getLogger("aural")

FILMS = {
    ".mp4": CODERS[".mp4"],
    ".mov": replace(CODERS[".mp4"], container="mov"),
    ".mkv": replace(CODERS[".webm"], container="matroska", bit_rate=96_000),
    ".webm": CODERS[".webm"],
}
"""How the sound of a film is written, by its suffix."""
VIEWED = (*FILMS, ".m4v", ".3gp", ".3g2", ".avi", ".wmv", ".flv", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".mxf")
"""Suffixes of files that may hold a picture."""
NAMES = {"video": "picture", "audio": "sound", "subtitle": "subtitles"}


def film_suffix(path: Path) -> str:
    """Return the suffix under which a film is written again; empty for what is no film, or cannot be read."""
    import av

    if path.suffix.lower() not in VIEWED:
        return ""
    try:
        with path.open("rb") as file, open_container(links(file)[0]) as container:
            seen = has_picture(container) and bool(container.streams.audio)
    except (av.FFmpegError, OSError, AudioError):
        return ""
    kept = {".m4v": ".mp4", ".3gp": ".mp4", ".3g2": ".mp4"}.get(path.suffix.lower(), path.suffix.lower())
    return (kept if kept in FILMS else ".mkv") if seen else ""


def write_film(part: Part, blocks: Iterable[Block], source: Format, like: Info) -> None:
    """Write a film again with other sound in place of the track that was read.

    The new sound begins where the old one did. What the container cannot hold is left out, and a warning says so.

    Raises:
        AudioError: the disk is full, the film cannot be read any more, or the container cannot hold its picture or
            these channels.
    """
    import av

    coder = FILMS[part.path.suffix.lower()]
    kind = coder.container
    options = {"movie_timescale": str(source.sample_rate)} if kind in ("mp4", "mov") else {}
    try:
        with (
            open(like.path, "rb") as file,
            open_container(links(file)[0]) as film,
            av.open(part, "w", format=kind, options=options) as container,
        ):
            old = sound_track(film, like.track)
            copies: dict[int, Any] = {}
            for stream in film.streams:
                if stream.index == old.index:
                    sound = add_sound(container, part.path, coder, source)
                    _describe(sound.stream, old)
                elif _fits(kind, stream):
                    copies[stream.index] = container.add_stream_from_template(stream)
                    copies[stream.index].time_base = stream.time_base
                    _describe(copies[stream.index], stream)
                else:
                    _leave_out(part.path, stream, bool(film.chapters()))
            container.set_chapters(film.chapters())
            container.metadata.update(tags_of(film.metadata))
            begins = round(_begins_s(like) * sound.rate)
            _mux(container, _copied(film, copies), sound.packets(blocks, source, begins))
    except (av.FFmpegError, ValueError, OSError) as error:
        if isinstance(error, AuralError):
            raise
        raise part.error or AudioError(f"cannot be written: {error}", path=part.path) from error


def _begins_s(like: Info) -> float:
    """Return the time stamp of the first frame of sound."""
    with open(like.path, "rb") as file, open_container(links(file)[0]) as film:
        placed = sounds(film, alone(film, like.track))
        return next((sound.at_s for sound in placed if sound.audio.shape[-1] and sound.at_s is not None), 0.0)


def _mux(container: Any, copies: Iterator[Any], sound: Iterator[Any]) -> None:
    """Put packets into a file in the order of their times, so that no stream waits for another."""
    waiting = next(copies, None)
    for packet in sound:
        while waiting is not None and _at_s(waiting) <= _at_s(packet):
            container.mux(waiting)
            waiting = next(copies, None)
        container.mux(packet)
    while waiting is not None:
        container.mux(waiting)
        waiting = next(copies, None)


def _at_s(packet: Any) -> float:
    return float(packet.dts * packet.time_base)


def _copied(film: Any, copies: dict[int, Any]) -> Iterator[Any]:
    """Give the packets of the streams that are copied.

    Matroska tells no order of decoding for the first pictures: they get one in front of the first that is known.
    """
    early: dict[int, list[Any]] = {}
    for packet in film.demux():
        number = packet.stream.index
        if number not in copies or not packet.size:
            continue
        packet.stream = copies[number]
        if packet.dts is None:
            early.setdefault(number, []).append(packet)
            continue
        waiting = early.pop(number, [])
        for place, first in enumerate(waiting):
            first.dts = packet.dts - (len(waiting) - place) * max(1, packet.duration or 1)
        yield from waiting
        yield packet
    for waiting in early.values():
        for place, packet in enumerate(waiting):
            packet.dts = (packet.pts or 0) if place == 0 else max(waiting[place - 1].dts + 1, packet.pts or 0)
        yield from waiting


def _describe(stream: Any, like: Any) -> None:
    stream.metadata.update({name: text for name, text in like.metadata.items() if name in KEPT})
    stream.disposition = like.disposition


KEPT = ("language", "title", "timecode", "handler_name", "filename", "mimetype")


def _fits(kind: str, stream: Any) -> bool:
    """Tell whether a container can hold a stream as it is."""
    import av

    if stream.type == "data" and "timecode" in stream.metadata:
        return False  # it is made of what the picture says
    try:
        with av.open(io.BytesIO(), "w", format=kind) as container:
            container.add_stream_from_template(stream)
            container.start_encoding()
        return True
    except (av.FFmpegError, ValueError, TypeError, NotImplementedError):
        return False


def _leave_out(path: Path, stream: Any, chapters: bool) -> None:
    """Say that a stream is left out. Those that only hold chapters or the time code are made anew."""
    if stream.type == "video":
        cure = "write its sound alone, to .wav" if path.suffix.lower() == ".mkv" else "write .mkv"
        raise AudioError(f"{path.suffix[1:]} cannot hold this picture; {cure}", path=path)
    made_anew = stream.type == "data" and (chapters or "timecode" in stream.metadata)
    if not made_anew:
        log.warning("%s: %s cannot hold the %s of track %d", path, path.suffix[1:],
                    NAMES.get(stream.type, stream.type), stream.index + 1)  # fmt: skip
