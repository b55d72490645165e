"""Files that are odd but real, or damaged: headers made by hand, streams joined, cut and holed."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from containers import ffmpeg

from aural import AudioError
from aural.audio.files import read
from aural.signals import Block

RATE = 48000
FRAMES = RATE // 2


def noise(channels: int = 2, frames: int = FRAMES, seed: int = 0) -> Block:
    """Return noise on the grid of 16 bits: no two places look alike. float32 (channels, frames)."""
    steps = np.random.default_rng(seed).integers(-9000, 9000, (channels, frames))
    return (steps / 32768).astype(np.float32)


def pcm(audio: Block) -> bytes:
    """Return the samples as 16-bit integers."""
    return np.rint(audio.T * 32768).astype("<i2").tobytes()


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    """Return a RIFF chunk; its size may lie."""
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) & 1)


def fmt(channels: int = 2, rate: int = RATE, bits: int = 16, tag: int = 1, more: bytes = b"") -> bytes:
    """Return a WAV format chunk."""
    width = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits) + more)


GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def extensible(channels: int, mask: int, bits: int = 16, valid: int = 16) -> bytes:
    """Return a WAV format chunk with a channel mask."""
    return fmt(channels, bits=bits, tag=0xFFFE, more=struct.pack("<HHIH", 22, valid, mask, 1) + GUID)


def riff(*chunks: bytes, size: int | None = None, form: bytes = b"RIFF") -> bytes:
    """Return a WAV file; its size may lie."""
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if size is None else size) + body


def odd_wavs(audio: Block) -> dict[str, bytes]:
    """Return WAV files with odd headers that all hold the same 16-bit stereo."""
    data, frames = pcm(audio), audio.shape[1]
    sizes = {0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 2_000_000_000, len(data) + 8}
    ds64 = chunk(b"ds64", struct.pack("<QQQI", len(data) + 72, len(data), frames, 0))
    unknown = chunk(b"data", data, 0xFFFFFFFF)
    files = {f"size {size:#x}": riff(fmt(), chunk(b"data", data, size), size=size) for size in sizes}
    return files | {
        "riff too small": riff(fmt(), chunk(b"data", data), size=36),
        "riff too big": riff(fmt(), chunk(b"data", data), size=3 * len(data)),
        "list in front": riff(chunk(b"LIST", b"INFOIART\x05\0\0\0abcd\0\0"), fmt(), chunk(b"data", data)),
        "odd chunks": riff(
            chunk(b"JUNK", b"x" * 27),
            fmt(),
            chunk(b"bext", bytes(602)),
            chunk(b"data", data),
            chunk(b"LIST", b"INFO"),
        ),
        "odd tail": riff(fmt(), chunk(b"data", data + b"\1\2\3")),
        "junk behind": riff(fmt(), chunk(b"data", data)) + bytes(range(256)) * 20,
        "block align 0": riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, RATE, 0, 0, 16)), chunk(b"data", data)),
        "extensible": riff(extensible(2, 3), chunk(b"data", data)),
        "no mask": riff(extensible(2, 0), chunk(b"data", data)),
        "rf64": riff(ds64, fmt(), unknown, size=0xFFFFFFFF, form=b"RF64"),
        "bw64": riff(ds64, fmt(), unknown, size=0xFFFFFFFF, form=b"BW64"),
    }


def coded(folder: Path, name: str, audio: Block, options: str, rate: int = RATE) -> bytes:
    """Return what ffmpeg writes for a signal."""
    source, target = folder / f"{name}.source.wav", folder / name
    channels = audio.shape[0]
    source.write_bytes(riff(fmt(channels, rate), chunk(b"data", pcm(audio))))
    ffmpeg("-i", str(source), *options.split(), str(target))
    source.unlink()
    data = target.read_bytes()
    target.unlink()
    return data


def written(folder: Path, name: str, data: bytes) -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(data)
    return path


def refused(path: Path, why: str, strict: bool = False) -> None:
    """See that a file is refused, in a sentence that names it once."""
    with pytest.raises(AudioError, match=why) as caught:
        read(path, strict)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1


def ogg_crc(data: bytes) -> int:
    """Return the check sum of an Ogg page in which it is 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
