"""The parts of a run: filters with their memory, the two engines, and the noise profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt, sosfilt_zi

from aural.stage import Block, Format, Stream
from aural.stages.noise_reduction import dsp
from aural.streaming import FrameStream, Queue, SegmentStream, Spectra, frame_sizes

SLAB = 65536
LISTEN_S = 0.5  # of signal that the first guess of the noise is made from
TOLERANCE = 4.0  # a given noise power may be tracked up and down by this factor, 6 dB
NEIGHBOURHOOD_HZ = 320.0


class FilterStream(Stream):
    """Second-order sections with their state, in double precision.

    They begin as if the first frame had always been there: an offset goes without a thump.
    """

    def __init__(self, source: Format, sections: NDArray[np.float64]) -> None:
        super().__init__(source)
        self.sections = sections
        self.state: NDArray[np.float64] | None = None

    def push(self, block: Block) -> Block:
        if self.state is None and block.shape[-1]:
            self.state = sosfilt_zi(self.sections)[:, np.newaxis] * block[:, :1].astype(np.float64)
        out = np.empty_like(block)
        for start in range(0, block.shape[-1], SLAB):
            piece = block[:, start : start + SLAB].astype(np.float64)
            out[:, start : start + SLAB], self.state = sosfilt(self.sections, piece, zi=self.state)
        return out


class MmseStream(FrameStream):
    """Log-spectral amplitude estimator over short frames.

    One gain, found from the mean power of all channels, for all of them: were each to follow its own noise, the
    gains would part and the sound image would wander.
    """

    def __init__(self, source: Format, max_attenuation_db: float, noise_dbfs: Sequence[float] | None) -> None:
        window, hop = frame_sizes(source.sample_rate, window_ms=32, overlap=2)
        super().__init__(source, window, hop)
        bins = window // 2 + 1
        self.hop_s = hop / source.sample_rate
        self.floor = 10 ** (-max_attenuation_db / 20)
        self.reach = max(1, round(NEIGHBOURHOOD_HZ * window / source.sample_rate))
        self.lowest, self.highest = np.zeros(bins, np.float32), np.full(bins, np.inf, np.float32)
        if noise_dbfs is not None:
            density = dsp.density_from_levels(noise_dbfs, source.sample_rate, bins)
            power = density * source.sample_rate / 2 * np.sum(self.analysis.astype(np.float64) ** 2)
            self.lowest = (power / TOLERANCE).astype(np.float32)
            self.highest = (power * TOLERANCE).astype(np.float32)
        self.noise, self.presence = np.zeros(bins, np.float32), np.full(bins, 0.5, np.float32)
        self.speech = np.zeros(bins, np.float32)
        self.listening = True
        self.held = np.zeros((source.channels, 0, bins), np.complex64)

    def change(self, spectra: Spectra) -> Spectra:
        if not self.listening:
            return self._suppress(spectra)
        self.held = np.concatenate([self.held, spectra], axis=1)
        return self._begin() if self.held.shape[1] * self.hop_s >= LISTEN_S else self.held[:, :0]

    def finish(self) -> Spectra | None:
        return self._begin() if self.listening else None

    def _begin(self) -> Spectra:
        """Guess the noise from the frames held back, and let them go."""
        listened = 1 + int(LISTEN_S / self.hop_s)
        self.noise = np.clip(dsp.first_noise(_power(self.held[:, :listened])), self.lowest, self.highest)
        self.listening, spectra = False, self.held
        self.held = spectra[:, :0]
        return self._suppress(spectra)

    def _suppress(self, spectra: Spectra) -> Spectra:
        return spectra * dsp.suppress(
            _power(spectra), self.noise, self.presence, self.speech, self.lowest, self.highest,
            self.floor, self.reach, self.hop_s,
        )  # fmt: skip


def _power(spectra: Spectra) -> dsp.Power:
    """Return the mean power of the channels, shape (frames, bins)."""
    return np.mean(spectra.real**2 + spectra.imag**2, axis=0)


class GateStream(SegmentStream):
    """noisereduce's spectral gate over long segments, each channel for itself.

    Its noise floor looks some seconds to both sides, so segments overlap by that. With a noise profile the gate
    is its stationary one, and hears noise of that spectrum; its own chunks are switched off.
    """

    def __init__(self, source: Format, max_attenuation_db: float, noise_dbfs: Sequence[float] | None) -> None:
        rate = source.sample_rate
        super().__init__(source, segment=20 * rate, context=4 * rate)
        self.noise = None if noise_dbfs is None else noise_like(noise_dbfs, rate)
        self.prop_decrease = 1 - 10 ** (-max_attenuation_db / 20)

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
    density = dsp.density_from_levels(levels_dbfs, sample_rate, frames // 2 + 1)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(frames))
    return np.fft.irfft(spectrum * np.sqrt(density * sample_rate / 2), frames).astype(np.float32)


def noise_levels(blocks: Iterable[Block], source: Format) -> tuple[float, ...] | None:
    """Measure the band levels of noise, mean over channels; None where there is less than a tenth of a second."""
    window = max(2, round(0.1 * source.sample_rate))
    hop, shape = window // 2, np.hanning(window + 1)[:-1]
    total, count, queue = np.zeros(window // 2 + 1), 0, Queue()
    for block in blocks:
        queue.append(block)
        while queue.frames >= window:
            spectrum = np.fft.rfft(queue.peek(window) * shape)
            total += np.mean(np.abs(spectrum) ** 2, axis=0)
            count += 1
            queue.take(hop)
    if not count:
        return None
    density = total / count / np.sum(shape**2) / source.sample_rate * 2
    return dsp.levels_from_density(density, source.sample_rate)
