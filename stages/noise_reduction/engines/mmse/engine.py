"""The estimator as an engine."""

from __future__ import annotations

from dataclasses import dataclass

from aural.signals import Format
from aural.stages.noise_reduction.profile import ProfileEngine
from aural.stream import Stream


@dataclass(frozen=True, kw_only=True)
class MmseEngine(ProfileEngine):
    """A statistical estimator of the amplitude of speech."""

    name, meaning = "mmse", "a statistical estimator"
    default_limit_db = 15.0

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        from aural.stages.noise_reduction.engines.mmse.stream import MmseStream

        return MmseStream(source, max_attenuation_db, self.measured_noise_dbfs)
