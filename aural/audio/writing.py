"""Writing recordings: complete or not at all, bit depth and tags kept."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.audio.files import Info, url
from aural.errors import AudioError
from aural.stage import Block, Format, as_block, pump
from aural.streaming import resampler

log = logging.getLogger("aural")

LOSSLESS = {".wav": "WAV", ".flac": "FLAC", ".aif": "AIFF", ".aiff": "AIFF"}
WAV_LIMIT_BYTES = 4_000_000_000
RUN_MARK = "AURAL_RUN"
RUN = os.environ.get(RUN_MARK) or secrets.token_hex(4)
"""Marks the unfinished files of this run, and of its worker processes, which are told it by the environment."""
FULL_SCALE = 1 + 2.0**-13  # what dither adds beyond 1 is not worth a word


@dataclass(frozen=True)
class Lossy:
    """How a lossy format is written: FFmpeg's names, bit/s per channel, and a gain that undoes the encoder's own."""

    container: str
    codec: str
    bit_rate: int
    gain: float = 1.0


LOSSY = {
    ".m4a": Lossy("ipod", "aac", 96_000),
    ".mp4": Lossy("mp4", "aac", 96_000),
    ".mp3": Lossy("mp3", "libmp3lame", 96_000, gain=1 / 0.95),  # LAME turns everything down by 5 %
    ".opus": Lossy("ogg", "libopus", 64_000),
    ".ogg": Lossy("ogg", "libopus", 64_000),
    ".webm": Lossy("webm", "libopus", 64_000),
}
SUFFIXES = (*LOSSLESS, *LOSSY)


def write_audio(
    path: str | Path,
    blocks: Iterable[Block],
    source: Format,
    like: Info | None = None,
    bit_rate: int | None = None,
) -> None:
    """Write blocks to a file; its format follows from the suffix.

    The file appears when it is complete. Bit depth and tags are those of `like`; without it, and for a
    lossy source, lossless formats are written with 24 bits. 16 bits and fewer are dithered (TPDF) unless the
    values lie on the grid already. A lossy format that does not know the sample rate gets the nearest it knows;
    `bit_rate` (bit/s) replaces its usual one.

    What goes beyond full scale is clipped where a format holds no floats, and a warning says by how much.

    Raises:
        AudioError: the suffix is unknown, the folder is missing or not writable, the disk is full, or the
            format cannot hold so many channels.
    """
    path = Path(path)
    check_target(path)
    with replacing(path) as part:
        if path.suffix.lower() in LOSSLESS:
            _write_sndfile(part, path, blocks, source, like)
        else:
            _write_av(part, path, blocks, source, like, bit_rate)


def write(path: str | Path, audio: Block, sample_rate: int) -> None:
    """Write a whole recording with 24 bits: floats, shape (channels, frames) or (frames,). As `write_audio`.

    Raises:
        AudioError: also where the audio is of another kind or shape, or holds NaN or infinity.
    """
    block = as_block(audio)
    write_audio(path, [block], Format(sample_rate, block.shape[0]))


def check_target(path: Path) -> None:
    """Raise AudioError if a file can obviously not be written here."""
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(
            f"{path}: cannot write {path.suffix or 'a file without a suffix'}; known: {', '.join(SUFFIXES)}"
        )
    if not path.parent.is_dir():
        raise AudioError(f"{path}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise AudioError(f"{path}: the folder {path.parent} is not writable")


def part_of(path: Path) -> Path:
    """Name the file that a recording is written to until it is complete: this run's own."""
    return path.with_name(f".{path.stem}.{RUN}.part{path.suffix}")


def sweep(folder: Path) -> None:
    """Remove what a killed worker of this run left half-written in a folder."""
    for part in folder.glob(f".*.{RUN}.part.*"):
        part.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of `path` at the end, or vanishes if anything goes wrong."""
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        part.unlink(missing_ok=True)


def quantise(block: Block, bits: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Round to integers of so many bits, left-aligned in 32; with TPDF dither up to 16 bits.

    Samples that lie on the grid already, digital silence among them, are left as they are.
    """
    limit = 2.0 ** (bits - 1)
    scaled = block.astype(np.float64) * limit
    if bits <= 16:
        draws = rng.random((block.shape[-1], block.shape[0], 2))  # in order of time: blocks do not matter
        dither = (draws[..., 0] - draws[..., 1]).T
        scaled += np.where(scaled == np.rint(scaled), 0.0, dither)
    np.clip(np.rint(scaled, out=scaled), -limit, limit - 1, out=scaled)
    return np.left_shift(scaled.astype(np.int32), 32 - bits)


