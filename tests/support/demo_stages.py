"""Small stages for tests of the core."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from aural import Block, Effect, Format, Separator, Stream, param
from aural.dsp.frames import FrameStream, Spectra
from aural.dsp.resampling import resampler
from aural.dsp.segments import SegmentStream


@dataclass(frozen=True)
class Gain(Effect):
    """Make it louder or softer."""

    name: ClassVar[str] = "gain"
    gain_db: float = param(-6.0, "Change of level", unit="dB", low=-60.0, high=60.0)

    def stream(self, source: Format) -> Stream:
        return GainStream(source, self.gain_db)


class GainStream(Stream):
    def __init__(self, source: Format, gain_db: float) -> None:
        super().__init__(source)
        self.gain = np.float32(10 ** (gain_db / 20))

    def push(self, block: Block) -> Block:
        return block * self.gain


@dataclass(frozen=True)
class Normalise(Effect):
    """Bring the peak of the whole signal to a level."""

    name: ClassVar[str] = "normalise"
    level_independent: ClassVar[bool] = False
    peak_dbfs: float = param(-1.0, "Peak of the result", unit="dBFS", low=-60.0, high=0.0)
    measured_dbfs: float | None = param(None, "Peak of the input", unit="dBFS", measured=True, high=60.0)

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        peak = max((float(np.abs(block).max(initial=0)) for block in blocks), default=0.0)
        return replace(self, measured_dbfs=20 * float(np.log10(max(peak, 1e-6))))

    def stream(self, source: Format) -> Stream:
        assert self.measured_dbfs is not None
        return GainStream(source, self.peak_dbfs - self.measured_dbfs)


@dataclass(frozen=True)
class Rate(Effect):
    """Change the sample rate."""

    name: ClassVar[str] = "rate"
    sample_rate: int = param(44100, "Rate of the result", unit="Hz", low=8000, high=192000)

    def stream(self, source: Format) -> Stream:
        return resampler(source, self.sample_rate)


@dataclass(frozen=True)
class Frames(Effect):
    """Multiply every STFT frame by a constant, with one frame of look-ahead."""

    name: ClassVar[str] = "frames"
    factor: float = param(0.5, "Factor", low=0.0, high=2.0)

    def stream(self, source: Format) -> Stream:
        return FramesStream(source, self.factor)


class FramesStream(FrameStream):
    def __init__(self, source: Format, factor: float) -> None:
        super().__init__(source, window=512, hop=128)
        self.factor = np.float32(factor)
        self.held = np.zeros((source.channels, 0, 257), np.complex64)

    def change(self, spectra: Spectra) -> Spectra:
        frames = np.concatenate([self.held, spectra], axis=1)
        self.held = frames[:, -1:]
        return (frames[:, :-1] * self.factor).astype(np.complex64)

    def finish(self) -> Spectra:
        return self.held * self.factor


@dataclass(frozen=True)
class Smooth(Effect):
    """Centred moving average, by segments."""

    name: ClassVar[str] = "smooth"
    half: int = param(20, "Half the window", unit="frames", low=0, high=50)

    def stream(self, source: Format) -> Stream:
        return SmoothStream(source, self.half)


class SmoothStream(SegmentStream):
    def __init__(self, source: Format, half: int, stems: int | None = None) -> None:
        super().__init__(source, segment=1000, context=50, stems=stems)
        self.kernel = np.ones(2 * half + 1, np.float64) / (2 * half + 1)

    def process(self, audio: Block) -> Block:
        half = len(self.kernel) // 2
        padded = np.pad(audio, ((0, 0), (half, half)))
        return np.stack([np.convolve(row, self.kernel, "valid") for row in padded]).astype(np.float32)


@dataclass(frozen=True)
class LowHigh(Separator):
    """Split by a moving average; the stems sum to the input."""

    name: ClassVar[str] = "low-high"
    half: int = param(20, "Half the window", unit="frames", low=1, high=50)

    @property
    def stems(self) -> tuple[str, ...]:
        return "low", "high"

    def stream(self, source: Format) -> Stream:
        return LowHighStream(source, self.half, stems=2)


class LowHighStream(SmoothStream):
    def process(self, audio: Block) -> Block:
        low = super().process(audio)
        return np.stack([low, audio - low])
