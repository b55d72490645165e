"""Tones from strokes, by medians of the spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.stage import Block, Format, Stream
from aural.stages.source_separation.engine import SeparationEngine
from aural.streaming import SegmentStream, frame_sizes

Gains = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class HpssEngine(SeparationEngine):
    """Harmonic and percussive parts."""

    name, meaning = "hpss", "which parts tones from strokes"
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
    import librosa

    frames = audio.shape[-1]
    padded = librosa.util.fix_length(audio, size=max(frames, window))
    spectra = librosa.stft(padded, n_fft=window, hop_length=hop)
    size = np.abs(spectra)
    mask = librosa.util.softmask(_median(size), _median(size.mT).mT, power=2, split_zeros=True)
    result: Block = librosa.istft(spectra * mask, hop_length=hop, n_fft=window, length=frames)
    return result


def _median(size: Gains, taps: int = 31) -> Gains:
    """Take the running median along the last axis, its ends mirrored.

    As one long row with mirrored ends in between: scipy has a fast algorithm for one dimension only.
    """
    from scipy.ndimage import median_filter

    half = taps // 2
    rows = np.pad(size, [(0, 0)] * (size.ndim - 1) + [(half, half)], mode="symmetric")
    medians: Gains = median_filter(rows.ravel(), taps).reshape(rows.shape)
    return medians[..., half:-half]
