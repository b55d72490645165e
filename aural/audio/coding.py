"""Formats that FFmpeg's libraries write: FLAC, and lossy ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import Part
from aural.audio.layouts import DEFAULTS, speakers
from aural.audio.metadata import About
from aural.audio.tagging import describe, mux_pictures
from aural.dsp.resampling import resampler
from aural.errors import AudioError, AuralError
from aural.signals import Format
from aural.stream import pump

Samples = NDArray[Any]
"""Float32, or int32 left-aligned, shape (channels, frames)."""


@dataclass(frozen=True)
class Coder:
    """How FFmpeg writes a format: its names, and what it takes."""

    container: str
    codec: str
    layouts: tuple[str, ...]
    bit_rate: int = 0
    """Bit/s per channel."""
    options: Mapping[str, str] = field(default_factory=dict)


AAC = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1", "quad")
OPUS = ("mono", "stereo", "3.0", "quad", "5.1", "7.1")
"""FFmpeg writes 5.0 and 6.1 too, but puts their channels in the places of others."""
CODERS = {
    ".flac": Coder("flac", "flac", DEFAULTS),
    ".m4a": Coder("mp4", "aac", AAC, 96_000, {"brand": "M4A "}),
    ".mp4": Coder("mp4", "aac", AAC, 96_000),
    ".mp3": Coder("mp3", "libmp3lame", DEFAULTS[:2], 96_000),
    ".opus": Coder("ogg", "libopus", OPUS, 64_000),
    ".ogg": Coder("ogg", "libopus", OPUS, 64_000),
    ".webm": Coder("webm", "libopus", OPUS, 64_000),
}
FORMS = {0: "flt", 16: "s16", 24: "s32"}
"""FFmpeg's names of samples, by their bits; 0 are floats."""
MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LAME_SCALE = {192: 0.97, 224: 0.98, 256: 1.0, 320: 1.0}
"""LAME turns everything down to 0.95, but to these at high bit rates (kbit/s) from 32 kHz on."""


def encode(
    part: Part,
    coder: Coder,
    blocks: Iterable[Samples],
    source: Format,
    about: About,
    duration_s: float,
    bits: int = 0,
    bit_rate: int | None = None,
) -> None:
    """Write blocks to a file: integers of so many bits, or floats where `bits` is 0.

    Raises:
        AudioError: the disk is full, or the format cannot hold these channels.
    """
    import av

    # the length to the frame
    exact = {"movie_timescale": str(source.sample_rate)} if coder.container in ("mp4", "mov") else {}
    try:
        with av.open(part, "w", format=coder.container, options={**coder.options, **exact}) as container:
            encoder = add_sound(container, part.path, coder, source, bits, bit_rate)
            mux_pictures(container, describe(container, about, duration_s))
            for packet in encoder.packets(blocks, source):
                container.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, AuralError):
            raise
        raise part.error or AudioError(f"cannot be written: {error}", path=part.path) from error


@dataclass(frozen=True)
class Encoder:
    """A sound track of a file that is being written."""

    stream: Any
    rate: int
    gain: float
    """That undoes the codec's own."""
    bits: int

    def packets(self, blocks: Iterable[Samples], source: Format, begins: int = 0) -> Iterator[Any]:
        """Encode blocks, the first frame of which has the time stamp `begins`, in frames."""
        form, layout = FORMS[self.bits], self.stream.layout.name
        position = begins
        for block in blocks if self.bits else pump(resampler(source, self.rate), blocks):
            if block.shape[-1]:
                samples = _whole(block, self.bits) if self.bits else block * np.float32(self.gain)
                yield from self.stream.encode(_frame(samples, form, layout, self.rate, position))
            position += block.shape[-1]
        yield from self.stream.encode(None)


def add_sound(
    container: Any, path: Path, coder: Coder, source: Format, bits: int = 0, bit_rate: int | None = None
) -> Encoder:
    """Add a sound track to a file that is being written. A codec that does not know the rate gets the nearest.

    Raises:
        AudioError: the format cannot hold these channels.
    """
    import av

    rates = av.Codec(coder.codec, "w").audio_rates or [source.sample_rate]
    rate = min(rates, key=lambda r: (abs(r - source.sample_rate), -r))
    bit_rate, gain = _turned_down(coder, rate, bit_rate or coder.bit_rate * source.channels)
    stream = container.add_stream(coder.codec, rate=rate, layout=_layout_of(path, coder, source))
    stream.bit_rate = bit_rate
    if bits:
        stream.format = FORMS[bits]
    return Encoder(stream, rate, gain, bits)


def _layout_of(path: Path, coder: Coder, source: Format) -> str:
    """Return the codec's own name of a layout.

    Raises:
        AudioError: it has none.
    """
    wanted = source.layout
    if coder.codec == "flac" and speakers(wanted) and source.channels <= len(DEFAULTS):
        return wanted
    for name in coder.layouts:
        if len(speakers(name)) == source.channels and _behind(speakers(name)) == _behind(speakers(wanted)):
            return name
    what = (
        f"{source.channels} channels"
        if wanted in DEFAULTS or not speakers(wanted)
        else f"the channel layout {wanted}"
    )
    raise AudioError(f"{path.suffix[1:]} cannot hold {what}; write .wav", path=path)


def _behind(speakers: tuple[str, ...]) -> tuple[str, ...]:
    """Take the pair at the side for one at the back where there is none: codecs know only one of them."""
    return speakers if "BL" in speakers else tuple({"SL": "BL", "SR": "BR"}.get(name, name) for name in speakers)


def _turned_down(coder: Coder, rate: int, bit_rate: int) -> tuple[int, float]:
    """Return a bit rate that the codec has, and the gain that undoes the encoder's own."""
    if coder.codec != "libmp3lame":
        return bit_rate, 1.0
    if rate < 32_000:
        return bit_rate, 1 / 0.95
    kbps = min(MP3_KBPS, key=lambda known: abs(1000 * known - bit_rate))
    return 1000 * kbps, 1 / LAME_SCALE.get(kbps, 0.95)


def _frame(samples: Samples, form: str, layout: str, rate: int, position: int) -> Any:
    """Return FFmpeg's frame of samples, interleaved: PyAV miscounts eight planes."""
    import av

    interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(interleaved, format=form, layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
    return frame


def _whole(samples: Samples, bits: int) -> Samples:
    return np.right_shift(samples, 16).astype(np.int16) if bits == 16 else samples
