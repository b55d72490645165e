"""Noise reduction: attenuates noise, mains hum and rumble under a voice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, Self

from aural.advice import Decision, Wishes
from aural.engine import chosen, engine_param
from aural.parameters import param
from aural.signals import Block, Format
from aural.stage import Effect
from aural.stages.noise_reduction.engine import NAME, NoiseEngine
from aural.stages.noise_reduction.engines import ENGINES, Parameters
from aural.stream import Series, Stream, Through, pump

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis


@dataclass(frozen=True)
class NoiseReduction(Parameters, Effect):
    """Remove what is not the voice: noise, mains hum, rumble and, on request, reverberation.

    Raises:
        ParameterError: besides ranges, what the engine refuses.
    """

    name: ClassVar[str] = NAME
    described_as: ClassVar[Sequence[str]] = ("denoise", "denoiser", "dereverb", "dehum")
    engines: ClassVar[tuple[type[NoiseEngine], ...]] = ENGINES
    suppresses: ClassVar[bool] = True
    grants: ClassVar[Sequence[str]] = ("noise_reduction", "dereverb", "music")
    training: ClassVar[str | None] = "aural.stages.noise_reduction.train:NoiseReductionTraining"
    evaluation: ClassVar[str | None] = "aural.stages.noise_reduction.evaluate:NoiseReductionEvaluation"
    engine: str = engine_param(ENGINES, "Method that separates noise from signal")
    max_attenuation_db: float | None = param(None, "Maximum attenuation of noise; if not given, the engine's own "
                                             "limit, or 4 dB where music is kept; 0 leaves only the filters and "
                                             "dereverberation", unit="dB",
                                             low=0.0, high=60.0, examples=(12.0,))  # fmt: skip
    highpass_hz: float = param(0.0, "Cut-off of a high-pass against rumble, before the engine; 0 is off",
                               unit="Hz", low=0.0, high=1000.0)  # fmt: skip
    hum_hz: float | None = param(None, "Fundamental of the mains hum to remove; 0 is off. Where music is kept, hum "
                                 "is not detected, because a sustained note looks the same",
                                 unit="Hz", low=0.0, high=65.0, measured=True)  # fmt: skip
    hum_harmonics: tuple[int, ...] | None = param(None, "Harmonics to remove, as multiples of hum_hz", measured=True,
                                                  low=1, high=10000,
                                                  examples=((), (1,)))  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        self._chosen()

    def _chosen(self) -> NoiseEngine:
        return chosen(ENGINES, self.engine, self)

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        """Whether scaling the input scales the output by the same factor."""
        return self._chosen().level_independent

    @property
    def limit_db(self) -> float:
        """Limit of the attenuation of noise, in dB."""
        return self._chosen().limit_db if self.max_attenuation_db is None else self.max_attenuation_db

    def advise(self, diagnosis: Diagnosis) -> Decision:
        from aural.stages.noise_reduction.advice import advise

        return advise(self, diagnosis)

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        from aural.stages.noise_reduction.advice import granted

        return granted(self, decision, diagnosis, wishes)

    def _unmeasured(self) -> list[str]:
        known = {"hum_harmonics"} if self.hum_hz == 0 else set()
        if (engine := self._chosen()).ready:
            known |= {field.name for field in fields(engine)}
        return [name for name in super()._unmeasured() if name not in known]

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        stage = self._measure_hum(blocks, source)
        measured = stage._chosen().measure(lambda audio, of: pump(stage._filters(of), audio), blocks, source)
        return replace(stage, **measured) if measured else stage

    def _measure_hum(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.hum import HumMeter

        if self.hum_hz == 0 or None not in (self.hum_hz, self.hum_harmonics):
            return self
        if self.hum_hz is None and self._chosen().keeps_music:
            return replace(self, hum_hz=0.0)
        meter = HumMeter(source)
        for block in blocks:
            meter.update(block)
        hum = meter.compute(self.hum_hz)
        given = self.hum_harmonics
        return replace(self, hum_hz=hum.frequency_hz, hum_harmonics=hum.harmonics if given is None else given)

    def _filters(self, source: Format) -> Stream:
        from aural.dsp.biquads import BiquadStream
        from aural.stages.noise_reduction.filters import filter_sections
        from aural.stages.noise_reduction.stream import HumStream

        lines = self.hum_hz or 0.0, self.hum_harmonics or ()
        subtracted = bool(lines[0] and lines[1]) and self._chosen().meets_music
        sections = filter_sections(source.sample_rate, self.highpass_hz, *((0.0, ()) if subtracted else lines))
        filters = BiquadStream(source, sections, settled=True) if sections else Through(source)
        return Series([filters, HumStream(source, *lines)], source) if subtracted else filters

    @property
    def does_nothing(self) -> bool:
        """Whether the output is the input: no filter, no hum, and an engine that does nothing."""
        return self._chosen().does_nothing(self.limit_db) and self.hum_hz == 0 and self.highpass_hz == 0

    def stream(self, source: Format) -> Stream:
        engine = self._chosen()
        idle = engine.does_nothing(self.limit_db)
        working = Through(source) if idle else engine.stream(source, self.limit_db)
        return Series([self._filters(source), working], source)
