"""The dynamics stages as streams: a gain from a side chain, with look-ahead on request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from aural import Block, Effect, Format, Stream
from aural.dsp import fir
from aural.dsp.biquads import Biquads, section
from aural.dsp.decibels import db_to_gain
from aural.stages.dynamic_compression import dsp
from aural.stages.dynamic_compression.crossover import crossover
from aural.stream import Queue

SILENT = np.float32(1e-7)  # amplitude added to the full band, so that silence has no sibilance
SLAB = 16384  # frames at a time: fits the cache, bounds the memory


def slabs(block: Block) -> Iterator[Block]:
    """Go through a block slab by slab."""
    for start in range(0, block.shape[-1], SLAB):
        yield block[:, start : start + SLAB]


class GainStream(Stream):
    """Finds the gain slab by slab, and holds the audio back by the look-ahead."""

    def __init__(self, source: Format, lookahead_ms: float, highpass_hz: float) -> None:
        super().__init__(source)
        self.high_pass = Biquads([_high_pass(highpass_hz, source)], source.channels) if highpass_hz else None
        self.ahead = self.early = round(lookahead_ms / 1000 * source.sample_rate)
        self.waiting = Queue()

    @abstractmethod
    def gain(self, side: Any) -> Block:
        """Return the gain that follows from these frames of the side chain, a row for each channel or one for all."""

    def push(self, block: Block) -> Block:
        out = np.empty((block.shape[0], max(0, block.shape[-1] - self.early)), np.float32)
        done = 0
        for slab in slabs(block):
            gain = self.gain(slab if self.high_pass is None else self.high_pass(slab))[:, self.early :]
            self.early -= slab.shape[-1] - gain.shape[-1]
            self.waiting.append(slab)
            end = done + gain.shape[-1]
            np.multiply(self.waiting.take(gain.shape[-1]), gain, out=out[:, done:end])
            done = end
        return out

    def flush(self) -> Block:
        return self.push(np.zeros((self.output.channels, self.ahead), np.float32))


class Rms:
    """Root of a one-pole mean power, run over consecutive slabs."""

    def __init__(self, source: Format, time_ms: float) -> None:
        self.powers = np.zeros((source.channels, 3))
        self.pole = dsp.coefficient(time_ms, source.sample_rate)

    def __call__(self, slab: Block) -> Block:
        return dsp.rms(np.ascontiguousarray(slab, np.float32), self.powers, self.pole)


class CompressionStream(GainStream):
    """The gain of a compressor."""

    def __init__(self, stage: Any, source: Format) -> None:
        super().__init__(source, stage.lookahead_ms, stage.sidechain_highpass_hz)
        self.detector = stage.detector
        self.rms = Rms(source, stage.rms_ms)
        self.link = stage.link
        self.reduced = np.zeros(source.channels)
        self.poles = [dsp.coefficient(ms, source.sample_rate) for ms in (stage.attack_ms, stage.release_ms)]
        self.makeup = np.float32(db_to_gain(stage.makeup_db))
        self.curve = [stage.threshold_db / dsp.OCTAVE_DB, 1 - 1 / stage.ratio, stage.knee_db / dsp.OCTAVE_DB]

    def gain(self, side: Any) -> Block:
        magnitude = np.abs(side, order="C", dtype=np.float32) if self.detector == "peak" else self.rms(side)
        levels = dsp.linked_levels(magnitude, self.link)
        reduced = dsp.smooth(dsp.reduction(levels, *self.curve), self.reduced, *self.poles)
        gain: Block = self.makeup * dsp.exp2(-reduced)
        return gain


class UpwardStream(GainStream):
    """The gain of an upward compressor."""

    def __init__(self, stage: Any, source: Format) -> None:
        super().__init__(source, stage.lookahead_ms, stage.sidechain_highpass_hz)
        self.rms = Rms(source, stage.rms_ms)
        self.link = stage.link
        self.raised = np.zeros(source.channels)
        self.poles = [dsp.coefficient(ms, source.sample_rate) for ms in (stage.release_ms, stage.attack_ms)]
        self.curve = [-stage.threshold_db / dsp.OCTAVE_DB, 1 - 1 / stage.ratio, stage.knee_db / dsp.OCTAVE_DB]
        self.floor, self.most = (np.float32(db / dsp.OCTAVE_DB) for db in (stage.floor_db, stage.range_db))

    def gain(self, side: Any) -> Block:
        levels = dsp.linked_levels(self.rms(side), self.link)
        wanted = dsp.reduction(-levels, *self.curve)
        raised = np.clip(levels - self.floor, 0, np.minimum(wanted, self.most), dtype=np.float32)
        gain: Block = dsp.exp2(dsp.smooth(raised, self.raised, *self.poles))
        return gain


class GateStream(GainStream):
    """The gain of a gate."""

    def __init__(self, stage: Any, source: Format) -> None:
        super().__init__(source, stage.lookahead_ms, stage.sidechain_highpass_hz)
        self.rms = Rms(source, stage.rms_ms)
        self.link = stage.link
        self.open = np.zeros(source.channels, np.int64)
        self.reduced = np.zeros(source.channels)  # it begins open: a recording may begin in the middle of a word
        self.poles = [dsp.coefficient(ms, source.sample_rate) for ms in (stage.release_ms, stage.attack_ms)]
        opens, closes = stage.threshold_db, stage.threshold_db - stage.hysteresis_db
        hold = 1 + round((stage.hold_ms + stage.lookahead_ms) / 1000 * source.sample_rate)
        self.law: list[Any] = [
            opens / dsp.OCTAVE_DB, closes / dsp.OCTAVE_DB, hold,
            stage.ratio - 1, stage.range_db / dsp.OCTAVE_DB,
        ]  # fmt: skip

    def gain(self, side: Any) -> Block:
        levels = dsp.linked_levels(self.rms(side), self.link)
        reduced = dsp.smooth(dsp.expansion(levels, self.open, *self.law), self.reduced, *self.poles)
        gain: Block = dsp.exp2(-reduced)
        return gain


class MultibandStream(Stream):
    """Splits a signal into bands, compresses each, and sums them."""

    def __init__(self, source: Format, crossovers_hz: Sequence[float], effects: Sequence[Effect]) -> None:
        super().__init__(source)
        self.crossover = crossover(source, crossovers_hz)
        self.bands = [effect.begin(source) for effect in effects]

    def push(self, block: Block) -> Block:
        return np.concatenate([self.nothing(), *(self._sum(self.crossover.push(s)) for s in slabs(block))], axis=-1)

    def flush(self) -> Block:
        return self._sum(self.crossover.flush())

    def _sum(self, bands: Block) -> Block:
        compressed = [stream.push(band) for stream, band in zip(self.bands, bands, strict=True)]
        return np.sum(compressed, axis=0, dtype=np.float32)


class DeEssStream(Stream):
    """Subtracts the excess of the upper band from a signal; the upper band is split off in linear phase."""

    def __init__(self, stage: Any, source: Format) -> None:
        super().__init__(source)
        self.upper = upper_band(source, stage.split_hz)
        self.waiting = Queue()
        self.rms = [Rms(source, stage.rms_ms) for _ in range(2)]
        self.link = stage.link
        self.reduced = np.zeros(source.channels)
        self.poles = [dsp.coefficient(ms, source.sample_rate) for ms in (stage.attack_ms, stage.release_ms)]
        self.curve = [stage.threshold_db / dsp.OCTAVE_DB, 1 - 1 / stage.ratio, stage.knee_db / dsp.OCTAVE_DB]
        self.most = np.float32(stage.range_db / dsp.OCTAVE_DB)

    def push(self, block: Block) -> Block:
        return np.concatenate([self.nothing(), *map(self._slab, slabs(block))], axis=-1)

    def flush(self) -> Block:
        return self._less(self.upper.flush())

    def _slab(self, slab: Block) -> Block:
        self.waiting.append(slab)
        return self._less(self.upper.push(slab))

    def _less(self, upper: Block) -> Block:
        if not upper.shape[-1]:
            return upper
        audio = self.waiting.take(upper.shape[-1])
        whole, high = (rms(x) for rms, x in zip(self.rms, (audio, upper), strict=True))
        share = dsp.log2(high) - dsp.log2(whole + SILENT)
        excess = np.minimum(dsp.reduction(dsp.linked(share, self.link), *self.curve), self.most)
        reduced = dsp.smooth(excess, self.reduced, *self.poles)
        return audio - (1 - dsp.exp2(-reduced)) * upper


def upper_band(source: Format, split_hz: float) -> fir.FirStream:
    """Open a linear-phase high-pass."""
    window = np.hamming(2 * round(1.5 * source.sample_rate / split_hz) + 1)
    return fir.FirStream(source, fir.high_pass(2 * split_hz / source.sample_rate, window), segment=4096)


def _high_pass(cutoff_hz: float, source: Format) -> list[float]:
    """Design the second-order Butterworth high-pass of a side chain."""
    return section("high-pass", min(cutoff_hz / source.sample_rate, 0.45))
