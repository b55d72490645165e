"""Matching: gives a recording the tonal balance of a reference."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from aural import Block, Effect, Format, Stream, param
from aural.errors import ParameterError

BANDS = 31
TOLD_DB = 1.0  # difference beyond the limits that is reported
log = logging.getLogger("aural")


@dataclass(frozen=True)
class Match(Effect):
    """Match the spectrum of a recording to that of a reference, or of typical speech or music.

    One smooth curve is applied. From a stereo reference it takes the stereo width, too. It does not match levels; use
    `master` for that.

    Raises:
        AudioError: the reference cannot be read, or is silent.
        ParameterError: besides ranges, curve_db is not one gain for each band.
    """

    name: ClassVar[str] = "match"
    target: str = param("speech", "Target spectrum, if no reference is given", choices=("speech", "music"),
                        when={"curve_db": None})  # fmt: skip
    reference: str | None = param(None, "Recording whose spectrum and stereo width to match: path of an audio file")
    max_db: float = param(6.0, "Maximum boost or cut at any frequency", unit="dB", low=0.0, high=24.0,
                          when={"curve_db": None})  # fmt: skip
    smooth_octaves: float = param(1.0, "Width over which the curve is smoothed", unit="octaves", low=0.3, high=4.0,
                                  when={"curve_db": None})  # fmt: skip
    curve_db: tuple[float, ...] | None = param(
        None, "Gains of 31 third-octave bands from 20 Hz to 20 kHz", unit="dB", low=-40.0, high=40.0, measured=True,
        examples=((3.0,) * BANDS,))  # fmt: skip
    width_db: float | None = param(None, "Gain of the side signal (left minus right) of a stereo recording",
                                   unit="dB", low=-40.0, high=40.0, measured=True)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.curve_db is not None and len(self.curve_db) != BANDS:
            raise ParameterError(
                f"curve_db must be {BANDS} gains in dB, got {self.curve_db!r}", stage=self.name, parameter="curve_db"
            )

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.stages.mastering.balance import Balance, balance_of, bent_db, needed_db, wider_db

        own, aim, limit = Balance.of(blocks, source), balance_of(self.reference, self.target), self.max_db
        curve, width_db = self.curve_db, self.width_db
        if curve is None:
            needed = needed_db(own, aim, self.smooth_octaves)
            self._tell("spectrum", np.abs(needed).max())
            curve = tuple(map(float, bent_db(needed, limit)))
        if width_db is None:
            wider = wider_db(own, aim, np.array(curve))
            self._tell("width", abs(wider))
            width_db = min(max(wider, -limit), limit)
        return replace(self, curve_db=curve, width_db=width_db)

    def _tell(self, what: str, away_db: float) -> None:
        if away_db > self.max_db + TOLD_DB:
            of = self.reference or f"the target {self.target}"
            limit = f"at most {self.max_db:g} dB of that are made up for"
            log.warning("%s: the %s is up to %.0f dB away from that of %s; %s", self.name, what, away_db, of, limit)

    def stream(self, source: Format) -> Stream:
        from aural.stages.mastering.stream import MatchStream

        assert self.curve_db is not None
        assert self.width_db is not None
        return MatchStream(source, self.curve_db, self.width_db)
