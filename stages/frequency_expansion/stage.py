"""Frequency expansion: the parameters, and how a run is put together."""

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
from aural.stages.frequency_expansion.engine import ExpansionEngine, NewBand
from aural.stages.frequency_expansion.engines import ENGINES, Parameters
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

log = logging.getLogger("aural")

HIGHEST_HZ = 192000.0
AUDIBLE_HZ = 20000.0  # a recording that reaches higher lacks nothing


@dataclass(frozen=True)
class FrequencyExpansion(Parameters, Effect):
    """Add plausible treble to a band-limited recording.

    A network extends the spectrum, or the band below the cut-off is copied upwards. Below the cut-off nothing
    changes, and a recording without a cut-off is returned bit for bit.
    """

    name: ClassVar[str] = "frequency-expansion"
    described_as: ClassVar[Sequence[str]] = ("expand", "bandwidth-extension", "super-resolution", "upsample")
    engines: ClassVar[tuple[type[ExpansionEngine], ...]] = ENGINES
    grants: ClassVar[Sequence[str]] = ("treble",)
    training: ClassVar[str | None] = "aural.stages.frequency_expansion.train:FrequencyExpansionTraining"
    evaluation: ClassVar[str | None] = "aural.stages.frequency_expansion.evaluate:FrequencyExpansionEvaluation"

    engine: str = engine_param(ENGINES, "Method that generates the new band")
    cutoff_hz: float | None = param(None, "Cut-off frequency of the recording", unit="Hz",
                                    low=100.0, high=HIGHEST_HZ, measured=True)  # fmt: skip
    sample_rate: int | None = param(None, "Sample rate of the output, if above that of the recording; if not "
                                    "given, 48000 for recordings below 44100", unit="Hz", low=8000, high=384000,
                                    examples=(96000,))  # fmt: skip
    ceiling_hz: float = param(24000.0, "Upper limit of the new band", unit="Hz", low=2000.0,
                              high=96000.0)  # fmt: skip
    level_db: float = param(0.0, "Level of the new band relative to the level predicted from the band below",
                            unit="dB", low=-24.0, high=12.0)  # fmt: skip

    def advise(self, diagnosis: Diagnosis) -> Decision:
        reach = f"{diagnosis.bandwidth.cutoff_hz / 1000:.1f} kHz"
        if diagnosis.neither:
            return Decision(self.name, None, "neither speech nor music")
        if diagnosis.ends_naturally:
            return Decision(self.name, None, f"the spectrum ends at {reach}, perhaps as the instruments do")
        if not diagnosis.dull:
            return Decision(self.name, None, f"the spectrum reaches {reach}")
        return Decision(self.name, self, f"the spectrum ends at {reach}: {diagnosis.origin}")

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        return with_treble(self, decision, wishes)

    def informed(self, diagnosis: Diagnosis) -> Self:
        return self if self.cutoff_hz else replace(self, cutoff_hz=min(diagnosis.bandwidth.cutoff_hz, HIGHEST_HZ))

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.bandwidth.meter import BandwidthMeter

        meter = BandwidthMeter(source)
        for block in blocks:
            meter.update(block)
        found = meter.compute()
        ready = replace(self, cutoff_hz=min(found.cutoff_hz, HIGHEST_HZ))
        if found.cut:
            log.info("%s: the spectrum is cut off at %.1f kHz", self.name, found.cutoff_hz / 1000)
        if not ready._incomplete(source):
            log.info(
                "%s: nothing is missing below %.1f kHz", self.name, min(self._ceiling(source), AUDIBLE_HZ) / 1000
            )
        return ready

    def stream(self, source: Format) -> Stream:
        from aural.dsp.spectra import BesideStream
        from aural.stages.frequency_expansion.filters import high_pass

        front = resampler(source, self._rate(source))
        if not self._incomplete(source):
            return front
        band = NewBand(self._cutoff(source), self._ceiling(source), self.level_db)
        made = self._chosen().stream(front.output, band)
        return BesideStream(front, [made, high_pass(front.output, band.cutoff_hz)])

    def _chosen(self) -> ExpansionEngine:
        return chosen(ENGINES, self.engine, self)

    def _rate(self, source: Format) -> int:
        return max(source.sample_rate, self.sample_rate or whole_rate(source.sample_rate))

    def _cutoff(self, source: Format) -> float:
        """Return where the spectrum ends once the sample rate is raised: the resampler is a filter, too."""
        assert self.cutoff_hz is not None
        raised = self._rate(source) > source.sample_rate
        return min(self.cutoff_hz, KEPT * source.sample_rate) if raised else self.cutoff_hz

    def _ceiling(self, source: Format) -> float:
        return min(self.ceiling_hz, 0.5 * self._rate(source))

    def _incomplete(self, source: Format) -> bool:
        """Say whether anything audible is missing between the cut-off and the ceiling."""
        return self._cutoff(source) < 0.97 * min(self._ceiling(source), AUDIBLE_HZ)
