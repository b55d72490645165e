"""Sound as FFmpeg's decoders give it: from packets to samples of float32, each with its place in time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from aural.audio.layouts import speakers
from aural.audio.ogg import Window
from aural.audio.promises import STAMPED
from aural.errors import AudioError
from aural.signals import Block, Format

DEMUXERS = (
    "aa aac ac3 adx aea aiff amr amrnb amrwb ape asf ast au avi avr bonk caf dsf dss dts dtshd dv eac3 epaf "
    "flac flv g722 gsm iff ircam latm lc3 loas matroska mlp mmf mov mp3 mpc mpc8 mpeg mpegts mxf nistsphere "
    "nut ogg oma osq paf pvf qcp qoa rm sbc sds shn sln smjpeg sol sox spx tak truehd tta voc w64 wav wsaud "
    "wtv wv wve xa xwma"
)
"""FFmpeg's readers of containers that hold sound themselves. None that opens other files, such as playlists do, none
of pictures, devices, or raw samples that do not say what they are."""

OPTIONS = {"format_whitelist": ",".join(DEMUXERS.split()), "protocol_whitelist": "none"}
PCM_OPTIONS = {"probesize": "32768"}
"""FFmpeg would look through 5 MB of a file whose header says all; opening one took 50 ms."""
PCM_HEADS = (b"RIFF", b"RF64", b"BW64", b"FORM", b".snd", b"caff", b"riff")
SCALES = {"u8": 2.0**-7, "s16": 2.0**-15, "s32": 2.0**-31, "s64": 2.0**-63}
CHECKED = {"flac", "tta", "wavpack", "ape", "truehd", "mlp"}
"""Codecs with check sums; unasked, FFmpeg decodes what is damaged to noise."""
MOST_PLANES = 8
"""PyAV 18 looks behind the end of the list of planes where there are so many, and the process dies."""
NO_SOUND = re.compile(rb"^(ID3|TAG|APETAGEX|LYRICS)|Xing|Info")
"""What stands between the frames of MP3 files that were joined."""
OPUS_HEADER_BYTES = 19
HEX = re.compile(r"[0-9A-Fa-f]{1,16}")
OWN_LENGTH = {"mov"}
"""Containers whose last packet says how much of it is sound, to the frame."""


@dataclass(frozen=True)
class Sound:
    """Some frames as they were decoded; none behind the last packet that could not be."""

    audio: Block
    format: Format
    at_s: float | None = None
    """Where they belong by their time stamp; None where the container has none."""
    lost_s: float = 0.0
    """Length of what stood in front of them and could not be decoded, as far as is known."""


def open_container(file: Window) -> Any:
    """Open what a file holds, whatever its name; no other file is opened with it.

    Raises:
        av.FFmpegError: it is nothing that FFmpeg can read, or that may be read.
    """
    import av

    av.logging.set_level(av.logging.PANIC)
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    options = OPTIONS | (PCM_OPTIONS if head in PCM_HEADS else {})
    return av.open(file, metadata_errors="replace", options=options)


class Unreadable(AudioError):
    """FFmpeg's libraries cannot read it, or not rightly."""


def sound_track(container: Any, number: int | None = None) -> Any:
    """Choose a sound track: by its number, from 1; else as FFmpeg does, the one marked as default, or the best.

    Raises:
        Unreadable: there is none, or its codec is unknown.
        AudioError: there is no track of this number.
    """
    tracks = container.streams.audio
    if number is not None and not 1 <= number <= len(tracks):
        raise AudioError(f"has no sound track {number}; there {'is 1' if len(tracks) == 1 else f'are {len(tracks)}'}")
    stream = container.streams.best("audio") if number is None else tracks[number - 1]
    if stream is None and tracks:
        raise Unreadable("names a number of channels, or a sample rate, that no recording has")
    if stream is None:
        raise Unreadable("holds no audio")
    if stream.codec_context is None:
        raise Unreadable("holds audio of a codec that is not known")
    return stream


def has_picture(container: Any) -> bool:
    """Tell whether a file holds a moving picture, not only a cover picture."""
    return any(not stream.disposition & stream.disposition.attached_pic for stream in container.streams.video)


def alone(container: Any, number: int | None = None) -> Any:
    """Choose a sound track, as `sound_track`, and read no other."""
    stream = sound_track(container, number)
    for other in container.streams:
        if other.index != stream.index:
            other.discard = type(other.discard).all
    return stream


def sounds(container: Any, stream: Any) -> Iterator[Sound]:
    """Decode a stream, and read on behind what cannot be decoded.

    The first frame may bear the format of the last that FFmpeg saw when it looked through the beginning of the file;
    it is given that of the second.

    Raises:
        av.FFmpegError: the container cannot be read on.
    """
    decoded = _decoded(container, stream)
    first, second = next(decoded, None), next(decoded, None)
    if first and second and first.format.channels == second.format.channels:
        first = replace(first, format=second.format)
    yield from (sound for sound in (first, second) if sound)
    yield from decoded


