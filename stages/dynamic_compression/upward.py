"""Upward compression: quiet passages louder, loud ones as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aural import Effect, Format, Stream, param


@dataclass(frozen=True)
class UpwardCompression(Effect):
    """Turns a signal up where it is below a threshold, and never what lies below a floor: noise stays where it is."""

    name: ClassVar[str] = "upward-compression"
    level_independent: ClassVar[bool] = False
    threshold_db: float = param(-20.0, "Level below which the signal is turned up",
                                unit="dBFS", low=-80.0, high=0.0)  # fmt: skip
    ratio: float = param(2.0, "Decibels below the threshold of which one is left", low=1.0, high=100.0)
    knee_db: float = param(6.0, "Width of the bend of the curve around the threshold",
                           unit="dB", low=0.0, high=40.0)  # fmt: skip
    range_db: float = param(10.0, "Most that the signal is turned up", unit="dB", low=0.0, high=40.0)
    floor_db: float = param(-50.0, "Level that is not turned up, nor is anything below; above it the gain rises by a "
                            "decibel for each decibel", unit="dBFS", low=-120.0, high=0.0)  # fmt: skip
    attack_ms: float = param(5.0, "Time constant of turning down again", unit="ms", low=0.01, high=500.0)
    release_ms: float = param(200.0, "Time constant of turning up", unit="ms", low=1.0, high=5000.0)
    rms_ms: float = param(10.0, "Time constant of the mean power that the level is", unit="ms", low=0.1, high=1000.0)
    lookahead_ms: float = param(5.0, "Time by which the gain runs ahead of the signal", unit="ms",
                                low=0.0, high=100.0)  # fmt: skip
    sidechain_highpass_hz: float = param(60.0, "Below this frequency the level does not count; 0: all counts",
                                         unit="Hz", low=0.0, high=2000.0)  # fmt: skip
    link: float = param(1.0, "How far each channel follows the loudest; 0 leaves each to itself",
                        low=0.0, high=1.0)  # fmt: skip

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.streams import UpwardStream

        return UpwardStream(self, source)
