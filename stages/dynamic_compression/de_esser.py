"""The de-esser: attenuates harsh sibilants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aural import Effect, Format, Stream, param
from aural.stream import Through

HIGHEST = 0.45  # of the sample rate: nothing is split off above


@dataclass(frozen=True)
class DeEsser(Effect):
    """Attenuate sibilance: reduce the upper band where it is too strong relative to the full band."""

    name: ClassVar[str] = "de-esser"
    split_hz: float = param(5000.0, "Frequency above which sibilance is detected and attenuated; nothing happens "
                            "where the sample rate leaves no band above it",
                            unit="Hz", low=1000.0, high=20000.0)  # fmt: skip
    threshold_db: float = param(-9.0, "Level of the upper band relative to the full band above which gain "
                                "reduction begins",
                                unit="dB", low=-60.0, high=0.0, examples=(-30.0,))  # fmt: skip
    ratio: float = param(
        4.0,
        "Compression ratio: this many dB above the threshold at the input become 1 dB at the output",
        low=1.0,
        high=100.0,
    )
    knee_db: float = param(4.0, "Width of the soft knee around the threshold; 0 is a hard knee", unit="dB",
                           low=0.0, high=40.0)  # fmt: skip
    range_db: float = param(10.0, "Maximum attenuation of the upper band", unit="dB", low=0.0, high=60.0)
    attack_ms: float = param(
        1.0, "Attack: time constant with which gain reduction sets in", unit="ms", low=0.01, high=500.0
    )
    release_ms: float = param(
        40.0, "Release: time constant with which gain reduction recovers", unit="ms", low=1.0, high=5000.0
    )
    rms_ms: float = param(
        4.0, "Averaging time constant of the two levels that are compared", unit="ms", low=0.1, high=1000.0
    )
    link: float = param(1.0, "Channel linking: 1 gives all channels the gain of the most sibilant, 0 treats each "
                        "on its own",
                        low=0.0, high=1.0)  # fmt: skip

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.stream import DeEssStream

        if self.split_hz >= HIGHEST * source.sample_rate:
            return Through(source)
        return DeEssStream(self, source)
