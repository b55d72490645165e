"""Separates the center of the stereo image from its sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.dsp.frames import FrameStream, Spectra, frame_sizes
from aural.errors import AudioError
from aural.parameters import param
from aural.signals import Format
from aural.stages.source_separation.engine import NAME, SeparationEngine
from aural.stream import Stream, Through

Gains = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CenterParameters:
    """The parameters of the engine."""

    low_hz: float = param(
        150.0, "Frequency below which the center is left in the sides, such as bass and bass drum; 0 is off",
        unit="Hz", low=0.0, high=1000.0,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CenterEngine(CenterParameters, SeparationEngine):
    """Center and sides."""

    name, meaning = "center", "which separates the center of the stereo image from the sides"
    stems = ("center", "sides")

    def stream(self, source: Format) -> Stream:
        if source.channels > 2:
            raise AudioError(f"engine center takes 1 or 2 channels, not {source.channels}", stage=NAME)
        return Through(source) if source.channels == 1 else CenterStream(source, self.low_hz)


class CenterStream(FrameStream):
    """Keeps what both channels have in common, the same in both."""

    def __init__(self, source: Format, low_hz: float) -> None:
        super().__init__(source, *frame_sizes(source.sample_rate, window_ms=64, overlap=4))
        self.band = high_pass(np.fft.rfftfreq(len(self.analysis), 1 / source.sample_rate), low_hz)

    def change(self, spectra: Spectra) -> Spectra:
        return np.broadcast_to(self.band * middle(spectra), spectra.shape)


def middle(spectra: Spectra) -> Spectra:
    """Take out what two channels share, bin by bin; (2, frames, bins) in, (1, frames, bins) out.

    With L and R the channels, C = a (L + R) / 2 is the middle that leaves sides at right angles to each other,
    Re((L - C) (R - C)*) = 0, which gives a = 1 - |L - R| / |L + R|, and nothing where that is negative.

    References:
        Vickers, "Frequency-domain two- to three-channel upmix for center channel derivation and speech
        enhancement", AES convention 127 (2009).
    """
    left, right = spectra
    total, apart = left + right, np.abs(left - right)
    size = np.abs(total)
    share = np.maximum(size - apart, 0) / np.maximum(size, np.finfo(np.float32).tiny)
    center: Spectra = (share * total / 2)[None]
    return center


def high_pass(hz: NDArray[np.floating], low_hz: float) -> Gains:
    """Return the gain of a zero-phase high-pass at each frequency: -6 dB at `low_hz`, 48 dB an octave."""
    return (1 / (1 + (low_hz / np.maximum(hz, 1e-3)) ** 8)).astype(np.float32)
