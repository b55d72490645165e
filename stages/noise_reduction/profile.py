"""The noise profile: a noise-only passage, stored as band levels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power
from aural.errors import AudioError, ParameterError
from aural.parameters import param
from aural.signals import Block, Format
from aural.stages.noise_reduction.engine import NAME, Filters, NoiseEngine
from aural.stream import Queue

BANDS = 48
PASSAGE = re.compile(r"\s*(\d{1,9}(?:\.\d*)?)\s*-\s*(\d{1,9}(?:\.\d*)?)\s*")

Real = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ProfileParameters:
    """The parameters of an engine that uses a noise profile."""

    noise_profile: str | None = param(None, "Noise profile, taken from a noise-only passage of the recording in "
                                      "seconds, such as 0.5-1.8, or from an audio file",
                                      examples=("0.0-0.3",))  # fmt: skip
    measured_noise_dbfs: tuple[float, ...] | None = param(
        None, "Noise level in 48 bands of equal width on the ERB scale up to 24 kHz", unit="dBFS",
        low=-400.0, high=400.0, measured=True, examples=((-70.0,) * BANDS,))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ProfileEngine(ProfileParameters, NoiseEngine):
    """An engine that uses a noise profile, if there is one.

    Raises:
        ParameterError: a passage ends before it begins, or there is another number of levels than of bands.
    """

    def __post_init__(self) -> None:
        levels = self.measured_noise_dbfs
        if levels is not None and len(levels) != BANDS:
            raise ParameterError(
                f"measured_noise_dbfs must be {BANDS} levels in dBFS, got {levels!r}",
                stage=NAME,
                parameter="measured_noise_dbfs",
            )
        if (passage := self._passage()) and passage[0] >= passage[1]:
            raise ParameterError(
                f"noise_profile {self.noise_profile} ends before it begins", stage=NAME, parameter="noise_profile"
            )

    @property
    def level_independent(self) -> bool:
        """False if a noise level was given, as it is absolute."""
        return self.measured_noise_dbfs is None

    @property
    def ready(self) -> bool:
        return self.noise_profile is None or self.measured_noise_dbfs is not None

    def measure(self, filters: Filters, blocks: Iterable[Block], source: Format) -> Mapping[str, Any]:
        """Measure the noise behind the filters, where the engine meets it."""
        if self.ready:
            return {}
        passage = self._passage()
        if passage is None:
            blocks, source = self._noise_file()
        filtered = filters(blocks, source)
        levels = noise_levels(filtered if passage is None else self._cut(filtered, passage, source), source)
        if levels is None:
            raise ParameterError(
                f"noise_profile {self.noise_profile} is shorter than 0.1 s", stage=NAME, parameter="noise_profile"
            )
        return {"measured_noise_dbfs": levels}

    def _cut(self, blocks: Iterable[Block], passage: tuple[float, float], source: Format) -> Iterator[Block]:
        start, end = (round(second * source.sample_rate) for second in passage)
        position = 0
        for block in blocks:
            yield block[:, max(0, start - position) : max(0, end - position)]
            position += block.shape[-1]
            if position >= end:
                return
        length = f"{position / source.sample_rate:.2f} s"
        raise ParameterError(
            f"noise_profile {self.noise_profile} ends behind the recording of {length}",
            stage=NAME,
            parameter="noise_profile",
        )

    def _noise_file(self) -> tuple[Iterable[Block], Format]:
        from aural.audio.files import open_audio

        assert self.noise_profile is not None
        try:
            file = open_audio(self.noise_profile)
        except AudioError as error:
            wanted = "a passage in seconds such as 0.5-1.8 or an audio file"
            raise ParameterError(
                f"noise_profile must be {wanted}; {error}", stage=NAME, parameter="noise_profile"
            ) from error
        return file, file.format

    def _passage(self) -> tuple[float, float] | None:
        """Read noise_profile as a passage, in seconds; None where it is not one."""
        match = PASSAGE.fullmatch(self.noise_profile or "")
        return (float(match[1]), float(match[2])) if match else None


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
    return levels_from_density(density, source.sample_rate)


def _erb_rate(hz: Any) -> Any:
    """Convert Hz to the number of ERBs below (Glasberg and Moore 1990)."""
    return 21.4 * np.log10(1 + 0.00437 * np.asarray(hz))


def band_edges() -> Real:
    """Return the edges of the bands of a noise profile in Hz, equally wide on the ERB scale, up to 24 kHz."""
    return np.asarray((10 ** (np.linspace(0, _erb_rate(24000.0), BANDS + 1) / 21.4) - 1) / 0.00437)


def levels_from_density(density: Real, sample_rate: int) -> tuple[float, ...]:
    """Sum a power density, full scale squared per Hz from 0 to half the rate, into band levels in dBFS."""
    hz = np.linspace(0, sample_rate / 2, len(density))
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(hz))])
    power = np.diff(np.interp(band_edges(), hz, cumulative))
    return tuple(round(float(level), 2) for level in 10 * np.log10(np.maximum(power, 1e-20)))


def density_from_levels(levels: Sequence[float], sample_rate: int, bins: int) -> Real:
    """Return the power density at so many frequencies from 0 to half the rate; the top band goes on above 24 kHz."""
    edges = band_edges()
    per_hz = np.asarray(levels) - 10 * np.log10(np.diff(edges))
    hz = np.linspace(0, sample_rate / 2, bins)
    return np.asarray(db_to_power(np.interp(_erb_rate(hz), _erb_rate((edges[1:] + edges[:-1]) / 2), per_hz)))
