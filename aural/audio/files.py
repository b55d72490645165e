"""Opening recordings, whatever their container and codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aural.audio.ffmpeg import open_ffmpeg
from aural.audio.frames import Unreadable
from aural.audio.recording import AudioFile, Info, naming
from aural.audio.sndfile import open_sndfile
from aural.errors import AudioError
from aural.signals import Block

__all__ = ["READABLE", "AudioFile", "Info", "open_audio", "read"]

READABLE = tuple(
    f".{suffix}"
    for suffix in (
        "wav wave bwf w64 rf64 aif aiff aifc au snd caf flac ogg oga opus spx mp2 mp3 m4a m4b aac ac3 eac3 dts amr "
        "awb wma wv ape tta tak mpc qoa mka mp4 m4v mov 3gp 3g2 mkv webm avi wmv flv mpg mpeg ts mts m2ts mxf"
    ).split()
)
"""Suffixes of what counts as a recording in a folder; a file that is named may have any."""
MOST_CHANNELS = 64
MISREAD = {("wav", "pcm_f24le"), ("wav", "pcm_f16le"), ("wav", "amr_nb")}
"""What FFmpeg takes some WAV files for that hold integers of 24 bits in 32, or NMS ADPCM."""
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0\r\n", b"v=0\n")
"""How files begin that name others."""


def open_audio(path: str | Path, strict: bool = False, track: int | None = None) -> AudioFile:
    """Open a recording.

    FFmpeg's libraries read nearly all; what they do not know, or take for something else, libsndfile may read. It is
    not asked first for any container: its MP3 reader promises frames that never come, its Ogg reader stops at the
    first link and leaves the channels in the codec's order, and it knows no placeholder of a size. Of PCM, FLAC and
    ALAC both read the same samples, bit for bit.

    Args:
        path: its name; what the file holds counts, not its suffix.
        strict: refuse a recording of which a part is damaged or missing, instead of reading on behind it.
        track: which of several sound tracks, from 1; the one that the file marks, or the best, if not given.

    Raises:
        AudioError: the file is missing, empty, not audio, holds no audio or no such track; the sentence names it.
    """
    path = Path(path)
    with naming(path):
        if path.is_dir():
            raise AudioError("is a folder, not a recording")
        if path.is_fifo():
            raise AudioError("is a pipe; name the input - and let it come in by standard input")
        with path.open("rb") as data:
            head = data.read(64)
        if not head:
            raise AudioError("is empty (0 bytes)")
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(PLAYLISTS):
            raise AudioError("is a list of other files, not a recording")
        file = _open(path, strict, track)
        if file.format.channels > MOST_CHANNELS:
            raise AudioError(f"has {file.format.channels} channels; no more than {MOST_CHANNELS} can be read")
    return file


def _open(path: Path, strict: bool, track: int | None) -> AudioFile:
    try:
        file = open_ffmpeg(path, strict, track)
    except Unreadable:
        if other := open_sndfile(path, strict):
            return other
        raise
    misread = (file.info.container, file.info.codec) in MISREAD
    return (open_sndfile(path, strict) if misread else None) or file


def read(path: str | Path, strict: bool = False) -> tuple[Block, int]:
    """Read a whole recording, of any format that FFmpeg or libsndfile reads.

    Returns:
        The audio, float32 of shape (channels, frames), full scale at 1; and its sample rate in Hz.

    Raises:
        AudioError: the file is missing, empty, or holds no audio that can be read; it changes while it is read, or
            holds NaN or infinity; or, with `strict`, a part of it is damaged or missing.
    """
    file = open_audio(path, strict)
    return np.concatenate(list(file), axis=-1), file.format.sample_rate
