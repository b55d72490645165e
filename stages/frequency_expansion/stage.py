"""Frequency expansion: the parameters, and how a run is put together."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from aural.parameters import param
from aural.stage import Block, Effect, Format, Stream
from aural.streaming import resampler

log = logging.getLogger("aural")


@dataclass(frozen=True)
class FrequencyExpansion(Effect):
    """Give a recording that was cut off the highs it might have had.

    The band below the cut-off is copied upwards at the level it lets expect. What lies below stays as it
    is, and a recording that is not cut off comes back bit for bit.
    """

    name: ClassVar[str] = "frequency-expansion"
    training: ClassVar[str | None] = "aural.stages.frequency_expansion.train:FrequencyExpansionTraining"
    evaluation: ClassVar[str | None] = "aural.stages.frequency_expansion.evaluate:Evaluation"

    cutoff_hz: float | None = param(
        None,
        "Frequency at which the recording is cut off",
        unit="Hz",
        low=100.0,
        high=192000.0,
        measured=True,
    )
    sample_rate: int | None = param(
        None, "Sample rate of the result, if above that of the recording", unit="Hz", low=8000, high=384000,
        examples=(96000,)
    )  # fmt: skip
    ceiling_hz: float = param(20000.0, "Frequency where the new band ends", unit="Hz", low=2000.0, high=96000.0)
    level_db: float = param(
        0.0, "Level of the new band, against what the band below lets expect", unit="dB", low=-24.0, high=12.0
    )
    decline_db: float = param(1.6, "Fall of the new band's level towards its end", unit="dB/kHz", low=0.0, high=6.0)
    noise: float = param(
        0.5, "Share of noise in the new band, an octave above the cut-off and higher; the rest is copied",
        low=0.0, high=1.0
    )  # fmt: skip

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.meters.bandwidth import BandwidthMeter

        meter = BandwidthMeter(source)
        for block in blocks:
            meter.update(block)
        found = meter.compute()
        ready = replace(self, cutoff_hz=found.cutoff_hz)
        if found.cut:
            log.info("%s: the spectrum is cut off at %.1f kHz", self.name, found.cutoff_hz / 1000)
        if not ready._room(source):
            log.info("%s: nothing is missing below %.1f kHz", self.name, self._ceiling(source) / 1000)
        return ready

    def stream(self, source: Format) -> Stream:
        from aural.spectrum import BesideStream
        from aural.stages.frequency_expansion.dsp import Band, ExpansionStream, HighPass

        front = resampler(source, self._rate(source))
        if not self._room(source):
            return front
        band = Band(self._cutoff(source), self._ceiling(source), self.level_db, self.decline_db, self.noise)
        return BesideStream(front, [ExpansionStream(front.output, band), HighPass(front.output, band.cutoff_hz)])

    def _rate(self, source: Format) -> int:
        return max(source.sample_rate, self.sample_rate or 0)

    def _cutoff(self, source: Format) -> float:
        """Return where the spectrum ends once the sample rate is raised: the resampler is a filter, too."""
        assert self.cutoff_hz is not None
        raised = self._rate(source) > source.sample_rate
        return min(self.cutoff_hz, 0.47 * source.sample_rate) if raised else self.cutoff_hz

    def _ceiling(self, source: Format) -> float:
        return min(self.ceiling_hz, 0.5 * self._rate(source))

    def _room(self, source: Format) -> bool:
        """Say whether anything audible is missing between the cut-off and the ceiling."""
        return self._cutoff(source) < 0.97 * self._ceiling(source)
