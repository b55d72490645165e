"""A stage of another package: all that it takes to add one to AURAL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aural import Block, Decision, Effect, Format, Stream, param

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis


@dataclass(frozen=True)
class Tremolo(Effect):
    """Modulate the level periodically."""

    name: ClassVar[str] = "tremolo"
    rate_hz: float = param(5.0, "Modulation rate", unit="Hz", low=0.1, high=20.0)
    depth_db: float = param(6.0, "Difference between the highest and the lowest gain", unit="dB", low=0.0, high=40.0)

    def advise(self, diagnosis: Diagnosis) -> Decision:
        if diagnosis.kind == "speech":
            return Decision(self.name, None, "tremolo is not for voices")
        return Decision(self.name, self, "tremolo on music")

    def stream(self, source: Format) -> Stream:
        return TremoloStream(self, source)


class TremoloStream(Stream):
    def __init__(self, stage: Tremolo, source: Format) -> None:
        super().__init__(source)
        self.stage, self.position = stage, 0

    def push(self, block: Block) -> Block:
        time = (self.position + np.arange(block.shape[-1])) / self.output.sample_rate
        self.position += block.shape[-1]
        swing = np.cos(2 * np.pi * self.stage.rate_hz * time) - 1
        return block * (10 ** (self.stage.depth_db * swing / 40)).astype(np.float32)
