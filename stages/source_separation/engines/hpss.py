"""Separates tonal from percussive sound, by medians of the spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.dsp.frames import frame_sizes
from aural.dsp.segments import SegmentStream
from aural.signals import Block, Format
from aural.stages.source_separation.engine import SeparationEngine
from aural.stream import Stream

Gains = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class HpssEngine(SeparationEngine):
    """Harmonic and percussive parts."""

    name, meaning = "hpss", "which separates tonal from percussive sound"
    stems = ("harmonic", "percussive")

    def stream(self, source: Format) -> Stream:
        return HarmonicStream(source)


class HarmonicStream(SegmentStream):
    """Keeps what holds its pitch; the result is that of one call over the whole signal."""

    def __init__(self, source: Format) -> None:
        self.window, self.hop = frame_sizes(source.sample_rate, window_ms=93, overlap=4)
        super().__init__(source, segment=400 * self.hop, context=24 * self.hop)

    def process(self, audio: Block) -> Block:
        return harmonic(audio, self.window, self.hop)


def harmonic(audio: Block, window: int, hop: int) -> Block:
    """Keep tones, not strokes: what lies level in the spectrogram; shape (channels, frames).

    A median along time erases strokes, one along frequency erases tones; the soft mask weighs the two powers.
    The strokes are what is left of the mixture.

    References:
        Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010, as in
        librosa.decompose.hpss: the same figures, with the medians taken another way.
    """
    frames = audio.shape[-1]
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    behind = window // 2 + max(0, window - frames)
    padded = np.pad(audio, ((0, 0), (window // 2, behind)))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[:, ::hop]
    spectra = np.fft.rfft(pieces * shape)
    size = np.abs(spectra)
    tones, strokes = _median(size.mT).mT, _median(size)
    loudest = np.maximum(np.maximum(tones, strokes), np.finfo(np.float32).tiny)
    level, steep = np.square(tones / loudest), np.square(strokes / loudest)
    mask = np.where(loudest > np.finfo(np.float32).tiny, level / np.maximum(level + steep, 1), 0.5)
    added = _overlapped(np.fft.irfft(spectra * mask, window) * shape, hop)
    weights = _overlapped(np.broadcast_to(shape**2, (pieces.shape[1], window)), hop)
    here = slice(window // 2, window // 2 + frames)
    result: Block = (added[:, here] / weights[here]).astype(np.float32)
    return result


def _overlapped(pieces: NDArray[np.floating], hop: int) -> NDArray[np.floating]:
    """Add pieces up, shape (..., pieces, window), each a hop behind the one before."""
    *leading, count, window = pieces.shape
    out = np.zeros((*leading, (count - 1) * hop + window), pieces.dtype)
    for start in range(0, window, hop):
        columns = pieces[..., start : start + hop]
        out[..., start : start + count * hop] += columns.reshape(*leading, count * hop)
    return out


def _median(size: Gains, taps: int = 31) -> Gains:
    """Take the running median along the last axis, its ends mirrored.

    As one long row with mirrored ends in between: scipy has a fast algorithm for one dimension only.
    """
    from scipy.ndimage import median_filter

    half = taps // 2
    rows = np.pad(size, [(0, 0)] * (size.ndim - 1) + [(half, half)], mode="symmetric")
    medians: Gains = median_filter(rows.ravel(), taps).reshape(rows.shape)
    return medians[..., half:-half]
