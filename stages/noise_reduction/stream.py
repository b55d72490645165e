"""The stream that subtracts mains hum from music; engines have their own streams (`engines/`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aural.dsp.segments import SegmentStream
from aural.signals import Block, Format

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]

HOP_S = 0.25
FRAME = 4  # hops
REACH = 32  # hops to both sides over which a line is fitted: 8 s
SEGMENT = 32  # hops
DRIFT_HZ = np.linspace(-0.04, 0.04, 65)  # of the fundamental against the given frequency
BESIDE_HZ = 2.0  # distance from a line at which the level of music is measured
ROUNDS = 6  # of reweighting
TRUST = 4.0  # standard errors: a weaker line is left alone
OVERLAP = 2.5  # factor on the variance, as frames that overlap are not independent
SILENT_S = 0.01
TINY = 1e-24
WIDE = 128  # samples of a sinusoid computed at once


class HumStream(SegmentStream):
    """Fits sinusoids of steady level and drift to the harmonics, over 16 s around each quarter of a second.

    A frame of one second has the less weight, the more music there is beside its line and the worse it fits. So hum
    is measured where the music pauses, and a bass note at the same frequency stays. A line whose level is uncertain
    is subtracted in part or not at all. Digital silence stays silent. Latency: 17 s.

    Args:
        hum_hz: the fundamental, to within 0.04 Hz.
    """

    def __init__(self, source: Format, hum_hz: float, harmonics: Sequence[int]) -> None:
        self.rate = source.sample_rate
        self.hop = round(HOP_S * self.rate)
        super().__init__(source, SEGMENT * self.hop, (REACH + FRAME) * self.hop)
        self.numbers = np.array([n for n in harmonics if n * hum_hz < 0.49 * self.rate], np.float64)
        self.lines_hz = self.numbers * hum_hz
        frames = FRAME * self.hop
        window = np.hanning(frames + 1)[:-1]
        time = (np.arange(frames) - frames / 2) / self.rate
        hz = np.concatenate([self.lines_hz, self.lines_hz - BESIDE_HZ, self.lines_hz + BESIDE_HZ])
        kernels = 2 / window.sum() * window[:, None] * np.exp(-2j * np.pi * time[:, None] * hz)
        self.kernels = np.concatenate([kernels.real, kernels.imag], axis=1).astype(np.float32)
        turns = np.arange(-REACH, REACH + 1) * self.hop / self.rate
        self.rotations = np.exp(-2j * np.pi * DRIFT_HZ[:, None, None] * turns[:, None] * self.numbers)

    def process(self, audio: Block) -> Block:
        count = audio.shape[-1] // self.hop - FRAME + 1
        if count < 1 or not self.numbers.size:
            return audio
        lines, beside = self._measured(audio, count)
        hum = np.zeros(audio.shape)
        for frame in range(count):
            near = np.arange(max(0, frame - REACH), min(count, frame + REACH + 1))
            drift_hz, level = self._fitted(lines[:, near], beside[:, near], near - frame)
            centre = (frame + FRAME // 2) * self.hop
            begin = centre - self.hop if frame else 0
            end = centre + self.hop if frame < count - 1 else audio.shape[-1]
            steps = np.arange(begin, end) - centre
            share = 1 - np.abs(steps) / self.hop
            share[: -begin + centre if not frame else 0] = 1  # nothing lies before the first or after the last
            share[centre - begin if frame == count - 1 else end :] = 1
            turn = (self.lines_hz + self.numbers * drift_hz) / self.rate
            level = level * np.exp(2j * np.pi * (self.lines_hz / self.rate * centre + turn * (begin - centre)))
            hum[:, begin:end] += share * _waves(level, turn, end - begin)
        return np.asarray(audio - np.where(self._silent(audio), 0, hum), np.float32)

    def _measured(self, audio: Block, count: int) -> tuple[Complex, Floats]:
        """Return the complex level of each line in each frame, and the power beside it, (channels, frames, lines)."""
        frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME * self.hop, axis=-1)[:, :: self.hop][:, :count]
        real, imaginary = np.split((frames @ self.kernels).astype(np.float64), 2, axis=-1)
        lines, *beside = np.split(real + 1j * imaginary, 3, axis=-1)
        centres = (np.arange(count) + FRAME / 2) * self.hop / self.rate
        lines = lines * np.exp(-2j * np.pi * centres[:, None] * self.lines_hz)
        power = np.mean(np.abs(beside) ** 2, axis=0)
        power[~frames.any(axis=-1)] = np.inf  # digital silence does not count
        return lines, power

    def _fitted(self, lines: Complex, beside: Floats, places: NDArray[np.int64]) -> tuple[float, Complex]:
        """Return the drift, and the level of each line at the centre, shape (channels, lines)."""
        weights = 1 / (beside + 0.1 * np.median(beside, axis=1, keepdims=True) + TINY)
        total = weights.sum(axis=1)
        rotations = self.rotations[:, REACH + places]
        sums = np.einsum("cmk,dmk->dck", weights * lines, rotations)
        best = int((np.abs(sums) ** 2 / np.maximum(total, TINY)).sum(axis=(1, 2)).argmax())
        still = lines * rotations[best]
        quiet = np.abs(still) <= np.quantile(np.abs(still), 1 / 3, axis=1, keepdims=True)
        used = weights * quiet
        for _ in range(ROUNDS):
            level = (used * still).sum(axis=1) / np.maximum(used.sum(axis=1), TINY)
            off = np.abs(still - level[:, None]) ** 2
            used = weights / (1 + weights * off)
        error = OVERLAP * (used**2 * off).sum(axis=1) / np.maximum(used.sum(axis=1), TINY) ** 2
        sure = np.clip(1 - TRUST**2 * error / np.maximum(np.abs(level) ** 2, TINY), 0, 1)
        return float(DRIFT_HZ[best]), sure * level

    def _silent(self, audio: Block) -> NDArray[np.bool_]:
        """Say which samples lie in digital silence."""
        width = max(1, round(SILENT_S * self.rate))
        whole = -(-audio.shape[-1] // width) * width
        still = ~np.pad(audio, ((0, 0), (0, whole - audio.shape[-1]))).reshape(len(audio), -1, width).any(axis=-1)
        return np.repeat(still, width, axis=-1)[:, : audio.shape[-1]]


def _waves(level: Complex, turn: Floats, frames: int) -> Floats:
    """Return sums of sinusoids, (channels, frames), that begin at complex levels, (channels, lines)."""
    long, short = np.arange(0, frames, WIDE), np.arange(WIDE)
    slow = level[:, None] * np.exp(2j * np.pi * long[:, None] * turn)
    fast = np.exp(2j * np.pi * turn[:, None] * short)
    return (slow @ fast).real.reshape(len(level), -1)[:, :frames]
