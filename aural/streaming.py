"""Helpers that keep streams short: queues, blending, resampling, STFT frames, long segments."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aural.errors import WeightsError
from aural.stage import Block, Format, Stream

Spectra = NDArray[np.complex64]
"""STFT frames, shape (channels, frames, bins)."""


class Queue:
    """Frames that wait: append at the end, take from the front."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.frames = 0

    def append(self, block: Block) -> None:
        """Put a copy of frames at the end. Any leading axes, the same for every block."""
        self.blocks.append(block.copy())
        self.frames += block.shape[-1]

    def peek(self, frames: int) -> Block:
        """Return the first frames and keep them; fewer where there are fewer."""
        self.blocks = [np.concatenate(self.blocks, axis=-1)] if len(self.blocks) > 1 else self.blocks
        return self.blocks[0][..., :frames]

    def take(self, frames: int) -> Block:
        """Remove the first frames and return them; fewer where there are fewer."""
        taken = self.peek(frames)
        self.blocks = [self.blocks[0][..., frames:]]
        self.frames -= taken.shape[-1]
        return taken


class Through(Stream):
    """Gives on what it gets."""

    def push(self, block: Block) -> Block:
        return block


class BlendStream(Stream):
    """Adds a stream and its own input, in time with each other and at the stream's rate."""

    def __init__(self, stream: Stream, source: Format, dry: float, wet: float) -> None:
        super().__init__(stream.output)
        self.gains = (np.float32(dry), np.float32(wet))
        self.sides = (resampler(source, stream.output.sample_rate), stream)
        self.waiting = (Queue(), Queue())

    def push(self, block: Block) -> Block:
        return self._blend([side.push(block) for side in self.sides])

    def flush(self) -> Block:
        return self._blend([side.flush() for side in self.sides])

    def _blend(self, blocks: list[Block]) -> Block:
        for queue, block in zip(self.waiting, blocks, strict=True):
            queue.append(block)
        ready = min(queue.frames for queue in self.waiting)
        dry, wet = (gain * queue.take(ready) for gain, queue in zip(self.gains, self.waiting, strict=True))
        return dry + wet


def frames_at(frames: int, before: int, after: int) -> int:
    """Return how many frames so many have become where the sample rate has changed: the nearest number, halves up."""
    return (2 * frames * after + before) // (2 * before)


class ResampleStream(Stream):
    """Band-limited change of the sample rate (soxr, high quality); no delay, the length as `frames_at` says."""

    def __init__(self, source: Format, sample_rate: int) -> None:
        import soxr

        super().__init__(replace(source, sample_rate=sample_rate))
        self.soxr = soxr.ResampleStream(
            source.sample_rate, sample_rate, source.channels, dtype="float32", quality="HQ"
        )

    def push(self, block: Block) -> Block:
        return self._run(block, last=False)

    def flush(self) -> Block:
        return self._run(self.nothing(), last=True)

    def _run(self, block: Block, last: bool) -> Block:
        frames = np.ascontiguousarray(block.T, np.float32)
        return np.ascontiguousarray(self.soxr.resample_chunk(frames, last=last).T)


def resampler(source: Format, sample_rate: int) -> Stream:
    """Open a stream that changes the sample rate, if it must change."""
    return Through(source) if sample_rate == source.sample_rate else ResampleStream(source, sample_rate)


class AtRate(Stream):
    """Runs a network that wants a rate of its own inside a signal of another; the length stays.

    Raises:
        WeightsError: while running, where the network makes NaN or infinity of a finite signal.
    """

    def __init__(self, source: Format, sample_rate: int, inner: Callable[[Format], Stream]) -> None:
        self.down = resampler(source, sample_rate)
        self.inner = inner(self.down.output)
        self.up = resampler(self.inner.output, source.sample_rate)
        super().__init__(source)
        self.owed = 0

    def push(self, block: Block) -> Block:
        self.owed += block.shape[-1]
        return self._pay(self.up.push(_finite(self.inner.push(self.down.push(block)))))

    def flush(self) -> Block:
        tail = [self.inner.push(self.down.flush()), self.inner.flush()]
        out = np.concatenate([*(self.up.push(_finite(t)) for t in tail), self.up.flush()], axis=-1)
        missing = max(0, self.owed - out.shape[-1])  # rounding of the two lengths, at most a frame or two
        return self._pay(np.pad(out, [(0, 0)] * (out.ndim - 1) + [(0, missing)]))

    def _pay(self, block: Block) -> Block:
        block = block[..., : self.owed]
        self.owed -= block.shape[-1]
        return block


def _finite(block: Block) -> Block:
    if not np.isfinite(block).all():
        raise WeightsError("the network gives NaN or infinity: its weights cannot be used")
    return block


