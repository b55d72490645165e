"""Late reverberation, predicted from what was heard before and subtracted.

What a room adds can be predicted linearly from the past of each STFT bin; what a voice says next cannot. The last
frames, in which the voice itself goes on, are left out, and weak frames count as much as loud ones.

Source: Nakatani, Yoshioka, Kinoshita, Miyoshi, Juang: Speech dereverberation based on variance-normalized delayed
linear prediction (weighted prediction error, WPE), IEEE Trans. ASLP 18(7), 2010. Here in blocks whose sums
are forgotten slowly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.dsp.frames import Spectra
from aural.signals import Block
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE

BLOCK = 128  # frames that share one filter, 2 s
DELAY, TAPS = 3, 20  # frames: what lies 50 ms to 0.35 s back predicts the room
MEMORY_S = 10.0
TOP = 384  # bins, up to 12 kHz; above, air and walls swallow the room
WEAKEST = 1e-3  # of the mean power of a bin; what is weaker weighs no more
SILENT = 1e-20  # power
LOADING = 1e-2  # of the mean power, added so that the equations can be solved

Sums = NDArray[np.complex64]


class RoomPrediction:
    """Predicts the late reverberation of one channel, block by block."""

    def __init__(self) -> None:
        self.past = np.zeros((TOP, TAPS + DELAY), np.complex64)
        self.before = np.zeros((TOP, 1), np.float32)
        """Power of the last frame, without its reverberation."""
        self.mean = np.zeros((TOP, 1), np.float32)
        self.weight = 0.0
        self.covariance: Sums = np.zeros((TOP, TAPS, TAPS), np.complex64)
        self.correlation: Sums = np.zeros((TOP, TAPS, 1), np.complex64)
        self.filters: Sums = np.zeros((TOP, 1, TAPS), np.complex64)

    def __call__(self, spectra: Spectra) -> Spectra:
        """Return the late reverberation in the next frames, shape (bins, frames)."""
        frames = spectra.shape[1]
        heard = np.concatenate([self.past, spectra], axis=1)
        delayed = np.stack([heard[:, TAPS - tap : TAPS - tap + frames] for tap in range(TAPS)], axis=1)
        kept = np.exp(-frames * HOP / SAMPLE_RATE / MEMORY_S)
        self.mean = (kept * self.weight * self.mean + frames * _power(spectra).mean(1, keepdims=True)) / (
            kept * self.weight + frames
        )
        self.weight = kept * self.weight + frames
        dry = _power(spectra - (self.filters @ delayed)[:, 0])
        near = (dry + np.concatenate([self.before, dry[:, :-1]], axis=1)) / 2
        weighted = delayed / np.maximum(near, WEAKEST * self.mean + SILENT)[:, np.newaxis]
        self.covariance = np.float32(kept) * self.covariance + weighted @ delayed.conj().transpose(0, 2, 1)
        self.correlation = np.float32(kept) * self.correlation + weighted @ spectra.conj()[..., np.newaxis]
        self.filters = _solved(self.covariance, self.correlation)
        late: Spectra = (self.filters @ delayed)[:, 0]
        self.before = _power(spectra - late)[:, -1:]
        self.past = heard[:, -(TAPS + DELAY) :]
        return late


def _solved(covariance: Sums, correlation: Sums) -> Sums:
    loading = LOADING * np.trace(covariance, axis1=1, axis2=2).real / TAPS + SILENT
    loaded = covariance + loading[:, np.newaxis, np.newaxis] * np.eye(TAPS, dtype=np.complex64)
    solved: Any = np.linalg.solve(loaded, correlation)
    return np.ascontiguousarray(solved.conj().transpose(0, 2, 1), np.complex64)


def _power(spectra: Spectra) -> Block:
    return np.square(spectra.real) + np.square(spectra.imag)
