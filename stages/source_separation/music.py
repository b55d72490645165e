"""Lowers the music behind a voice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from aural.advice import Decision, Wishes
from aural.dsp.passages import paired
from aural.engine import OwnWeights
from aural.parameters import param
from aural.signals import Format
from aural.stage import Effect
from aural.stages.source_separation.engines.voice.engine import VoiceEngine
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

REDUCED_DB = 15.0
"""How far `aural clean` lowers music where a user wishes it reduced and says no more."""
MOST_CHANNELS = 2


@dataclass(frozen=True)
class MusicReduction(OwnWeights, Effect):
    """Lower the music behind a voice: separate the two, attenuate all but the voice, and add them again.

    Raises:
        ParameterError: besides ranges, a passage ends before it begins, or begins before the last one ends.
    """

    name: ClassVar[str] = "music-reduction"
    described_as: ClassVar[Sequence[str]] = ("music remover", "dialogue isolation", "voice isolation")
    suppresses: ClassVar[bool] = True
    grants: ClassVar[Sequence[str]] = ("music",)
    attenuation_db: float = param(REDUCED_DB, "Attenuation of all that is not the voice", unit="dB",
                                  low=0.0, high=60.0)  # fmt: skip
    music_s: tuple[float, ...] = param((), "Passages in which it is attenuated: beginning and end of each; if not "
                                       "given, everywhere", unit="s", low=0.0, high=1e7,
                                       examples=((0.5, 1.5),))  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        paired(self.music_s, self.name, "music_s")

    @classmethod
    def uses_device(cls) -> bool:
        return VoiceEngine.uses_device

    def advise(self, diagnosis: Diagnosis) -> Decision:
        if not diagnosis.music_under_speech:
            return Decision(self.name, None, "no music under speech", minor=True)
        if not self.attenuation_db:
            return Decision(self.name, None, "music under speech is kept")
        return self._lowering(diagnosis, self.attenuation_db, "music under speech")

    def fulfils(self, wish: str, diagnosis: Diagnosis, wishes: Wishes) -> bool:
        """Tell whether it can reduce music here: under speech, or all of a song, and in one channel or two."""
        there = diagnosis.music_under_speech or diagnosis.kind == "music"
        possible = there and diagnosis.format.channels <= MOST_CHANNELS
        return wish in self.grants and wishes.music == "reduce" and possible

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        attenuation_db = REDUCED_DB if wishes.music_db is None else wishes.music_db
        return self._lowering(diagnosis, attenuation_db, "as asked for")

    def _lowering(self, diagnosis: Diagnosis, attenuation_db: float, why: str) -> Decision:
        passages = diagnosis.music_under_speech_s
        what = "music under speech" if passages else "all but the voice"
        effect = replace(self, attenuation_db=attenuation_db, music_s=passages)
        return Decision(self.name, effect, f"{what} lowered by {attenuation_db:g} dB, {why}")

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: there are more than two channels.
            WeightsError: the weights are missing or damaged.
        """
        from aural.stages.source_separation.stream import MusicStream

        passages = paired(self.music_s, self.name, "music_s") or [(-math.inf, math.inf)]
        return MusicStream(source, VoiceEngine(weights=self.weights).stream(source), self.attenuation_db, passages)