class FrameStream(Stream):
    """STFT in, frames changed, overlap-add out: exact reconstruction where nothing is changed.

    Square-root Hann windows on both sides. The first window ends `hop` frames into the signal, so that
    every frame of the signal lies under `window / hop` windows.
    """

    SLAB = 512  # STFT frames of all channels together that are changed in one call: bounds the memory

    def __init__(self, source: Format, window: int, hop: int) -> None:
        super().__init__(source)
        if window % hop or window // hop < 2:
            raise ValueError(f"window must be a multiple of hop and at least twice as long, got {window}, {hop}")
        self.hop, self.overlap = hop, window // hop
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        self.analysis = np.sqrt(hann).astype(np.float32)
        self.synthesis = (np.sqrt(hann) * 2 / self.overlap).astype(np.float32)
        self.before = np.zeros((source.channels, window - hop), np.float32)
        self.tail = np.zeros((source.channels, window - hop), np.float32)
        self.skip, self.owed = window - hop, 0

    @abstractmethod
    def change(self, spectra: Spectra) -> Spectra:
        """Change some frames, in order. May return fewer and give the rest later (look-ahead)."""

    def finish(self) -> Spectra | None:
        """Return the frames that `change` still holds back, if it does."""
        return None

    def push(self, block: Block) -> Block:
        self.owed += block.shape[-1]
        return self._pay(self._frames(block))

    def flush(self) -> Block:
        tail = self._frames(np.zeros((self.output.channels, len(self.analysis)), np.float32))
        rest = self.finish()
        out = [tail] if rest is None else [tail, self._overlap_add(rest)]
        return self._pay(np.concatenate(out, axis=-1))

    def _frames(self, block: Block) -> Block:
        audio = np.concatenate([self.before, block], axis=-1)
        count = (audio.shape[-1] - len(self.analysis)) // self.hop + 1
        if count <= 0:
            self.before = audio
            return audio[:, :0]
        windows = np.lib.stride_tricks.sliding_window_view(audio, len(self.analysis), axis=-1)
        windows = windows[:, :: self.hop][:, :count]
        self.before = audio[:, count * self.hop :]
        slab = max(1, self.SLAB // audio.shape[0])
        return np.concatenate([self._slab(windows[:, i : i + slab]) for i in range(0, count, slab)], axis=-1)

    def _slab(self, windows: Block) -> Block:
        return self._overlap_add(self.change(np.fft.rfft(windows * self.analysis).astype(np.complex64, copy=False)))

    def _overlap_add(self, spectra: Spectra) -> Block:
        channels, count, _ = spectra.shape
        pieces = np.fft.irfft(spectra, len(self.analysis)) * self.synthesis
        out = np.zeros((channels, (count + self.overlap - 1) * self.hop), np.float32)
        out[:, : self.tail.shape[-1]] = self.tail
        for part in reversed(range(self.overlap)):  # oldest frame first: the same sums whatever the blocks
            columns = slice(part * self.hop, (part + 1) * self.hop)
            out[:, part * self.hop : (part + count) * self.hop] += pieces[:, :, columns].reshape(channels, -1)
        self.tail = out[:, count * self.hop :]
        return out[:, : count * self.hop]

    def _pay(self, block: Block) -> Block:
        """Drop what stands before the first frame of the signal and after its last."""
        skipped = min(self.skip, block.shape[-1])
        self.skip -= skipped
        block = block[:, skipped : skipped + self.owed]
        self.owed -= block.shape[-1]
        return block


def frame_sizes(sample_rate: int, window_ms: float, overlap: int) -> tuple[int, int]:
    """Return (window, hop) in frames, near the wanted time and good for the FFT."""
    from scipy.fft import next_fast_len

    hop = next_fast_len(max(2, round(sample_rate * window_ms / 1000 / overlap)), real=True)
    return hop * overlap, hop


class SegmentStream(Stream):
    """Runs a non-causal method on long segments with real context on both sides that is thrown away.

    Segments lie at fixed places of the signal, whatever blocks it comes in. The first has no context in
    front, the last none behind and whatever length remains: the ends are the method's own to treat.
    """

    def __init__(self, source: Format, segment: int, context: int, stems: int | None = None) -> None:
        super().__init__(source, stems)
        self.segment, self.context = segment, context
        self.queue = Queue()
        self.before = 0  # frames at the front of the queue that are context

    @abstractmethod
    def process(self, audio: Block) -> Block:
        """Process one segment with its context; return as many frames, leading axes as the stage has."""

    def push(self, block: Block) -> Block:
        self.queue.append(block)
        done = []
        while self.queue.frames >= self.before + self.segment + self.context:
            done.append(self._segment(self.before + self.segment + self.context, self.segment))
        return np.concatenate(done, axis=-1) if done else self.nothing()

    def flush(self) -> Block:
        rest = self.queue.frames - self.before
        return self._segment(self.queue.frames, rest) if rest else self.nothing()

    def _segment(self, frames: int, wanted: int) -> Block:
        result = self.process(self.queue.peek(frames))[..., self.before : self.before + wanted]
        spent = max(0, self.before + wanted - self.context)
        self.queue.take(spent)
        self.before = self.before + wanted - spent
        return result.astype(np.float32, copy=False)
