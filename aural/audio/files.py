"""Opening recordings: soundfile for what libsndfile knows, PyAV for what phones write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aural.errors import AudioError
from aural.spool import BLOCK_FRAMES
from aural.stage import LOWEST_RATE, Block, Format

TAGS = ("title", "artist", "album", "date", "genre", "comment", "copyright", "license", "tracknumber")
"""Tags that are carried over, in libsndfile's words."""
READABLE = (
    ".wav",
    ".flac",
    ".ogg",
    ".opus",
    ".mp3",
    ".m4a",
    ".aac",
    ".aif",
    ".aiff",
    ".amr",
    ".3gp",
    ".mp4",
    ".webm",
)
"""Suffixes of what counts as a recording in a folder; a file that is named may have any."""
UNKNOWN_SIZE = 0x7FFFFF00
"""A WAV file that was written to a pipe says it has so many bytes, or more."""
SPELLINGS = {"track": "tracknumber", "year": "date", "description": "comment"}


@dataclass(frozen=True)
class Info:
    """What a file says about itself."""

    path: Path
    format: Format
    frames: int
    """As the file declares it; near, where a codec declares none."""
    container: str
    codec: str
    bits: int | None
    """Bit depth; None for a lossy codec."""
    floating: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return self.frames / self.format.sample_rate


class AudioFile:
    """A recording as blocks of float32, shape (channels, frames); each iteration reads it anew.

    Raises:
        AudioError: while iterating, where the file is damaged, ends early, or holds NaN or infinity.
    """

    def __init__(self, info: Info) -> None:
        self.info = info
        self.format = info.format

    def __iter__(self) -> Iterator[Block]:
        position = 0
        for block in self._blocks():
            if not np.isfinite(block).all():
                at = (position + int(np.argmin(np.isfinite(block).all(axis=0)))) / self.format.sample_rate
                raise AudioError(f"{self.info.path}: holds NaN or infinity at {at:.2f} s")
            position += block.shape[-1]
            yield block
        declared, rate = self.info.frames, self.format.sample_rate
        if position == 0:
            raise AudioError(f"{self.info.path}: holds no audio")
        if position < declared - max(0.5 * rate, 0.01 * declared):
            raise AudioError(
                f"{self.info.path}: is cut short: ends at {position / rate:.1f} s of {declared / rate:.1f} s"
            )

    def _blocks(self) -> Iterator[Block]:
        raise NotImplementedError


class SoundFile(AudioFile):
    """A file that libsndfile reads."""

    def _blocks(self) -> Iterator[Block]:
        import soundfile

        try:
            with soundfile.SoundFile(self.info.path) as file:
                for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
                    yield np.ascontiguousarray(block.T)
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioError(f"{self.info.path}: cannot be read on: {error}") from error


class AvFile(AudioFile):
    """A file that FFmpeg's libraries read: m4a, 3gp, amr, mp4, webm and the like."""

    def _blocks(self) -> Iterator[Block]:
        import av

        waiting: list[Block] = []
        try:
            with av.open(url(self.info.path), metadata_errors="replace") as container:
                layout = container.streams.audio[0].layout
                resampler = av.AudioResampler(format="fltp", layout=layout, rate=self.format.sample_rate)
                for packet in container.demux(audio=0):
                    for frame in packet.decode():
                        waiting += [np.asarray(out.to_ndarray(), np.float32) for out in resampler.resample(frame)]
                    if sum(block.shape[-1] for block in waiting) >= BLOCK_FRAMES:
                        yield np.concatenate(waiting, axis=-1)
                        waiting = []
        except av.FFmpegError as error:
            raise AudioError(f"{self.info.path}: cannot be read on: {error.strerror}") from error
        if waiting:
            yield np.concatenate(waiting, axis=-1)


def url(path: Path) -> str:
    """Name a file so that FFmpeg takes it for one: what stands before a colon would be a protocol."""
    return f"file:{path}"


def open_audio(path: str | Path) -> AudioFile:
    """Open a recording.

    Raises:
        AudioError: the file is missing, empty, not audio, or holds no audio; the sentence names it.
    """
    path = Path(path)
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, not a recording")
    if path.is_fifo():
        raise AudioError(f"{path}: is a pipe; name the input - and let it come in by standard input")
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if size == 0:
        raise AudioError(f"{path}: is empty (0 bytes)")
    file = _open_sndfile(path) or _open_av(path)
    if file.info.frames == 0:
        raise AudioError(f"{path}: holds no audio")
    return file


def _format(path: Path, sample_rate: int, channels: int) -> Format:
    """Return the format of a recording; if none can be such, say whose."""
    if sample_rate < LOWEST_RATE:
        raise AudioError(f"{path}: has a sample rate of {sample_rate} Hz; {LOWEST_RATE} are needed")
    try:
        return Format(sample_rate, channels)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error


def _open_sndfile(path: Path) -> AudioFile | None:
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            tags = {tag: value for tag in TAGS if (value := getattr(file, tag, ""))}
            bits, floating = _depth(file.subtype)
            source = _format(path, file.samplerate, file.channels)
            frames = max(file.frames, _declared_frames(file.extra_info, bits, file.channels))
            return SoundFile(Info(path, source, frames, file.format, file.subtype, bits, floating, tags))
    except (soundfile.LibsndfileError, OSError):
        return None


def _declared_frames(log: str, bits: int | None, channels: int) -> int:
    """Read from libsndfile's log how many frames a WAV file says it has, where it was cut short; else 0."""
    cut = re.search(r"^data : (\d+) \(should be \d+\)", log, re.MULTILINE)
    size = int(cut[1]) if cut and bits else 0
    return size * 8 // (bits or 8) // channels if size < UNKNOWN_SIZE else 0


def _depth(subtype: str) -> tuple[int | None, bool]:
    """Read libsndfile's name of a sample format: bit depth (None where lossy), and whether it is floating."""
    known = {"FLOAT": (32, True), "DOUBLE": (64, True), "ALAC_16": (16, False), "ALAC_24": (24, False)}
    if subtype.startswith("PCM_"):
        return int(subtype[-2:].lstrip("US")), False
    return known.get(subtype, (None, False))


def _open_av(path: Path) -> AudioFile:
    import av

    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(url(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: holds no audio")
            stream = container.streams.audio[0]
            return AvFile(_av_info(path, container, stream))
    except av.FFmpegError as error:
        why = error.strerror or "unknown format"
        raise AudioError(f"{path}: is no recording that can be read, or is cut short ({why})") from error


def _av_info(path: Path, container: Any, stream: Any) -> Info:
    context = stream.codec_context
    rate, channels = context.sample_rate, context.channels
    if not rate or not channels:
        raise AudioError(f"{path}: is damaged: it does not say its sample rate or channels")
    seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    lossless = context.name in ("alac", "flac") or context.name.startswith("pcm_")
    bits = (24 if context.format.bytes > 2 else 8 * context.format.bytes) if lossless else None
    tags = {SPELLINGS.get(key.lower(), key.lower()): value for key, value in container.metadata.items()}
    return Info(
        path=path,
        format=_format(path, rate, channels),
        frames=round(seconds * rate) or -1,
        container=container.format.name.split(",")[0],
        codec=context.name,
        bits=bits,
        tags={tag: tags[tag] for tag in TAGS if tag in tags},
    )


def read(path: str | Path) -> tuple[Block, int]:
    """Read a whole recording: float32, shape (channels, frames), and its sample rate in Hz.

    Raises:
        AudioError: as `open_audio` and AudioFile.
    """
    file = open_audio(path)
    return np.concatenate(list(file), axis=-1), file.format.sample_rate
