"""Mastering: the loudness listeners expect, and true peaks that no converter clips."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

from aural import Block, Effect, Format, Stream, param
from aural.advice import Decision, Wishes
from aural.chain import Chain, in_series
from aural.dsp.passages import paired
from aural.errors import AudioError, ParameterError
from aural.stages.mastering.match import BANDS, Match
from aural.stream import pump

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

TARGETS = {
    "podcast": (-16.0, -1.0),
    "streaming": (-14.0, -1.0),
    "broadcast": (-23.0, -1.0),
    "audiobook": (-20.0, -3.0),
    "spotify": (-14.0, -1.0),
    "youtube": (-14.0, -1.0),
    "tidal": (-14.0, -1.0),
    "amazon-music": (-14.0, -2.0),
    "apple-music": (-16.0, -1.0),
    "deezer": (-15.0, -1.0),
    "atsc-a85": (-24.0, -2.0),
}
"""Integrated loudness in LUFS and ceiling in dBTP by name."""

QUIETEST_LUFS, LOUDEST_LUFS, LOWEST_DBTP = -50.0, -5.0, -20.0
SHORT_LU = 0.1  # distance from the target that is reported
MOST_GAIN_DB = 40.0  # a recording that needs more holds only noise
MOST_TRIALS = 5  # to find the gain in front of the limiter
HARD_DB = 6.0  # limiting from which a warning is given
WORTH_SAYING_DB = 0.5
UNLIMITED = "no peaks are limited, as it is neither speech nor music"
SOFT_LUFS = -45.0  # what is no louder may have much below the gate of -70 LUFS, which counts once it is louder
MATCHED_DB = 12.0  # most that a reference turns a frequency, or the width, up or down
log = logging.getLogger("aural")


@dataclass(frozen=True)
class Master(Effect):
    """Bring a recording to a target loudness and keep its true peaks below a ceiling.

    Applies a constant gain if the peaks leave enough headroom; otherwise a limiter follows, and the gain is chosen so
    that the loudness is right after limiting. A `mix` below 1 guarantees neither loudness nor peaks. With a
    reference, its spectrum and stereo width are matched first, as by `match`, and then its loudness.

    Raises:
        AudioError: the reference cannot be read, or is silent, or too soft to have a loudness.
        ParameterError: besides ranges, curve_db is not one gain for each band, or a gain stands beside a reference
            of which something is still to be measured.
    """

    name: ClassVar[str] = "master"
    described_as: ClassVar[Sequence[str]] = ("normalise", "normalize", "loudness", "limit", "limiter")
    level_independent: ClassVar[bool] = False
    sets_level: ClassVar[bool] = True
    grants: ClassVar[Sequence[str]] = ("target_lufs", "max_limiting_db")
    evaluation: ClassVar[str | None] = "aural.stages.mastering.evaluate:MasteringEvaluation"
    measuring: ClassVar[int] = 2 + MOST_TRIALS  # of the reference's spectrum, the level, and the limiter at work
    target: str = param("podcast", "Delivery target, which sets loudness and ceiling", choices=tuple(TARGETS))
    target_lufs: float | None = param(None, "Integrated loudness of the output, instead of the target's",
                                      unit="LUFS", low=QUIETEST_LUFS, high=LOUDEST_LUFS,
                                      when={"gain_db": None})  # fmt: skip
    ceiling_dbtp: float | None = param(None, "Maximum true peak of the output, instead of the target's",
                                       unit="dBTP", low=LOWEST_DBTP, high=0.0)  # fmt: skip
    max_limiting_db: float = param(24.0, "Maximum gain reduction of the limiter to reach the loudness; 0 applies a "
                                   "constant gain only", unit="dB", low=0.0, high=24.0,
                                   when={"gain_db": None})  # fmt: skip
    gain_db: float | None = param(None, "Gain before the limiter that gives the target loudness after it",
                                  unit="dB", low=-300.0, high=60.0, measured=True)  # fmt: skip
    music_s: tuple[float, ...] = param((), "Passages of music whose loudness does not count: beginning and end of "
                                       "each", unit="s", low=0.0, high=1e7, when={"gain_db": None},
                                       examples=((0.5, 1.5),))  # fmt: skip
    reference: str | None = param(None, "Reference recording to match: path of an audio file. Its loudness "
                                  "replaces the target's; its spectrum and width are matched as by "
                                  "the match stage")  # fmt: skip
    curve_db: tuple[float, ...] | None = param(
        None, "Gains of 31 third-octave bands from 20 Hz to 20 kHz, applied first; measured if there is a reference",
        unit="dB", low=-40.0, high=40.0, examples=(tuple(0.2 * n for n in range(BANDS)),))  # fmt: skip
    width_db: float | None = param(
        None, "Gain of the side signal (left minus right), applied first; measured if there is a reference",
        unit="dB", low=-40.0, high=40.0)  # fmt: skip
    lookahead_ms: float = param(5.0, "Look-ahead of the limiter: time in which it reduces the gain before a peak; "
                                "never shorter than 32 frames", unit="ms", low=0.5, high=20.0)  # fmt: skip
    release_ms: float = param(100.0, "Release: time constant with which the limiter recovers",
                              unit="ms", low=5.0, high=2000.0)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        paired(self.music_s, self.name, "music_s")
        if self.curve_db is not None and len(self.curve_db) != BANDS:
            raise ParameterError(
                f"curve_db must be {BANDS} gains in dB, got {self.curve_db!r}", stage=self.name, parameter="curve_db"
            )
        measured = self.curve_db is not None and self.width_db is not None
        if self.reference is not None and self.gain_db is not None and not measured:
            raise ParameterError(
                "gain_db replaces the pass in which a reference is compared; give one",
                stage=self.name,
                parameter="gain_db",
            )

    @property
    def goal(self) -> tuple[float, float]:
        """Return the loudness in LUFS and the ceiling in dBTP that are aimed at."""
        lufs, dbtp = TARGETS[self.target]
        return (
            lufs if self.target_lufs is None else self.target_lufs,
            dbtp if self.ceiling_dbtp is None else self.ceiling_dbtp,
        )

    @property
    def highest_dbtp(self) -> float:
        return self.goal[1] if self.mix == 1 else super().highest_dbtp

    def lowering(self, by_db: float) -> Effect | None:
        """Limit peaks further, or, where only a constant gain is wanted, turn everything down."""
        if self.mix < 1:
            return None
        return Master(
            gain_db=0.0 if self.max_limiting_db else -by_db,
            ceiling_dbtp=max(self.goal[1] - by_db, LOWEST_DBTP),
            lookahead_ms=self.lookahead_ms,
            release_ms=self.release_ms,
        )

    def advise(self, diagnosis: Diagnosis) -> Decision:
        return self._spared(diagnosis)._toward_goal(diagnosis)

    def _spared(self, diagnosis: Diagnosis) -> Self:
        """Limit nothing where there is neither speech nor music: peaks are part of rain and clocks."""
        return replace(self, max_limiting_db=0.0) if diagnosis.neither else self

    def _toward_goal(self, diagnosis: Diagnosis) -> Decision:
        goal_lufs, ceiling_dbtp = self.goal
        goal = self.target if self.target_lufs is None else f"{self.target_lufs:g} LUFS"
        stage = replace(self, music_s=self.music_s or _aside_s(diagnosis))
        before_lufs, of = stage._lufs(diagnosis), " of speech" if stage.music_s else ""
        if math.isnan(before_lufs):
            before_lufs, of = diagnosis.loudness.integrated_lufs, ""
        if math.isinf(before_lufs):
            return Decision(
                self.name, stage, f"to {goal}; the recording is too short for its loudness to be measured"
            )
        headroom_db = ceiling_dbtp - diagnosis.true_peak_dbtp
        limiting_db = min(goal_lufs - before_lufs - headroom_db, self.max_limiting_db)
        limited = f", peaks limited by about {limiting_db:.0f} dB" if limiting_db >= WORTH_SAYING_DB else ""
        if diagnosis.neither and not self.max_limiting_db and headroom_db < goal_lufs - before_lufs:
            goal, limited = f"{before_lufs + headroom_db:.1f} LUFS", f": {UNLIMITED}"
        return Decision(self.name, stage, f"from {before_lufs:.1f} LUFS{of} to {goal}{limited}")

    def advise_level(self, diagnosis: Diagnosis) -> Decision:
        """Bring the level to a named target; a working level within a chain is left out."""
        return self.advise(diagnosis) if self.target_lufs is None else super().advise_level(diagnosis)

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        wished = {name: value for name in self.grants if (value := getattr(wishes, name)) is not None}
        return replace(self._spared(diagnosis), **wished)._toward_goal(diagnosis)

    def informed(self, diagnosis: Diagnosis) -> Self:
        """Take the gain from the diagnosis where the limiter has nothing to do, or may do nothing."""
        from aural.stages.mastering.gain import gain_for

        lufs, (goal_lufs, ceiling_dbtp) = self._lufs(diagnosis), self.goal
        headroom_db = ceiling_dbtp - diagnosis.true_peak_dbtp
        limits = goal_lufs - lufs > headroom_db and self.max_limiting_db > 0
        if self.gain_db is not None or self.reference or self.front or limits or not lufs > SOFT_LUFS:
            return self

        def louder(gain_db: float) -> float:
            return lufs + gain_db

        return self._with(*gain_for(goal_lufs, louder, headroom_db, self.max_limiting_db, louder))

    def _lufs(self, diagnosis: Diagnosis) -> float:
        """Return the loudness of what counts as it was measured; NaN where other passages were left out."""
        if not self.music_s:
            return diagnosis.loudness.integrated_lufs
        return diagnosis.speech_lufs if self.music_s == diagnosis.music_aside_s else math.nan

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        stage = self if self.reference is None else self._like(self.reference, blocks, source)
        return stage._with_gain(blocks, source)

    def _like(self, reference: str, blocks: Iterable[Block], source: Format) -> Self:
        """Take from a reference what is not given."""
        from aural.audio.files import open_audio
        from aural.stages.mastering.gain import integrated_lufs

        match = Match(reference=reference, max_db=MATCHED_DB, curve_db=self.curve_db, width_db=self.width_db)
        match = match.measure(blocks, source)
        shaped = replace(self, curve_db=match.curve_db, width_db=match.width_db)
        if self.target_lufs is not None:
            return shaped
        file = open_audio(reference)
        lufs = integrated_lufs(file, file.format)
        if lufs == -math.inf:
            raise AudioError("is too soft to have a loudness; give target_lufs beside it", path=reference)
        wanted = min(max(lufs, QUIETEST_LUFS), LOUDEST_LUFS)
        if wanted != lufs:
            log.warning("%s: the reference has %.1f LUFS: %.1f is aimed at", self.name, lufs, wanted)
        return replace(shaped, target_lufs=wanted)

    def _with_gain(self, blocks: Iterable[Block], source: Format) -> Self:
        from aural.measure.true_peak import TruePeakMeter
        from aural.stages.mastering.gain import gain_for, integrated_lufs, measured

        lufs, dbtp = self.goal
        peak, music = TruePeakMeter(source), paired(self.music_s, self.name, "music_s")

        def seen() -> Iterator[Block]:
            for block in pump(Chain(self.front).begin(source), blocks):
                peak.update(block)
                yield block

        def after(gain_db: float) -> float:
            return integrated_lufs(pump(replace(self, gain_db=gain_db).stream(source), blocks), source, music)

        before = partial(measured(seen(), source).integrated_lufs, music)
        headroom_db = dbtp - peak.compute()
        gain_db, short_lu = gain_for(lufs, before, headroom_db, self.max_limiting_db, after)
        if before() == -math.inf and headroom_db < math.inf:
            log.warning("%s: too soft to have a loudness, below -70 LUFS throughout: left at its level", self.name)
        if gain_db > headroom_db:
            level = logging.WARNING if gain_db > headroom_db + HARD_DB else logging.INFO
            log.log(
                level,
                "%s: peaks are limited by up to %.1f dB: what is loud comes nearer to the rest",
                self.name,
                gain_db - headroom_db,
            )
        return self._with(gain_db, short_lu)

    def _with(self, gain_db: float, short_lu: float) -> Self:
        """Return the stage with its gain; say by how much it falls short of the target, if it does."""
        if short_lu > SHORT_LU:
            limiting = f"max_limiting_db {self.max_limiting_db:g}"
            most = f"the most gain, {MOST_GAIN_DB:g} dB," if gain_db == MOST_GAIN_DB else limiting
            log.warning("%s: %.1f LU short of %.1f LUFS: %s allows no more", self.name, short_lu, self.goal[0], most)
        return replace(self, gain_db=gain_db)

    @property
    def front(self) -> tuple[Match, ...]:
        """The stages in front of the limiter."""
        if self.curve_db is None and self.width_db is None:
            return ()
        return (Match(curve_db=self.curve_db or (0.0,) * BANDS, width_db=self.width_db or 0.0),)

    def stream(self, source: Format) -> Stream:
        from aural.stages.mastering.stream import LimiterStream

        if self.front:
            behind = replace(self, reference=None, curve_db=None, width_db=None, mix=1.0)
            return in_series((*self.front, behind), source)
        assert self.gain_db is not None
        return LimiterStream(source, self.gain_db, self.goal[1], self.lookahead_ms, self.release_ms)


def _aside_s(diagnosis: Diagnosis) -> tuple[float, ...]:
    """Return the music that does not count for the loudness, where a preset for speech was asked for and there is
    speech."""
    counts = diagnosis.ordered == "speech" and math.isfinite(diagnosis.speech_lufs)
    return diagnosis.music_aside_s if counts else ()
