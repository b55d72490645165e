"""Dynamic range compression: reduces loud passages, so that the whole can be louder and steadier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aural import Effect, Format, Stream, param
from aural.advice import Decision, if_uneven

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis


@dataclass(frozen=True)
class DynamicCompression(Effect):
    """Compress the dynamic range: reduce the gain where the level exceeds a threshold."""

    name: ClassVar[str] = "dynamic-compression"
    described_as: ClassVar[Sequence[str]] = ("compress", "compressor", "compression", "drc")
    level_independent: ClassVar[bool] = False
    training: ClassVar[str | None] = "aural.stages.dynamic_compression.train:DynamicCompressionTraining"
    evaluation: ClassVar[str | None] = "aural.stages.dynamic_compression.evaluate:DynamicCompressionEvaluation"
    threshold_db: float = param(-24.0, "Level above which gain reduction begins",
                                unit="dBFS", low=-80.0, high=0.0)  # fmt: skip
    ratio: float = param(
        2.5,
        "Compression ratio: this many dB above the threshold at the input become 1 dB at the output",
        low=1.0,
        high=100.0,
    )
    knee_db: float = param(6.0, "Width of the soft knee around the threshold; 0 is a hard knee",
                           unit="dB", low=0.0, high=40.0)  # fmt: skip
    attack_ms: float = param(
        5.0, "Attack: time constant with which gain reduction sets in", unit="ms", low=0.01, high=500.0
    )
    release_ms: float = param(
        120.0, "Release: time constant with which gain reduction recovers", unit="ms", low=1.0, high=5000.0
    )
    lookahead_ms: float = param(0.0, "Look-ahead: how far the gain runs ahead of the signal",
                                unit="ms", low=0.0, high=100.0)  # fmt: skip
    detector: str = param("peak", "Level detector: peak, or RMS",
                          choices=("peak", "rms"))  # fmt: skip
    rms_ms: float = param(10.0, "Averaging time constant of the RMS detector", unit="ms",
                          low=0.1, high=1000.0, when={"detector": "rms"})  # fmt: skip
    sidechain_highpass_hz: float = param(0.0, "Cut-off of a high-pass in the detector path; 0 is off",
                                         unit="Hz", low=0.0, high=2000.0)  # fmt: skip
    link: float = param(1.0, "Channel linking: 1 gives all channels the gain of the loudest, 0 treats each on its "
                        "own",
                        low=0.0, high=1.0)  # fmt: skip
    makeup_db: float = param(0.0, "Makeup gain after the compressor", unit="dB", low=-24.0, high=48.0)

    def advise(self, diagnosis: Diagnosis) -> Decision:
        return if_uneven(self, diagnosis)

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.stream import CompressionStream

        return CompressionStream(self, source)
