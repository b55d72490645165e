"""Lower steady noise under a voice: spectral suppression, mains hum, rumble."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from aural.errors import AudioError, ParameterError
from aural.parameters import param
from aural.stage import Block, Effect, Format, Stream, pump
from aural.streaming import Through

BANDS = 48
LIMITS_DB = {"compact": 60.0, "unet": 60.0, "mmse": 15.0, "gate": 15.0}
MUSIC_LIMIT_DB = 4.0  # where music is kept: of what sounds like noise, some is a drum
NETWORKS = ("compact", "unet")
PASSAGE = re.compile(r"\s*(\d{1,9}(?:\.\d*)?)\s*-\s*(\d{1,9}(?:\.\d*)?)\s*")


@dataclass(frozen=True)
class NoiseReduction(Effect):
    """Take away what is not the voice: noise, mains hum, rumble, and the room if asked.

    Raises:
        ParameterError: besides ranges, a passage that ends before it begins, or another number of band levels than
            there are bands.
    """

    name: ClassVar[str] = "noise-reduction"
    suppresses: ClassVar[bool] = True
    models: ClassVar[Mapping[str, str]] = {
        "compact": "voices out of noise and rooms, 48 kHz; comes with AURAL",
        "unet": "voices out of noise, and studio sound, 48 kHz; comes with AURAL",
    }
    training: ClassVar[str | None] = "aural.stages.noise_reduction.train:NoiseReductionTraining"
    evaluation: ClassVar[str | None] = "aural.stages.noise_reduction.evaluate:Evaluation"
    engine: str = param("compact", "How noise is told from signal: a network, the paper's network with studio sound, "
                        "a statistical estimator, or the noisereduce library's spectral gate",
                        choices=("compact", "unet", "mmse", "gate"))  # fmt: skip
    max_attenuation_db: float | None = param(None, "Most that noise is lowered; if not given, as far as suits the "
                                             "engine, and 4 dB where music is kept; 0 leaves only the filters "
                                             "and dereverb", unit="dB",
                                             low=0.0, high=60.0, examples=(12.0,))  # fmt: skip
    dereverb: float = param(0.0, "Share of the room that is taken away with the noise; 0 leaves the room",
                            low=0.0, high=1.0, when={"engine": "compact"})  # fmt: skip
    keep: str = param("voice", "What is not noise: voices alone, or music too", choices=("voice", "music"),
                      when={"engine": "compact"})  # fmt: skip
    studio: float = param(0.5, "Share of the studio sound that the second stage of the unet gives a voice",
                          low=0.0, high=1.0, when={"engine": "unet"})  # fmt: skip
    weights: str | None = param(None, "Weights of one's own training instead of those that come with AURAL: the path "
                                "of a .safetensors file", when={"engine": "compact"})  # fmt: skip
    highpass_hz: float = param(0.0, "Cut-off of a filter against rumble in front; 0 is none",
                               unit="Hz", low=0.0, high=1000.0)  # fmt: skip
    hum_hz: float | None = param(None, "Fundamental of the mains hum that is taken out; 0 is none; not looked for "
                                 "where music is kept: a note that lasts looks the same",
                                 unit="Hz", low=0.0, high=65.0, measured=True)  # fmt: skip
    hum_harmonics: tuple[int, ...] | None = param(None, "Multiples of hum_hz that are taken out", measured=True,
                                                  low=1, high=10000,
                                                  examples=((), (1,)))  # fmt: skip
    noise_profile: str | None = param(None, "Noise alone to learn from: a passage of the recording in seconds, such "
                                      "as 0.5-1.8, or the path of an audio file", examples=("0.0-0.3",),
                                      when={"engine": "mmse"})  # fmt: skip
    measured_noise_dbfs: tuple[float, ...] | None = param(
        None, "Level of the noise in 48 bands of equal width on the ERB scale up to 24 kHz", unit="dBFS",
        low=-400.0, high=400.0, measured=True, examples=((-70.0,) * BANDS,), when={"engine": "mmse"})  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        levels = self.measured_noise_dbfs
        if levels is not None and len(levels) != BANDS:
            raise ParameterError(f"{self.name}: measured_noise_dbfs must be {BANDS} levels in dBFS, got {levels!r}")
        if (passage := self._passage()) and passage[0] >= passage[1]:
            raise ParameterError(f"{self.name}: noise_profile {self.noise_profile} ends before it begins")
        if self.engine in NETWORKS and (self.noise_profile or levels):
            raise ParameterError(f"{self.name}: a noise profile is for the engines mmse and gate, not {self.engine}")
        if self.engine != "compact" and (self.dereverb or self.keep != "voice"):
            raise ParameterError(f"{self.name}: dereverb and keep are for the engine compact")
        if self.engine not in NETWORKS and self.weights:
            raise ParameterError(f"{self.name}: weights are for the engines compact and unet")

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        """A noise level that was given is absolute."""
        return self.measured_noise_dbfs is None

    @property
    def limit_db(self) -> float:
        """Most that noise is lowered, in dB."""
        if self.max_attenuation_db is not None:
            return self.max_attenuation_db
        return MUSIC_LIMIT_DB if self.keep == "music" else LIMITS_DB[self.engine]

    def _unmeasured(self) -> list[str]:
        known = {"hum_harmonics"} if self.hum_hz == 0 else set()
        if self.noise_profile is None:
            known.add("measured_noise_dbfs")
        return [name for name in super()._unmeasured() if name not in known]

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        stage = self._measure_hum(blocks, source)
        if self.noise_profile is None or self.measured_noise_dbfs is not None:
            return stage
        return replace(stage, measured_noise_dbfs=stage._noise_levels(blocks, source))

    def _measure_hum(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.meters.hum import HumMeter

        if self.hum_hz == 0 or None not in (self.hum_hz, self.hum_harmonics):
            return self
        if self.hum_hz is None and self.keep == "music":
            return replace(self, hum_hz=0.0)
        meter = HumMeter(source)
        for block in blocks:
            meter.update(block)
        hum = meter.compute(self.hum_hz)
        given = self.hum_harmonics
        return replace(self, hum_hz=hum.frequency_hz, hum_harmonics=hum.harmonics if given is None else given)

    def _noise_levels(self, blocks: Iterable[Block], source: Format) -> tuple[float, ...]:
        """Measure the noise behind the filters, where the engine meets it."""
        from aural.stages.noise_reduction.streams import noise_levels

        passage = self._passage()
        if passage is None:
            blocks, source = self._noise_file()
        heard = pump(self._filters(source), blocks)
        levels = noise_levels(heard if passage is None else self._cut(heard, passage, source), source)
        if levels is None:
            raise ParameterError(f"{self.name}: noise_profile {self.noise_profile} is shorter than 0.1 s")
        return levels

    def _cut(self, blocks: Iterable[Block], passage: tuple[float, float], source: Format) -> Iterator[Block]:
        start, end = (round(second * source.sample_rate) for second in passage)
        position = 0
        for block in blocks:
            yield block[:, max(0, start - position) : max(0, end - position)]
            position += block.shape[-1]
            if position >= end:
                return
        length = f"{position / source.sample_rate:.2f} s"
        raise ParameterError(f"{self.name}: noise_profile {self.noise_profile} ends behind the recording of {length}")

    def _noise_file(self) -> tuple[Iterable[Block], Format]:
        from aural.audio.files import open_audio

        assert self.noise_profile is not None
        try:
            file = open_audio(self.noise_profile)
        except AudioError as error:
            wanted = "a passage in seconds such as 0.5-1.8 or an audio file"
            raise ParameterError(f"{self.name}: noise_profile must be {wanted}; {error}") from error
        return file, file.format

    def _passage(self) -> tuple[float, float] | None:
        """Read noise_profile as a passage, in seconds; None where it is not one."""
        match = PASSAGE.fullmatch(self.noise_profile or "")
        return (float(match[1]), float(match[2])) if match else None

    def _filters(self, source: Format) -> Stream:
        from aural.stages.noise_reduction import dsp, streams

        lines = self.hum_hz or 0.0, self.hum_harmonics or ()
        sections = dsp.filter_sections(source.sample_rate, self.highpass_hz, *lines)
        return streams.FilterStream(source, sections) if len(sections) else Through(source)

    def stream(self, source: Format) -> Stream:
        return Cleaner(self._filters(source), self._engine(source))

    def _engine(self, source: Format) -> Stream:
        if self.limit_db == 0 and self.dereverb == 0:
            return Through(source)
        if self.engine in NETWORKS:
            return self._network(source)
        from aural.stages.noise_reduction import streams

        engine = {"mmse": streams.MmseStream, "gate": streams.GateStream}[self.engine]
        return engine(source, self.limit_db, self.measured_noise_dbfs)

    def _network(self, source: Format) -> Stream:
        from aural.learning.weights import shipped

        path = Path(self.weights) if self.weights else shipped(__package__, self.engine)
        if self.engine == "unet":
            from aural.stages.noise_reduction.unet_stream import open_unet

            return open_unet(source, path, self.limit_db, self.studio)
        from aural.stages.noise_reduction.compact_stream import open_compact

        return open_compact(source, path, self.limit_db, self.dereverb, self.keep == "music")


class Cleaner(Stream):
    """Filters, then an engine."""

    def __init__(self, filters: Stream, engine: Stream) -> None:
        super().__init__(engine.output)
        self.filters, self.engine = filters, engine

    def push(self, block: Block) -> Block:
        return self.engine.push(self.filters.push(block))

    def flush(self) -> Block:
        return np.concatenate([self.engine.push(self.filters.flush()), self.engine.flush()], axis=-1)
