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
NONE_FOUND = "no music was found; aural music-reduction lowers all but the voice"


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
        effect = replace(self, music_s=diagnosis.music_under_speech_s)
        return Decision(self.name, effect, f"music under speech lowered by {self.attenuation_db:g} dB")

    def fulfils(self, wish: str, diagnosis: Diagnosis, wishes: Wishes) -> bool:
        """Tell whether it can be asked to reduce music here."""
        return wish in self.grants and wishes.music == "reduce"

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        """Lower music wherever it was found: of speech, where it plays; of what counts as music, everywhere."""
        if not diagnosis.holds_music:
            return Decision(self.name, None, f"asked for, but {NONE_FOUND}", unmet=NONE_FOUND)
        passages = diagnosis.music_s
        attenuation_db = REDUCED_DB if wishes.music_db is None else wishes.music_db
        what = "music" if passages else "all but the voice"
        effect = replace(self, attenuation_db=attenuation_db, music_s=passages)
        return Decision(self.name, effect, f"{what} lowered by {attenuation_db:g} dB, as asked for")

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            WeightsError: the weights are missing or damaged.
        """
        from aural.stages.source_separation.stream import MusicStream

        passages = paired(self.music_s, self.name, "music_s") or [(-math.inf, math.inf)]
        return MusicStream(source, VoiceEngine(weights=self.weights).stream(source), self.attenuation_db, passages)
