"""STFT frames in and out."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from aural.signals import Block, Format
from aural.stream import Stream

Spectra = NDArray[np.complex64]
"""STFT frames, shape (channels, frames, bins)."""


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
        from scipy import fft  # here: engines of one module import this one, and `--help` imports them

        return self._overlap_add(self.change(fft.rfft(windows * self.analysis)))

    def _overlap_add(self, spectra: Spectra) -> Block:
        from scipy import fft

        channels, count, _ = spectra.shape
        pieces = fft.irfft(spectra, len(self.analysis)) * self.synthesis
        out = np.zeros((channels, (count + self.overlap - 1) * self.hop), np.float32)
        out[:, : self.tail.shape[-1]] = self.tail
        for part in reversed(range(self.overlap)):  # oldest frame first: the same sums whatever the blocks
            columns = slice(part * self.hop, (part + 1) * self.hop)
            out[:, part * self.hop : (part + count) * self.hop] += pieces[:, :, columns].reshape(channels, -1)
        self.tail = out[:, count * self.hop :]
        return out[:, : count * self.hop]

    def _pay(self, block: Block) -> Block:
        """Drop frames before the first one of the signal and after its last."""
        skipped = min(self.skip, block.shape[-1])
        self.skip -= skipped
        block = block[:, skipped : skipped + self.owed]
        self.owed -= block.shape[-1]
        return block


class AheadStream(FrameStream):
    """Frames changed by a method with look-ahead, always `chunk` at a time, so that block sizes do not matter.

    Results come `ahead` frames late; the first of them, which lie in front of the signal, are dropped.
    """

    def __init__(self, source: Format, window: int, hop: int, chunk: int, ahead: int) -> None:
        super().__init__(source, window, hop)
        self.chunk, self.ahead = chunk, ahead
        self.waiting = np.zeros((source.channels, 0, window // 2 + 1), np.complex64)
        self.early = ahead  # results still to come that lie in front of the first frame

    @abstractmethod
    def predict(self, spectra: Spectra) -> Spectra:
        """Take the next frames; return as many, `ahead` frames earlier."""

    def change(self, spectra: Spectra) -> Spectra:
        self.waiting = np.concatenate([self.waiting, spectra], axis=1)
        whole = self.waiting.shape[1] // self.chunk * self.chunk
        ready, self.waiting = self.waiting[:, :whole], self.waiting[:, whole:]
        done = [self._on_time(ready[:, first : first + self.chunk]) for first in range(0, whole, self.chunk)]
        return np.concatenate([ready[:, :0], *done], axis=1)

    def finish(self) -> Spectra | None:
        return self._on_time(np.pad(self.waiting, ((0, 0), (0, self.ahead), (0, 0))))

    def _on_time(self, spectra: Spectra) -> Spectra:
        done = self.predict(spectra)[:, self.early :]
        self.early -= min(self.early, spectra.shape[1])
        return done


def frame_sizes(sample_rate: int, window_ms: float, overlap: int) -> tuple[int, int]:
    """Return (window, hop) in frames, near the wanted time and good for the FFT."""
    from scipy import fft

    hop = fft.next_fast_len(max(2, round(sample_rate * window_ms / 1000 / overlap)), real=True)
    return hop * overlap, hop
