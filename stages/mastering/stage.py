"""Mastering: the loudness a listener expects, and true peaks that no converter or codec clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from aural import Block, Effect, Format, Stream, param
from aural.stage import pump

TARGETS = {
    "podcast": (-16.0, -1.0),
    "streaming": (-14.0, -1.0),
    "broadcast": (-23.0, -1.0),
    "audiobook": (-20.0, -3.0),
}
"""Integrated loudness in LUFS and ceiling in dBTP by name."""


@dataclass(frozen=True)
class Master(Effect):
    """Brings a recording to a loudness, and its true peaks below a ceiling.

    A linear gain where the peaks leave room for it; else a limiter behind the gain, and the gain such that the
    loudness is right after limiting. A `mix` below 1 promises neither.
    """

    name: ClassVar[str] = "master"
    level_independent: ClassVar[bool] = False
    target: str = param("podcast", "Where the recording goes: loudness and ceiling", choices=tuple(TARGETS))
    target_lufs: float | None = param(None, "Integrated loudness of the result, instead of the target's",
                                      unit="LUFS", low=-50.0, high=-5.0, when={"gain_db": None})  # fmt: skip
    ceiling_dbtp: float | None = param(None, "Highest true peak of the result, instead of the target's",
                                       unit="dBTP", low=-20.0, high=0.0)  # fmt: skip
    max_limiting_db: float = param(24.0, "Most that the highest peak is turned down to reach the loudness; 0 is "
                                   "a gain and nothing else", unit="dB", low=0.0, high=24.0,
                                   when={"gain_db": None})  # fmt: skip
    gain_db: float | None = param(None, "Gain in front of the limiter, such that the loudness is right behind it",
                                  unit="dB", low=-120.0, high=60.0, measured=True)  # fmt: skip
    lookahead_ms: float = param(5.0, "Time in which the limiter turns down before a peak",
                                unit="ms", low=0.5, high=20.0)  # fmt: skip
    release_ms: float = param(100.0, "Time constant with which the limiter turns up again",
                              unit="ms", low=5.0, high=2000.0)  # fmt: skip

    @property
    def goal(self) -> tuple[float, float]:
        """Return the loudness in LUFS and the ceiling in dBTP that are aimed at."""
        lufs, dbtp = TARGETS[self.target]
        return (
            lufs if self.target_lufs is None else self.target_lufs,
            dbtp if self.ceiling_dbtp is None else self.ceiling_dbtp,
        )

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.meters.true_peak import TruePeakMeter
        from aural.stages.mastering.gain import gain_for, integrated_lufs

        lufs, dbtp = self.goal
        peak = TruePeakMeter(source)

        def seen() -> Iterator[Block]:
            for block in blocks:
                peak.update(block)
                yield block

        def after(gain_db: float) -> float:
            limiter = replace(self, gain_db=gain_db).stream(source)
            return integrated_lufs(pump(limiter, blocks), source)

        before = integrated_lufs(seen(), source)
        return replace(self, gain_db=gain_for(lufs, before, dbtp - peak.compute(), self.max_limiting_db, after))

    def stream(self, source: Format) -> Stream:
        from aural.stages.mastering.dsp import LimiterStream

        assert self.gain_db is not None
        return LimiterStream(source, self.gain_db, self.goal[1], self.lookahead_ms, self.release_ms)