def _decoded(container: Any, stream: Any) -> Iterator[Sound]:
    import av

    name = container.format.name.split(",")[0]
    if stream.codec_context.name in CHECKED:
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
    losses, samples, ends, source = Losses(name), Samples(), Ends(container, stream), None
    unit_s = float(stream.time_base)
    for packet, following in pairwise(_packets(container, stream)):  # the last one is empty
        try:
            frames = packet.decode()
            frames += [] if following.size else following.decode()
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            losses.add(packet)
            continue
        for frame in frames:
            source = format_of(frame.sample_rate, frame.layout.name, frame.layout.nb_channels)
            audio = ends.cut(samples.of(frame), frame, packet, last=not following.size)
            at_s = frame.pts * unit_s if name in STAMPED and frame.pts is not None else None
            if audio.shape[-1]:
                yield Sound(audio, source, at_s, losses.take())
        losses.packet(packet)
    if source and name in STAMPED and (lost_s := losses.take()):  # else it is what stands behind the sound: tags
        yield Sound(np.zeros((source.channels, 0), np.float32), source, None, lost_s)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    try:
        yield from container.demux(stream)
    except IndexError as error:  # PyAV counts the streams when it opens a file; a damaged FLV may bring more
        raise Unreadable("begins another stream on the way") from error


class Ends:
    """Cuts what a codec adds in front of the sound and behind it, where FFmpeg leaves it or cuts too much."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.container, self.stream = container.format.name.split(",")[0], stream
        self.codec = stream.codec_context.name
        self.counted = self.container == "ogg" and self.codec == "vorbis"
        gapless = container.metadata.get("iTunSMPB", "").split()
        self.total = int(gapless[3], 16) if len(gapless) > 3 and HEX.fullmatch(gapless[3]) else 0
        """What iTunes writes of its length: priming and padding in front, then the frames of sound."""
        self.begun, self.frames = False, 0
        if self.counted:
            from av.codec.context import Flags2

            stream.codec_context.flags2 |= Flags2.skip_manual  # in a file of one page, it would cut a block too much

    def cut(self, audio: Block, frame: Any, packet: Any, last: bool) -> Block:
        """Return what is sound of a frame, the first or the last of its packet."""
        first, self.begun = not self.begun, True
        if first:
            audio = audio[:, self._leading(frame, packet) :]
        if last:
            audio = audio[:, : max(0, self._length(frame, packet))]
        self.frames += audio.shape[-1]
        return audio

    def _leading(self, frame: Any, packet: Any) -> int:
        if self.counted:
            return int(frame.samples)  # the first block of Vorbis only prepares the next
        header = bytes(self.stream.codec_context.extradata or b"")
        if self.container == "matroska" and self.codec == "opus" and len(header) >= OPUS_HEADER_BYTES:
            whole = round(float((packet.duration or 0) * packet.time_base) * frame.sample_rate / 120) * 120
            return max(0, int.from_bytes(header[10:12], "little") - max(0, whole - frame.samples))
        return 0

    def _length(self, frame: Any, packet: Any) -> int:
        rate = frame.sample_rate
        if self.counted and self.stream.duration:
            return round(float(self.stream.duration * self.stream.time_base) * rate) - self.frames
        if self.container in OWN_LENGTH and packet.duration and frame.pts is not None:
            end = (packet.pts + packet.duration) * packet.time_base
            length = round(float(end - frame.pts * frame.time_base) * rate)
            return min(length, self.total - self.frames) if self.total > self.frames else length
        return int(frame.samples)


class Losses:
    """Adds up the length of packets that cannot be decoded, until one can be again."""

    def __init__(self, container: str) -> None:
        self.by_size = container not in STAMPED
        self.lost_s, self.bytes, self.packets = 0.0, 0, 0

    def packet(self, packet: Any) -> None:
        """See a packet that was decoded."""
        self.bytes += packet.size
        self.packets += 1

    def add(self, packet: Any) -> None:
        """See one that was not. Where there are no time stamps, it holds all up to the next frame that is whole."""
        if self.by_size and NO_SOUND.search(bytes(packet)[:256]):
            return
        seconds = float((packet.duration or 0) * (packet.time_base or 0))
        usual = self.bytes / self.packets if self.by_size and self.packets else packet.size
        self.lost_s += seconds * max(1, round(packet.size / usual)) if usual else seconds

    def take(self) -> float:
        """Return the sum, and begin anew."""
        lost_s, self.lost_s = self.lost_s, 0.0
        return lost_s


@lru_cache(maxsize=64)
def format_of(sample_rate: int, layout: str, channels: int) -> Format:
    """Return a format by FFmpeg's name of its layout, where that says which loudspeakers there are."""
    return Format(sample_rate, channels, layout if len(speakers(layout)) == channels else "")


class Samples:
    """Takes the samples out of frames: shape (channels, frames), full scale at 1; floats are left as they are."""

    def __init__(self) -> None:
        self.packed: dict[tuple[str, str, int], Any] = {}

    def of(self, frame: Any) -> Block:
        """Return the samples of a frame."""
        kind, channels = frame.format.name, frame.layout.nb_channels
        if kind.endswith("p") and channels >= MOST_PLANES:
            kind = kind.rstrip("p")
            array = np.concatenate([part.to_ndarray() for part in self._packed(frame, kind)], axis=-1)
        else:
            array = frame.to_ndarray()
        if not kind.endswith("p"):
            array = array.reshape(-1, channels).T
        scale = SCALES.get(kind.rstrip("p"))
        if scale is None:
            with np.errstate(over="ignore"):  # what a double holds beyond is refused as infinite
                return array.astype(np.float32, copy=False)
        middle = np.float32(128 * kind.startswith("u8"))
        return (array.astype(np.float32) - middle) * np.float32(scale)

    def _packed(self, frame: Any, kind: str) -> Any:
        import av

        key = kind, frame.layout.name, frame.sample_rate
        if key not in self.packed:
            self.packed[key] = av.AudioResampler(format=kind, layout=frame.layout, rate=frame.sample_rate)
        return self.packed[key].resample(frame)
