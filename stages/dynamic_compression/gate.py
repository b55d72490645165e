"""The gate: attenuates what is below a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aural import Effect, Format, Stream, param


@dataclass(frozen=True)
class Gate(Effect):
    """Attenuate what is below a threshold: a downward expander with hysteresis and hold."""

    name: ClassVar[str] = "gate"
    level_independent: ClassVar[bool] = False
    threshold_db: float = param(-45.0, "Level above which the gate opens", unit="dBFS", low=-100.0, high=0.0,
                                examples=(-20.0,))  # fmt: skip
    hysteresis_db: float = param(6.0, "How far below the threshold the level must fall before the gate closes",
                                 unit="dB", low=0.0, high=40.0)  # fmt: skip
    hold_ms: float = param(60.0, "How long the gate stays open after the level has fallen", unit="ms",
                           low=0.0, high=2000.0)  # fmt: skip
    ratio: float = param(4.0, "Expansion ratio: 1 dB below the threshold at the input becomes this many dB at the "
                         "output", low=1.0, high=100.0,
                         examples=(1.2,))  # fmt: skip
    range_db: float = param(20.0, "Maximum attenuation when the gate is closed", unit="dB", low=0.0, high=100.0)
    attack_ms: float = param(1.0, "Attack: time constant with which the gate opens", unit="ms", low=0.01, high=500.0)
    release_ms: float = param(
        150.0, "Release: time constant with which the gate closes", unit="ms", low=1.0, high=5000.0
    )
    lookahead_ms: float = param(6.0, "Look-ahead: how long before the signal the gate opens", unit="ms",
                                low=0.0, high=100.0)  # fmt: skip
    rms_ms: float = param(5.0, "Averaging time constant of the RMS detector", unit="ms", low=0.1, high=1000.0)
    sidechain_highpass_hz: float = param(80.0, "Cut-off of a high-pass in the detector path; 0 is off",
                                         unit="Hz", low=0.0, high=2000.0)  # fmt: skip
    link: float = param(1.0, "Channel linking: 1 gives all channels the gain of the loudest, 0 treats each on its "
                        "own",
                        low=0.0, high=1.0)  # fmt: skip

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.stream import GateStream

        return GateStream(self, source)
