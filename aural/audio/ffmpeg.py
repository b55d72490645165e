"""Reading with FFmpeg's libraries (PyAV): every container and codec that they know, sound only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aural.audio.frames import Sound, Unreadable, alone, has_picture, open_container, sounds
from aural.audio.metadata import tags_of
from aural.audio.ogg import Window, links
from aural.audio.promises import STAMPED, found_at_end_s, promised_frames
from aural.audio.recording import CUT_SHORT_S, WHAT_IS_THERE, AudioFile, Info
from aural.audio.timeline import MOST_SILENCE_S, Alike, Timeline, gathered
from aural.errors import AudioError
from aural.signals import Block, Format

LOSSLESS = {
    "alac",
    "flac",
    "wavpack",
    "tta",
    "ape",
    "tak",
    "truehd",
    "mlp",
    "shorten",
    "wmalossless",
    "mp4als",
    "ralf",
    "dst",
}


class FFmpegFile(AudioFile):
    """A file that FFmpeg's libraries read; of its sound tracks the one of a number, if that is given."""

    def __init__(self, info: Info, strict: bool, track: int | None = None) -> None:
        super().__init__(info, strict)
        self.track = track

    def _blocks(self) -> Iterator[Block]:
        timeline, alike = Timeline(), Alike(self.format, self._tell_change)
        with open(self.info.path, "rb") as file:
            placed = (sound for link in links(file) for sound in timeline.place(self._sounds(link, timeline)))
            yield from gathered(alike.convert(placed))
        self._tell_losses(timeline)

    def _sounds(self, link: Window, timeline: Timeline) -> Iterator[Sound]:
        """Decode a link of the file, as far as it can be."""
        import av

        begun_s, damaged = timeline.position_s, False
        try:
            with open_container(link) as container:
                stream = alone(container, self.track)
                try:
                    yield from sounds(container, stream)
                except MemoryError:
                    raise
                except (av.FFmpegError, Unreadable):
                    damaged = True
                missing_s = found_at_end_s(container, stream) - (timeline.position_s - begun_s)
                if CUT_SHORT_S < missing_s < MOST_SILENCE_S:
                    yield Sound(np.zeros((self.format.channels, 0), np.float32), self.format, None, missing_s)
                decoded_s = timeline.position_s - begun_s
                rate = stream.codec_context.sample_rate
                promised_s = promised_frames(container, stream, link, decoded_s * rate) / rate
        except MemoryError:
            raise
        except (av.FFmpegError, Unreadable) as error:
            if not begun_s:
                raise AudioError("cannot be read any more") from error
            self._miss(f"what follows at {begun_s:.1f} s cannot be read", "it is left out")
            return
        self._check_length(decoded_s * self.format.sample_rate, promised_s * self.format.sample_rate)
        if damaged:
            self._miss(f"cannot be read on at {timeline.position_s:.1f} s", "what follows is left out")
        if link.unfinished:
            self._miss("has no end mark: it may be cut short", WHAT_IS_THERE)

    def _tell_change(self, other: Format) -> None:
        first, changed = (f"{form.sample_rate} Hz, {form.layout}" for form in (self.format, other))
        self._warn(f"changes from {first} to {changed} on the way; all is brought to {first}")

    def _tell_losses(self, timeline: Timeline) -> None:
        if not timeline.lost:
            return
        at_s, places = timeline.lost[0][0], len(timeline.lost)
        where = f"at {at_s:.2f} s" if places == 1 else f"in {places} places, the first at {at_s:.2f} s,"
        what = f"{timeline.lost_s:.2f} s of sound {where} cannot be read, or is missing"
        self._miss(what, "silence stands in its place")


def open_ffmpeg(path: Path, strict: bool, track: int | None = None) -> AudioFile:
    """Open a file with FFmpeg.

    Raises:
        Unreadable: it cannot be read with FFmpeg.
        AudioError: it holds no sound, or no such track.
    """
    import av

    try:
        with open(path, "rb") as file:
            first, *others = links(file)
            with open_container(first) as container:
                info = _info(path, container, track)
            whole = 1 + sum(link.end - link.start for link in others) / max(1, first.end - first.start)
            return FFmpegFile(replace(info, frames=round(info.frames * whole)), strict, track)
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise Unreadable("is no recording that can be read, or is cut short") from error


def _info(path: Path, container: Any, track: int | None) -> Info:
    stream = alone(container, track)
    context = stream.codec_context
    first = next((sound for sound in sounds(container, stream) if sound.audio.shape[-1]), None)
    if first is None:
        raise Unreadable("holds no audio")
    seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    bits, floating = _depth(context)
    tracks = container.streams.audio
    return Info(
        path=path,
        format=first.format,
        frames=max(0, round(seconds * first.format.sample_rate)),
        container=container.format.name.split(",")[0],
        codec=context.codec.canonical_name,
        bits=bits,
        floating=floating,
        tags=tags_of({**stream.metadata, **container.metadata}),
        starts_at_s=_starts_at_s(container, stream),
        track=1 + [track.index for track in tracks].index(stream.index),
        tracks=len(tracks),
        film=has_picture(container),
    )


def _depth(context: Any) -> tuple[int | None, bool]:
    """Return the bit depth of a codec, None where it is lossy, and whether its samples are floats."""
    name, kind = context.codec.canonical_name, context.format.name.rstrip("p")
    if name.startswith("pcm_") and (digits := re.match(r"pcm_([suf])(\d+)", name)):
        return int(digits[2]), digits[1] == "f"
    if not name.startswith(("pcm_b", "pcm_d", "dsd_")) and name not in LOSSLESS:
        return None, False
    if name in LOSSLESS and kind in ("flt", "dbl"):
        return (32 if kind == "flt" else 64), True
    return {"u8": 8, "s16": 16}.get(kind, 24), False  # FFmpeg has no 24 bits: they come in 32


def _starts_at_s(container: Any, stream: Any) -> float:
    """Return how much later than the file its sound starts, by time stamps; 0 where it has none."""
    name = container.format.name.split(",")[0]
    if name not in STAMPED or stream.start_time is None:
        return 0.0
    zero_s = 0.0 if name == "mov" else (container.start_time or 0) / 1e6
    return max(0.0, round(float(stream.start_time * stream.time_base) - zero_s, 3))
