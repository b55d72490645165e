"""Short files of every container and codec at many rates and channels, made by the ffmpeg program, and its decoding.

Each source is half a second of tones, one for each channel, so that an exchange of channels shows.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural.signals import Block

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")
SECONDS = 0.5
RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000)
CHANNELS = (1, 2, 6)
OPUS_RATE = 48000


@dataclass(frozen=True)
class Kind:
    """A way to write a file: suffix, options of ffmpeg, what rates and how many channels it takes."""

    suffix: str
    options: str
    rates: Sequence[int] = RATES
    channels: Sequence[int] = CHANNELS
    step: float | None = None
    """Greatest error of a lossless format, 1 being full scale; None for a lossy one."""
    near: float = 1e-4
    """How far decoders of other versions may differ."""
    exact: bool = True
    """Whether the file says where its sound begins and ends, to the frame."""


LOW = tuple(rate for rate in RATES if rate <= 48000)
MPEG = tuple(rate for rate in LOW if rate >= 16000)
HIGH = (32000, 44100, 48000)
KINDS = (
    Kind("wav", "-c:a pcm_u8", step=2**-7),
    Kind("wav", "-c:a pcm_s16le", step=2**-15),
    Kind("wav", "-c:a pcm_s24le", step=2**-23),
    Kind("wav", "-c:a pcm_s32le", step=2**-23),
    Kind("wav", "-c:a pcm_f32le", step=0),
    Kind("wav", "-c:a pcm_f64le -rf64 always", step=0),
    Kind("wav", "-c:a pcm_alaw"),
    Kind("wav", "-c:a pcm_mulaw"),
    Kind("wav", "-c:a adpcm_ms", channels=(1, 2), exact=False),
    Kind("wav", "-c:a adpcm_ima_wav", channels=(1, 2), near=3e-3, exact=False),
    Kind("wav", "-c:a libgsm_ms", (8000,), (1,), exact=False),
    Kind("wav", "-c:a g726 -b:a 32k", (8000,), (1,), exact=False),
    Kind("g722", "-c:a g722", (16000,), (1,), exact=False),
    Kind("aiff", "-c:a pcm_s16be", step=2**-15),
    Kind("aiff", "-c:a pcm_s24be", step=2**-23),
    Kind("aiff", "-c:a pcm_f32be", step=0),
    Kind("caf", "-c:a pcm_s24be", step=2**-23),
    Kind("caf", "-c:a alac", step=2**-15, channels=(1, 2)),
    Kind("au", "-c:a pcm_s16be", step=2**-15),
    Kind("w64", "-c:a pcm_s24le", step=2**-23, exact=False),  # ffmpeg counts its padding as sound
    Kind("flac", "-c:a flac -sample_fmt s16", step=2**-15),
    Kind("flac", "-c:a flac -sample_fmt s32", step=2**-23),
    Kind("wv", "-c:a wavpack -sample_fmt s16p", step=2**-15),
    Kind("wv", "-c:a wavpack -sample_fmt fltp", step=0),
    Kind("tta", "-c:a tta -sample_fmt s16", step=2**-15),
    Kind("m4a", "-c:a alac -sample_fmt s16p", step=2**-15),
    Kind("mov", "-c:a pcm_f32le", step=0),
    Kind("mkv", "-c:a pcm_f32le", step=0),
    Kind("mka", "-c:a flac -sample_fmt s16", step=2**-15),
    Kind("oga", "-c:a flac -f ogg -sample_fmt s16", step=2**-15),
    Kind("m4a", "-c:a aac"),
    Kind("mp4", "-c:a aac -movflags +faststart"),
    Kind("aac", "-c:a aac", exact=False),
    Kind("mkv", "-c:a aac", exact=False),
    Kind("ts", "-c:a aac", exact=False),
    Kind("mp3", "-c:a libmp3lame -q:a 4", LOW, (1, 2)),
    Kind("mp3", "-c:a libmp3lame -b:a 64k", LOW, (1, 2)),
    Kind("mp3", "-c:a libmp3lame -write_xing 0", LOW, (1, 2), exact=False),
    Kind("mp2", "-c:a mp2", MPEG, (1, 2), exact=False),
    Kind("avi", "-c:a libmp3lame", MPEG, (1, 2), exact=False),
    Kind("flv", "-c:a libmp3lame", (11025, 22050, 44100), (1, 2), exact=False),
    Kind("ac3", "-c:a ac3", HIGH, exact=False),
    Kind("eac3", "-c:a eac3", HIGH, exact=False),
    Kind("ogg", "-c:a libvorbis", tuple(rate for rate in RATES if rate > 8000)),
    Kind("opus", "-c:a libopus", (8000, 16000, 48000)),
    Kind("webm", "-c:a libopus", (8000, 16000, 48000)),
    Kind("asf", "-c:a wmav2", (22050, 44100, 48000), (1, 2), exact=False),
)  # fmt: skip
GROUPS = [(rate, channels) for rate in RATES for channels in CHANNELS]


def kinds_of(rate: int, channels: int) -> list[Kind]:
    """List the kinds that can be written at this rate with so many channels."""
    return [kind for kind in KINDS if rate in kind.rates and channels in kind.channels]


def tones(rate: int, channels: int, seconds: float = SECONDS) -> Block:
    """Return tones that differ in frequency and level, float32 (channels, frames)."""
    time = np.arange(round(rate * seconds)) / rate
    parts = [0.2 / (1 + c / 4) * np.sin(2 * np.pi * 100 * (c + 2) * time + c) for c in range(channels)]
    return np.array(parts, np.float32)


def make(folder: Path, rate: int, channels: int) -> Iterator[tuple[Kind, Path, Block]]:
    """Write a file of each kind, in one process; give it with ffmpeg's decoding, made in another."""
    source = folder / "source.wav"
    soundfile.write(source, tones(rate, channels).T, rate, "FLOAT")
    layout = ["-channel_layout", "5.1"] if channels == 6 else []
    kinds = kinds_of(rate, channels)
    paths = [folder / f"{number}.{kind.suffix}" for number, kind in enumerate(kinds)]
    written = [word for kind, path in zip(kinds, paths, strict=True) for word in (*kind.options.split(), str(path))]
    ffmpeg(*layout, "-i", str(source), *written)
    yield from zip(kinds, paths, decoded(paths, channels), strict=True)


def decoded(paths: Sequence[Path], channels: int) -> list[Block]:
    """Return what ffmpeg decodes of each file, in one process."""
    inputs = [word for path in paths for word in ("-i", str(path))]
    outputs = [
        word for number, path in enumerate(paths) for word in ("-map", f"{number}:a", "-f", "f32le", f"{path}.f32")
    ]
    ffmpeg(*inputs, *outputs)
    return [np.fromfile(f"{path}.f32", np.float32).reshape(-1, channels).T for path in paths]


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)
