"""Dynamic-range compression: loud passages softer, so that the whole can be louder and steadier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aural import Block, Effect, Format, Stream, param
from aural.streaming import Queue


@dataclass(frozen=True)
class DynamicCompression(Effect):
    """Turns a signal down where it is above a threshold, the more the louder it is."""

    name: ClassVar[str] = "dynamic-compression"
    level_independent: ClassVar[bool] = False
    threshold_db: float = param(-24.0, "Level above which the signal is turned down",
                                unit="dBFS", low=-80.0, high=0.0)  # fmt: skip
    ratio: float = param(2.5, "Decibels above the threshold of which one is left", low=1.0, high=100.0)
    knee_db: float = param(6.0, "Width of the bend of the curve around the threshold",
                           unit="dB", low=0.0, high=40.0)  # fmt: skip
    attack_ms: float = param(5.0, "Time constant of turning down", unit="ms", low=0.01, high=500.0)
    release_ms: float = param(120.0, "Time constant of turning up again", unit="ms", low=1.0, high=5000.0)
    lookahead_ms: float = param(0.0, "Time by which the gain runs ahead of the signal",
                                unit="ms", low=0.0, high=100.0)  # fmt: skip
    detector: str = param("peak", "What counts as level: magnitude, or the root of a mean power",
                          choices=("peak", "rms"))  # fmt: skip
    rms_ms: float = param(10.0, "Time constant of the mean", unit="ms",
                          low=0.1, high=1000.0, when={"detector": "rms"})  # fmt: skip
    sidechain_highpass_hz: float = param(0.0, "Below this frequency the level does not count; 0: all counts",
                                         unit="Hz", low=0.0, high=2000.0)  # fmt: skip
    link: float = param(1.0, "How far each channel follows the loudest; 0 leaves each to itself",
                        low=0.0, high=1.0)  # fmt: skip
    makeup_db: float = param(0.0, "Gain behind the compressor", unit="dB", low=-24.0, high=48.0)

    def stream(self, source: Format) -> Stream:
        return CompressionStream(self, source)


class CompressionStream(Stream):
    """Finds the gain slab by slab, and holds the audio back by the look-ahead."""

    SLAB = 4096  # frames at a time: fits the cache, bounds the memory

    def __init__(self, stage: DynamicCompression, source: Format) -> None:
        from aural.stages.dynamic_compression import dsp

        super().__init__(source)
        self.dsp, self.stage = dsp, stage
        rate, cutoff_hz = source.sample_rate, stage.sidechain_highpass_hz
        self.high_pass = dsp.HighPass(cutoff_hz, rate, source.channels) if cutoff_hz else None
        self.power = np.zeros(source.channels)
        self.reduced = np.zeros(source.channels)
        self.poles = [dsp.coefficient(ms, rate) for ms in (stage.attack_ms, stage.release_ms)]
        self.rms_pole = dsp.coefficient(stage.rms_ms, rate)
        self.makeup = np.float32(10 ** (stage.makeup_db / 20))
        self.curve = [stage.threshold_db / dsp.OCTAVE_DB, 1 - 1 / stage.ratio, stage.knee_db / dsp.OCTAVE_DB]
        self.ahead = self.early = round(stage.lookahead_ms / 1000 * rate)
        self.waiting = Queue()

    def push(self, block: Block) -> Block:
        out = np.empty((block.shape[0], max(0, block.shape[-1] - self.early)), np.float32)
        done = 0
        for start in range(0, block.shape[-1], self.SLAB):
            slab = block[:, start : start + self.SLAB]
            gain = self._gain(slab)[:, self.early :]
            self.early -= slab.shape[-1] - gain.shape[-1]
            self.waiting.append(slab)
            end = done + gain.shape[-1]
            np.multiply(self.waiting.take(gain.shape[-1]), gain, out=out[:, done:end])
            done = end
        return out

    def flush(self) -> Block:
        return self.push(np.zeros((self.output.channels, self.ahead), np.float32))

    def _gain(self, slab: Block) -> Block:
        """Return the gain that follows from these frames, one row for each channel or one for all."""
        dsp = self.dsp
        levels = dsp.linked(dsp.log2(self._magnitude(slab)), self.stage.link)
        reduced = dsp.smooth(dsp.reduction(levels, *self.curve), self.reduced, *self.poles)
        gain: Block = self.makeup * dsp.exp2(-reduced)
        return gain

    def _magnitude(self, slab: Block) -> Block:
        side = slab if self.high_pass is None else self.high_pass(slab)
        magnitude: Block
        if self.stage.detector == "peak":
            magnitude = np.abs(side, order="C", dtype=np.float32)
        else:
            magnitude = self.dsp.rms(np.ascontiguousarray(side, np.float32), self.power, self.rms_pole)
        return magnitude
