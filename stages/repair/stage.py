"""Repair of what went wrong on the way to the file: the parameters, and how a run is put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from aural.advice import Decision
from aural.dsp.passages import paired
from aural.errors import ParameterError
from aural.parameters import GIVEN, param
from aural.signals import LOUDEST, Block, Format
from aural.stage import Effect
from aural.stream import Stream, Through

if TYPE_CHECKING:
    from aural.measure.clipping import Rails
    from aural.measure.defects import Defects
    from aural.measure.diagnosis import Diagnosis

TRUSTED = 5  # so many times its depth below a rail, samples are right
MOST_SPREAD_DB = 6.0


@dataclass(frozen=True)
class Repair(Effect):
    """A stage that repairs defects, in a clean voice too, and leaves the rest as it is."""

    suppresses: ClassVar[bool] = True

    def advise_level(self, diagnosis: Diagnosis) -> Decision:
        return self.advise(diagnosis)


@dataclass(frozen=True)
class Declip(Repair):
    """Restore peaks that were cut off, at full scale or below; all other samples stay bit for bit.

    Restored peaks rise above the level at which they were cut off, beyond full scale too: a stage behind it, such
    as `master`, brings them down.
    """

    name: ClassVar[str] = "declip"

    rails: tuple[float, ...] | None = param(
        None, "Levels at which the waveform is cut off, as shares of full scale: the negative and the positive one "
        "of each channel in turn; 0 where nothing is cut off", low=-LOUDEST, high=LOUDEST, measured=True,
        examples=((-0.1, 0.1, -0.1, 0.1), (0.0, 0.2, 0.0, 0.0))
    )  # fmt: skip
    spread_db: tuple[float, ...] = param(
        (), "How far below each of the levels samples may have been cut off, because a codec or a resampler behind "
        "the clipping has moved them, or peaks were rounded; if levels are not given, it is measured too", unit="dB",
        low=0.0, high=MOST_SPREAD_DB, when={"rails": GIVEN}, examples=((0.0, 1.0, 0.0, 1.0), (2.0, 0.0, 2.0, 0.0))
    )  # fmt: skip
    headroom_db: float = param(
        24.0, "Maximum rise of a restored peak above the level at which it was cut off", unit="dB", low=0.0,
        high=60.0, when={"rails": GIVEN}
    )  # fmt: skip

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        """False if levels were given, as these are absolute."""
        return self.rails is None

    def advise(self, diagnosis: Diagnosis) -> Decision:
        clipping = diagnosis.clipping
        if not clipping.samples:
            return Decision(self.name, None, "no clipping", minor=True)
        if diagnosis.distorted:
            return Decision(self.name, None, f"distortion that is probably meant: {clipping}")
        return Decision(self.name, self, f"{clipping.severity} clipping: {clipping}")

    def informed(self, diagnosis: Diagnosis) -> Self:
        return self if self.rails else self._with(diagnosis.clipping.rails)

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.clipping import ClippingMeter

        meter = ClippingMeter(source)
        for block in blocks:
            meter.update(block)
        return self._with(meter.compute().rails)

    def _with(self, rails: Rails) -> Self:
        sides = [side for pair in rails for side in pair]
        levels = tuple(side.level * sign if side else 0.0 for side, sign in zip(sides, cycle((-1, 1)), strict=False))
        spreads_db = tuple(min(TRUSTED * side.depth_db, MOST_SPREAD_DB) if side else 0.0 for side in sides)
        return replace(self, rails=levels, spread_db=spreads_db)

    def stream(self, source: Format) -> Stream:
        from aural.stages.repair.stream import DeclipStream

        assert self.rails is not None
        if not any(self.rails):
            return Through(source)
        spreads_db = self.spread_db or (0.0,) * len(self.rails)
        self._count("rails", self.rails, f"two levels for each of {source.channels} channels", 2 * source.channels)
        self._count("spread_db", spreads_db, "one for each of rails", 2 * source.channels)
        rails, spreads = (np.array(values, np.float32).reshape(-1, 2) for values in (self.rails, spreads_db))
        return DeclipStream(source, rails, spreads, self.headroom_db)

    def _count(self, name: str, values: tuple[float, ...], what: str, number: int) -> None:
        if len(values) != number:
            raise ParameterError(f"{name} must hold {what}, got {len(values)}", stage=self.name, parameter=name)


@dataclass(frozen=True)
class Declick(Repair):
    """Remove clicks: ticks of a record or a cable, digital errors, crackle. All samples beside them stay bit for bit.

    Beats, plucks and consonants stay: onsets can be predicted from what follows, and around consonants all errors are
    large.
    """

    name: ClassVar[str] = "declick"

    threshold_db: float | None = param(
        None, "How far a click must exceed the prediction errors around it; lower finds more. If not given, 24 dB, "
        "or 10 dB in a recording with many clicks", unit="dB", low=0.0, high=80.0, measured=True,
        examples=(30.0, 6.0),
    )  # fmt: skip

    def advise(self, diagnosis: Diagnosis) -> Decision:
        clicks = diagnosis.clicks
        if not clicks:
            return Decision(self.name, None, "no clicks", minor=True)
        return Decision(self.name, self, f"clicks: {clicks}")

    def informed(self, diagnosis: Diagnosis) -> Self:
        return self if self.threshold_db is not None else replace(self, threshold_db=_threshold_db(diagnosis.clicks))

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.clicks import ClickMeter

        meter = ClickMeter(source)
        for block in blocks:
            meter.update(block)
        return replace(self, threshold_db=_threshold_db(meter.compute()))

    def stream(self, source: Format) -> Stream:
        from aural.stages.repair.stream import DeclickStream

        assert self.threshold_db is not None
        return DeclickStream(source, self.threshold_db)


def _threshold_db(clicks: Defects) -> float:
    from aural.measure.clicks import LIKELY_DB, MANY, SURE_DB

    return LIKELY_DB if clicks.per_minute > MANY else SURE_DB


@dataclass(frozen=True)
class Conceal(Repair):
    """Fill gaps, such as dropouts and lost packets, with a continuation of the sound around them."""

    name: ClassVar[str] = "conceal"

    max_gap_ms: float = param(
        60.0, "Longest gap that is filled; a longer one counts as a pause", unit="ms", low=1.0,
        high=200.0, examples=(5.0,)
    )  # fmt: skip

    def advise(self, diagnosis: Diagnosis) -> Decision:
        gaps = diagnosis.gaps
        if not gaps:
            return Decision(self.name, None, "no gaps", minor=True)
        return Decision(self.name, self, f"gaps: {gaps}")

    def stream(self, source: Format) -> Stream:
        from aural.stages.repair.stream import ConcealStream

        return ConcealStream(source, self.max_gap_ms / 1000)


@dataclass(frozen=True)
class VoiceRepair(Repair):
    """A stage that repairs what only voices have, where no music plays.

    Raises:
        ParameterError: besides ranges, a passage of music ends before it begins, or begins before the last one ends.
    """

    music_s: tuple[float, ...] = param((), "Passages of music, which stay as they are: beginning and end of each",
                                       unit="s", low=0.0, high=1e7, examples=((0.0, 100.0),))  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        paired(self.music_s, self.name, "music_s")

    def _beside_music(self, diagnosis: Diagnosis, what: str, found: Defects | None) -> Decision:
        """Run where something was found, and leave music alone."""
        if not found:
            return Decision(self.name, None, f"no {what}", minor=True)
        return Decision(self.name, replace(self, music_s=self.music_s or diagnosis.music_s), f"{what}: {found}")


@dataclass(frozen=True)
class DePlosive(VoiceRepair):
    """Take the pop out of plosives: only the lowest frequencies, and only while a burst lasts."""

    name: ClassVar[str] = "de-plosive"

    cutoff_hz: float = param(
        150.0, "Frequency below which a burst is attenuated", unit="Hz", low=60.0, high=300.0
    )  # fmt: skip
    range_db: float = param(40.0, "Attenuation of a burst below the cut-off", unit="dB", low=0.0, high=60.0)

    def advise(self, diagnosis: Diagnosis) -> Decision:
        return self._beside_music(diagnosis, "plosives", diagnosis.defects().get("plosives"))

    def stream(self, source: Format) -> Stream:
        from aural.stages.repair.stream import PlosiveStream

        return PlosiveStream(source, self.cutoff_hz, self.range_db, paired(self.music_s, self.name, "music_s"))


@dataclass(frozen=True)
class DeBreath(VoiceRepair):
    """Lower breaths between words."""

    name: ClassVar[str] = "de-breath"

    range_db: float = param(12.0, "Attenuation of a breath", unit="dB", low=0.0, high=60.0)

    def advise(self, diagnosis: Diagnosis) -> Decision:
        return self._beside_music(diagnosis, "breaths", diagnosis.breaths if diagnosis.kind == "speech" else None)

    def advise_level(self, diagnosis: Diagnosis) -> Decision:
        return Effect.advise_level(self, diagnosis)

    def stream(self, source: Format) -> Stream:
        from aural.stages.repair.stream import BreathStream

        return BreathStream(source, self.range_db, paired(self.music_s, self.name, "music_s"))