def _write_sndfile(part: Path, path: Path, blocks: Iterable[Block], source: Format, like: Info | None) -> None:
    import soundfile

    container = LOSSLESS[path.suffix.lower()]
    bits, floating = (like.bits or 24, like.floating) if like else (24, False)
    if container == "FLAC":
        bits, floating = max(16, min(bits, 24)), False
    subtype = ("FLOAT" if bits == 32 else "DOUBLE") if floating else f"PCM_{bits}" if bits > 8 else "PCM_U8"
    subtype = "PCM_S8" if (container, subtype) == ("AIFF", "PCM_U8") else subtype
    if (
        container == "WAV"
        and like
        and like.duration_s * source.sample_rate * source.channels * bits / 8 > WAV_LIMIT_BYTES
    ):
        container = "RF64"
    rng, frames = np.random.default_rng(0), 0
    try:
        with soundfile.SoundFile(part, "w", source.sample_rate, source.channels, subtype, format=container) as file:
            for tag, value in (like.tags if like else {}).items():
                setattr(file, tag, value)
            for block in blocks if floating else _watched(blocks, path):
                frames += block.shape[-1]
                file.write(block.T if floating else quantise(block, bits, rng).T)
        if soundfile.info(part).frames != frames:
            raise OSError("the file came out too short")
    except (soundfile.LibsndfileError, AssertionError, OSError) as error:  # AssertionError: short write
        raise _disk_full(path) or AudioError(f"{path}: cannot be written: {error}") from error


def _write_av(
    part: Path, path: Path, blocks: Iterable[Block], source: Format, like: Info | None, bit_rate: int | None
) -> None:
    import av

    lossy = LOSSY[path.suffix.lower()]
    rates = av.Codec(lossy.codec, "w").audio_rates or [source.sample_rate]
    rate = min(rates, key=lambda r: (abs(r - source.sample_rate), -r))
    try:
        with av.open(url(part), "w", format=lossy.container) as container:
            container.metadata.update(_av_tags(like))
            stream: Any = container.add_stream(lossy.codec, rate=rate, layout=_layout(path, source.channels))
            stream.bit_rate = bit_rate or lossy.bit_rate * source.channels
            position = 0
            for block in pump(resampler(source, rate), _watched(blocks, path)):
                if block.shape[-1]:
                    container.mux(stream.encode(_av_frame(block * np.float32(lossy.gain), stream, rate, position)))
                position += block.shape[-1]
            container.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise _disk_full(path) or AudioError(f"{path}: cannot be written: {error}") from error


def _watched(blocks: Iterable[Block], path: Path) -> Iterator[Block]:
    """Give blocks on to a format that ends at full scale; say at the end how far they go beyond it, if they do."""
    highest, beyond = 0.0, 0
    for block in blocks:
        levels = np.abs(block)
        highest = max(highest, float(levels.max(initial=0)))
        beyond += int((levels > FULL_SCALE).sum())
        yield block
    if beyond:
        over_db, s = 20 * np.log10(highest), "s" * (beyond > 1)
        log.warning(
            "%s: %d sample%s clipped, up to %.1f dB beyond full scale; turn the level down, or let master follow",
            path, beyond, s, over_db,
        )  # fmt: skip


def _av_tags(like: Info | None) -> dict[str, str]:
    names = {"tracknumber": "track"}
    return {names.get(tag, tag): value for tag, value in (like.tags if like else {}).items()}


def _av_frame(block: Block, stream: Any, rate: int, position: int) -> Any:
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=stream.layout.name)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
    return frame


def _layout(path: Path, channels: int) -> str:
    layouts = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
    most = 2 if path.suffix.lower() == ".mp3" else 6
    if channels not in layouts or channels > most:
        raise AudioError(f"{path}: {path.suffix[1:]} cannot hold {channels} channels; write .wav")
    return layouts[channels]


def _disk_full(path: Path) -> AudioError | None:
    free = shutil.disk_usage(path.parent).free
    return AudioError(f"{path}: cannot be written: no space left on the disk") if free < 1 << 20 else None
