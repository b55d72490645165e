"""The leveller: makes a far voice as loud as a near one, and pauses no louder than before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from aural import Block, Effect, Format, Stream, param
from aural.advice import Decision, if_uneven

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

LOWEST_LUFS = -120.0
LOUD = 0.9  # quantile of the levels of speech that counts as the loudest voice


@dataclass(frozen=True)
class Leveller(Effect):
    """Bring speech to one level; pauses stay as far below the loudest voice as they were."""

    name: ClassVar[str] = "leveller"
    described_as: ClassVar[Sequence[str]] = ("level", "leveler", "agc")
    target_lufs: float | None = param(None, "Target level of speech, not counting pauses; if not given, the mean "
                                      "level of the speech", unit="LUFS", low=LOWEST_LUFS, high=0.0,
                                      measured=True)  # fmt: skip
    speech_lufs: float | None = param(None, "Level that separates speech from pauses; if not given, measured",
                                      unit="LUFS", low=LOWEST_LUFS, high=0.0, measured=True)  # fmt: skip
    loud_lufs: float | None = param(None, "Level of the loudest voice; pauses get its gain, so that they stay as "
                                    "far below it. If not given, measured", unit="LUFS",
                                    low=LOWEST_LUFS, high=0.0, measured=True)  # fmt: skip
    share: float = param(1.0, "Strength: fraction of the distance to the target that is corrected", low=0.0, high=1.0)
    max_boost_db: float = param(15.0, "Maximum boost of speech", unit="dB", low=0.0, high=40.0)
    max_cut_db: float = param(15.0, "Maximum attenuation of speech", unit="dB", low=0.0, high=40.0)
    window_s: float = param(1.5, "Time over which the level is averaged", unit="s", low=0.2, high=20.0)

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        """False if levels were given, as these are absolute."""
        return (self.target_lufs, self.speech_lufs, self.loud_lufs) == (None, None, None)

    def advise(self, diagnosis: Diagnosis) -> Decision:
        return if_uneven(self, diagnosis)

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.speech_level import around_lufs, threshold_lufs
        from aural.stages.leveller.dsp import SpeechMeter

        meter = SpeechMeter(source)
        for block in blocks:
            meter.update(block)
        speech = meter.compute()
        threshold = threshold_lufs(speech.level) if self.speech_lufs is None else self.speech_lufs
        speaks = speech.speaks(threshold)
        spoken = around_lufs(speech.level, speaks, self.window_s)[speaks]
        middle, loud = (
            (float(spoken.mean()), float(np.quantile(spoken, LOUD))) if spoken.size else (threshold, threshold)
        )
        return replace(
            self,
            speech_lufs=float(np.clip(threshold, LOWEST_LUFS, 0)),
            target_lufs=float(np.clip(middle, LOWEST_LUFS, 0)) if self.target_lufs is None else self.target_lufs,
            loud_lufs=float(np.clip(loud, LOWEST_LUFS, 0)) if self.loud_lufs is None else self.loud_lufs,
        )

    def stream(self, source: Format) -> Stream:
        from aural.stages.leveller.dsp import Law
        from aural.stages.leveller.stream import LevellerStream

        assert self.target_lufs is not None
        assert self.speech_lufs is not None
        assert self.loud_lufs is not None
        law = Law(
            self.target_lufs,
            self.speech_lufs,
            self.loud_lufs,
            self.share,
            self.max_boost_db,
            self.max_cut_db,
            self.window_s,
        )
        return LevellerStream(source, law)
