"""Frequency generation: the parameters, and how a run is put together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from aural.advice import Decision, Wishes, with_treble
from aural.dsp.resampling import KEPT, resampler, whole_rate
from aural.engine import chosen, engine_param
from aural.parameters import param
from aural.signals import Block, Format
from aural.stage import Effect
from aural.stages.frequency_generation.engine import Damage, GenerationEngine
from aural.stages.frequency_generation.engines import ENGINES, Parameters
from aural.stream import Stream, Through

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

log = logging.getLogger("aural")

WHOLE = 0.03  # share of holes below which a recording counts as undamaged
WIDE = 0.05  # the same where nothing is cut off: a codec that leaves holes mostly has a low-pass too
SLIGHT, SLIGHT_HZ = 0.1, 14000.0  # fewer holes, and nothing cut off below: at 96 kbit/s or more


@dataclass(frozen=True)
class FrequencyGeneration(Parameters, Effect):
    """Fill what a codec removed: holes in the spectrum and the band above its low-pass.

    What the codec kept does not change, and an undamaged recording is returned bit for bit. A sample rate below
    44.1 kHz becomes 48 kHz, and what it could not hold is filled too. Other seeds give other fills of the same kind.
    """

    name: ClassVar[str] = "frequency-generation"
    measuring: ClassVar[int] = 2
    engines: ClassVar[tuple[type[GenerationEngine], ...]] = ENGINES
    grants: ClassVar[Sequence[str]] = ("treble",)
    training: ClassVar[str | None] = "aural.stages.frequency_generation.train:FrequencyGenerationTraining"
    evaluation: ClassVar[str | None] = "aural.stages.frequency_generation.evaluate:FrequencyGenerationEvaluation"

    engine: str = engine_param(ENGINES, "Method that fills what is missing")
    cutoff_hz: float | None = param(
        None, "Cut-off frequency of the codec's low-pass", unit="Hz", low=100.0, high=192000.0,
        measured=True
    )  # fmt: skip
    holes: float | None = param(
        None, "Fraction of the spectrum below the cut-off that consists of holes; below 3 % none are filled, where "
        "nothing is cut off, below 5 %",
        low=0.0, high=1.0, measured=True
    )  # fmt: skip
    ceiling_hz: float = param(20000.0, "Upper limit of the filled band", unit="Hz", low=2500.0, high=96000.0)
    level_db: float = param(
        0.0,
        "Level of the fill relative to the level predicted from its surroundings",
        unit="dB",
        low=-24.0,
        high=12.0,
    )

    def advise(self, diagnosis: Diagnosis) -> Decision:
        sample_rate = diagnosis.format.sample_rate
        end_hz = diagnosis.bandwidth.lowpass_hz or 0.5 * sample_rate
        cut = end_hz < 0.5 * whole_rate(sample_rate)
        if not (diagnosis.coded and cut):
            return Decision(self.name, None, "no trace of a codec at a low bit rate")
        return Decision(self.name, self, f"cut off at {end_hz / 1000:.1f} kHz, as by a codec")

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        return with_treble(self, decision, wishes)

    def informed(self, diagnosis: Diagnosis) -> Self:
        return self if self.cutoff_hz else replace(self, cutoff_hz=diagnosis.bandwidth.lowpass_hz)

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.bandwidth.meter import BandwidthMeter
        from aural.stages.frequency_generation.stream import share_of_holes

        ready = self
        if ready.cutoff_hz is None:
            meter = BandwidthMeter(source)
            for block in blocks:
                meter.update(block)
            ready = replace(ready, cutoff_hz=meter.compute().lowpass_hz or source.sample_rate / 2)
        if ready.holes is None:
            share = share_of_holes(blocks, source, ready._known(source))
            ready = replace(ready, holes=share)
        log.info(
            "%s: cut off at %.1f kHz, %.1f %% of the spectrum below is holes%s",
            self.name, ready._known(source) / 1000, 100 * (ready.holes or 0),
            "" if ready._damaged(source) else ": undamaged, left as it is",
        )  # fmt: skip
        return ready

    def stream(self, source: Format) -> Stream:
        from aural.dsp.spectra import BesideStream

        if not self._damaged(source):
            return Through(source)
        front = resampler(source, whole_rate(source.sample_rate))
        damage = Damage(
            self._known(source), self._ceiling(source), self._porous(source), self._slight(source), self.level_db
        )
        return BesideStream(front, [chosen(ENGINES, self.engine, self).stream(front.output, damage)])

    def _ceiling(self, source: Format) -> float:
        return min(self.ceiling_hz, 0.5 * whole_rate(source.sample_rate))

    def _known(self, source: Format) -> float:
        """Return where the spectrum ends; the ceiling, where nothing audible is missing below it."""
        assert self.cutoff_hz is not None
        raised = whole_rate(source.sample_rate) > source.sample_rate
        end_hz = min(self.cutoff_hz, KEPT * source.sample_rate) if raised else self.cutoff_hz
        return end_hz if end_hz < 0.97 * self._ceiling(source) else self._ceiling(source)

    def _cut_off(self, source: Format) -> bool:
        return self._known(source) < self._ceiling(source)

    def _porous(self, source: Format) -> bool:
        assert self.holes is not None
        return self.holes >= (WHOLE if self._cut_off(source) else WIDE)

    def _slight(self, source: Format) -> bool:
        assert self.holes is not None
        return self.holes < SLIGHT and self._known(source) >= SLIGHT_HZ

    def _damaged(self, source: Format) -> bool:
        return self._cut_off(source) or self._porous(source)
