"""The gate: the noisereduce library's spectral gate over long segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_gain
from aural.dsp.segments import SegmentStream
from aural.signals import Block, Format
from aural.stages.noise_reduction.profile import ProfileEngine, density_from_levels
from aural.stream import Stream


@dataclass(frozen=True, kw_only=True)
class GateEngine(ProfileEngine):
    """noisereduce's spectral gate."""

    name, meaning = "gate", "the noisereduce library's spectral gate"
    default_limit_db = 15.0

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        return SpectralGateStream(source, max_attenuation_db, self.measured_noise_dbfs)


class SpectralGateStream(SegmentStream):
    """noisereduce's spectral gate over long segments, each channel for itself.

    Its noise floor looks some seconds to both sides, so segments overlap by that. With a noise profile the stationary
    gate is used, and is given noise of that spectrum. The library's own division into chunks is switched off.
    """

    def __init__(self, source: Format, max_attenuation_db: float, noise_dbfs: Sequence[float] | None) -> None:
        rate = source.sample_rate
        super().__init__(source, segment=20 * rate, context=4 * rate)
        self.noise = None if noise_dbfs is None else noise_like(noise_dbfs, rate)
        self.prop_decrease = 1 - db_to_gain(-max_attenuation_db)

    def process(self, audio: Block) -> Block:
        # the library divides by the noise floor: digital silence would come back as NaN
        return np.stack([self._gate(channel) if channel.any() else channel for channel in audio])

    def _gate(self, channel: NDArray[np.float32]) -> NDArray[np.float32]:
        from noisereduce import reduce_noise

        rate = self.output.sample_rate
        gated: NDArray[np.float32] = reduce_noise(
            channel,
            rate,
            stationary=self.noise is not None,
            y_noise=self.noise,
            prop_decrease=self.prop_decrease,
            n_fft=2 ** round(np.log2(rate * 1024 / 48000)),
            padding=round(rate * 30000 / 48000),
            chunk_size=None,
            n_jobs=1,
        )
        return gated


def noise_like(levels_dbfs: Sequence[float], sample_rate: int, seconds: int = 2) -> NDArray[np.float32]:
    """Make Gaussian noise of a profile's spectrum, always the same."""
    frames = seconds * sample_rate
    density = density_from_levels(levels_dbfs, sample_rate, frames // 2 + 1)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(frames))
    return np.fft.irfft(spectrum * np.sqrt(density * sample_rate / 2), frames).astype(np.float32)
