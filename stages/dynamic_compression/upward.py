"""Upward compression: boosts quiet passages and leaves loud ones unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aural import Effect, Format, Stream, param


@dataclass(frozen=True)
class UpwardCompression(Effect):
    """Boost a signal below a threshold, but nothing below a floor, so noise is not boosted."""

    name: ClassVar[str] = "upward-compression"
    level_independent: ClassVar[bool] = False
    threshold_db: float = param(-20.0, "Level below which the signal is boosted",
                                unit="dBFS", low=-80.0, high=0.0)  # fmt: skip
    ratio: float = param(
        2.0,
        "Compression ratio: this many dB below the threshold at the input become 1 dB at the output",
        low=1.0,
        high=100.0,
    )
    knee_db: float = param(6.0, "Width of the soft knee around the threshold; 0 is a hard knee",
                           unit="dB", low=0.0, high=40.0)  # fmt: skip
    range_db: float = param(10.0, "Maximum boost", unit="dB", low=0.0, high=40.0)
    floor_db: float = param(-50.0, "Level at and below which nothing is boosted; above it the boost rises by 1 dB "
                            "per dB", unit="dBFS", low=-120.0, high=0.0)  # fmt: skip
    attack_ms: float = param(5.0, "Attack: time constant with which the boost drops", unit="ms", low=0.01, high=500.0)
    release_ms: float = param(
        200.0, "Release: time constant with which the boost rises", unit="ms", low=1.0, high=5000.0
    )
    rms_ms: float = param(10.0, "Averaging time constant of the RMS detector", unit="ms", low=0.1, high=1000.0)
    lookahead_ms: float = param(5.0, "Look-ahead: how far the gain runs ahead of the signal", unit="ms",
                                low=0.0, high=100.0)  # fmt: skip
    sidechain_highpass_hz: float = param(60.0, "Cut-off of a high-pass in the detector path; 0 is off",
                                         unit="Hz", low=0.0, high=2000.0)  # fmt: skip
    link: float = param(1.0, "Channel linking: 1 gives all channels the gain of the loudest, 0 treats each on its "
                        "own",
                        low=0.0, high=1.0)  # fmt: skip

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.stream import UpwardStream

        return UpwardStream(self, source)
