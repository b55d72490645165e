"""Signals: their format, and the arrays that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aural.audio.layouts import default_layout, speakers
from aural.errors import AudioError

Block = NDArray[np.float32]
"""Audio, shape (channels, frames); a Separator's stream gives (stems, channels, frames)."""

MOST_CHANNELS = 32
LOWEST_RATE, HIGHEST_RATE = 4000, 768000
LOUDEST = 2.0**31
"""Beyond this no recording goes: samples that were whole numbers of 32 bits, and never divided."""


@dataclass(frozen=True)
class Format:
    """Sample rate in Hz, number of channels and channel layout of a signal.

    Raises:
        AudioError: no signal has such a sample rate, so many channels, or such a layout.
    """

    sample_rate: int
    channels: int
    layout: str = ""
    """FFmpeg's name, such as 5.1(side); where none is given, the usual one for so many channels."""

    def __post_init__(self) -> None:
        rate, channels = _whole(self.sample_rate), _whole(self.channels)
        if rate is None or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            swapped = channels is not None and LOWEST_RATE <= channels <= HIGHEST_RATE
            cure = "; it comes before the number of channels" if swapped else ""
            allowed = f"a whole number from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
            raise AudioError(f"a sample rate is {allowed}, got {self.sample_rate!r}{cure}")
        if channels is None or not 1 <= channels <= 1024:
            raise AudioError(f"a signal has from 1 to 1024 channels, got {self.channels!r}")
        object.__setattr__(self, "sample_rate", rate)
        object.__setattr__(self, "channels", channels)
        if not self.layout:
            object.__setattr__(self, "layout", default_layout(channels))
        elif len(speakers(self.layout)) not in (0, channels):
            raise AudioError(f"{self.layout} is not the layout of {channels} channels")


def _whole(number: Any) -> int | None:
    """Return a whole number, which 44100.0 is too, as an int; None for anything else."""
    plain = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    return int(number) if plain and number == number // 1 else None


def as_block(audio: ArrayLike) -> Block:
    """Bring a user's array into shape (channels, frames), float32, or say what is wrong with it."""
    array = _floats(audio)
    if array.ndim not in (1, 2):
        raise AudioError(f"audio must have shape (frames,) or (channels, frames), got {array.shape}")
    block = np.atleast_2d(array)
    channels, frames = block.shape
    if channels > MOST_CHANNELS or channels > frames > 1:
        raise AudioError(f"audio has {channels} channels of {frames} frames; pass x.T if it is transposed")
    return _possible(block)


def next_block(audio: ArrayLike, source: Format) -> Block:
    """Bring a user's next block of a signal into float32, or say what is wrong with it."""
    block = _floats(audio)
    check_shape(block, source)
    return _possible(block)


def check_shape(block: NDArray[Any], source: Format) -> None:
    """Raise AudioError unless a block has the shape of those of a signal: compiled loops rely on it."""
    if block.ndim == 2 and block.shape[0] == source.channels:
        return
    cure = (
        "; pass x.T" if block.shape[1:] == (source.channels,) else "; pass x[np.newaxis]" if block.ndim == 1 else ""
    )
    raise AudioError(
        f"a block must have shape (channels, frames), here ({source.channels}, any number), got {block.shape}{cure}"
    )


def _floats(audio: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(audio)
    except (TypeError, ValueError) as error:
        raise AudioError(f"audio must be an array of floats: {error}") from error
    if array.dtype.kind != "f":
        raise AudioError(f"audio must be floats from -1 to 1, got {array.dtype}; divide integers by full scale")
    return array


def _possible(block: NDArray[Any]) -> Block:
    """Return samples as float32 if they can be those of a recording."""
    low, high = block.min(initial=0.0), block.max(initial=0.0)
    if not (-np.inf < low <= high < np.inf):
        raise AudioError("audio holds NaN or infinity")
    if max(-low, high) > LOUDEST:
        raise AudioError(
            f"audio holds a sample of {max(-low, high):.3g} where full scale is 1: no recording is this loud; "
            "divide integers by full scale"
        )
    return block.astype(np.float32, copy=False)
