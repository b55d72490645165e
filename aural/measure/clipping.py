"""Clipping at any level, also before a codec or a resampler."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit
from aural.dsp.decibels import db_to_gain
from aural.signals import Block, Format
from aural.stream import Queue

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

PER_DB = 20  # bins of the histograms
LOWEST_DBFS, HIGHEST_DBFS = -90, 20
BINS = PER_DB * (HIGHEST_DBFS - LOWEST_DBFS)
LEAST = db_to_gain(LOWEST_DBFS)
RANGE = 0.17  # of the peak of a second: what lies below tells nothing
COARSE, KEPT = 4, 45  # bins in one of those that are kept of a second, and how many of these: 9 dB
EXACT_DB = 0.1  # so near to the peak, a rail is the peak
DEEPEST_DB = 9.0  # a rail lies at most so far below the peak: no codec throws samples farther
NEAR_DB, BEYOND_DB = 0.85, 1.5  # around a rail, and above it
BEYOND = 0.25  # of the samples near a rail: no more lie beyond it, less what chance may do to few
FEWEST = 20  # samples near a rail
VALLEY_DB = 5.0  # so far below a rail, the valley of the density lies at most
MODE, DOUBT = 0.1, 1.5  # by how much the logarithm of the density rises from there; more, the fewer lobes there are
FLATTER = 0.08  # by how much the lobes that reach a rail are flatter than those 3 to 9 dB lower
ALIKE_DB = 0.5  # so near to the rail of the other side
BLUNTER = 0.15  # by how much their tips are, where the rail is the peak
SURE_FLATTER, SURE_BLUNTER = 0.9, 0.6  # both times the root of the number of lobes: few must be the flatter
SURE_SHOULDER = 1.5  # in the same way, where much lies beyond a shoulder
SINE, SINE_TIP = 0.53, 0.2  # of a sine, where there are no lower lobes
SHARP = 0.5  # of the samples around a rail
TAIL = 3.0  # times the spread: so far beyond a rail a codec throws samples
SHOULDER_DB = 0.8  # below a rail, most of what a soft limiter has rounded; that begins five times as far below
NEAR_RAIL_DB, BELOW_IT_DB, ROUNDED = (0.35, 0.1), (1.5, 0.5), 1.1  # by how much there is more near a rail
HALF, TOP, TIP = 0.5, 0.85, 0.994  # of the peak of a lobe: flat is what spends much of its time above HALF above TOP
WIDE = 1.3  # samples of a lobe above TOP, on average: a single one is not flat
CROWDED, FILLED = 4, 0.6  # samples of a bin that count; of the bins that as many fill by chance, fewer are filled
STEPS = 60  # of quantisation: fewer leave gaps that look like valleys
LIGHT, HEAVY = 0.001, 0.01
MEANT, MEANT_SPREAD_DB = 0.1, 0.6  # share of the samples, and their spread


@dataclass(frozen=True)
class Rail:
    """A level at which the waveform of one channel is cut off on one side."""

    level: float
    """Magnitude, where full scale is 1."""
    spread_db: float
    """How far what came behind, a codec or a resampler, scatters samples around the level; 0 if nothing did."""
    rounded: bool = False
    """Whether peaks were rounded before they were cut off, as soft limiters do it."""

    @property
    def depth_db(self) -> float:
        """How far below the level samples count as cut off."""
        return max(self.spread_db, SHOULDER_DB) if self.rounded else self.spread_db

    @property
    def reach(self) -> float:
        """Magnitude from which samples count as cut off."""
        return self.level * db_to_gain(-self.depth_db)


Rails = tuple[tuple[Rail | None, Rail | None], ...]
"""Of each channel: the rail of the negative and of the positive side; None where nothing is cut off."""


@dataclass(frozen=True)
class MeasuredClipping:
    """Where and how much a recording is clipped."""

    rails: Rails
    share: float
    """Share of samples that stand at a rail."""
    samples: int
    worst_s: float
    """Where the second begins that has most of them; nan where there are none."""
    worst_share: float

    def __str__(self) -> str:
        if not self.samples:
            return "none"
        worst = f"{100 * self.worst_share:.2g} % in the second from {self.worst_s:.0f} s on"
        return f"{100 * self.share:.2g} % of the samples, {worst}"

    @property
    def severity(self) -> str:
        """Say how bad it is: none, light (less than 0.1 % of the samples), clear, or heavy (more than 1 %)."""
        if not self.samples:
            return "none"
        return "light" if self.share < LIGHT else "clear" if self.share < HEAVY else "heavy"

    @property
    def meant(self) -> bool:
        """Whether it may be an instrument that is meant to be distorted: so many samples are at a rail, and other
        sounds scatter them farther than any codec does where they are so many."""
        scattered = any(rail.spread_db > MEANT_SPREAD_DB for pair in self.rails for rail in pair if rail)
        return scattered and self.share > MEANT


class ClippingMeter:
    """Finds rails in the density of samples and in the shape of what reaches them.

    Natural samples get rarer towards the peak. Where tops are cut off, their density has a mode at that level, which
    a codec widens but does not remove, and the lobes (from one change of sign to the next) that reach it are flatter
    than lower ones. Both must hold: a limiter leaves lobes their shape, and a steady tone has a mode but no lobes
    that are flatter than others. Keeps 90 bytes for each second and side of a channel.
    """

    def __init__(self, source: Format) -> None:
        self.source, self.queue, self.frames = source, Queue(), 0
        self.sides = [[_Side(), _Side()] for _ in range(source.channels)]

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.frames += block.shape[-1]
        second, start = self.source.sample_rate, 0
        while start < block.shape[-1]:  # seconds lie at fixed places, whatever the blocks
            end = start + second - self.queue.frames
            self.queue.append(block[:, start:end])
            start = end
            if self.queue.frames == second:
                self._second(self.queue.take(second), self.sides)

    def compute(self) -> MeasuredClipping:
        """Return the clipping of all frames so far."""
        sides = deepcopy(self.sides)
        if self.queue.frames:
            self._second(self.queue.peek(self.queue.frames), sides)
        rails = tuple(_both(*pair) for pair in sides)
        found = [(side, rail) for pair in zip(sides, rails, strict=True) for side, rail in zip(*pair, strict=True)]
        seconds = np.sum([side.clipped(rail) for side, rail in found if rail], axis=0)
        samples = int(seconds.sum())
        worst = int(seconds.argmax()) if samples else 0
        length = min(self.source.sample_rate, self.frames - worst * self.source.sample_rate)
        return MeasuredClipping(
            rails=rails,
            share=samples / max(1, self.frames * self.source.channels),
            samples=samples,
            worst_s=float(worst) if samples else math.nan,
            worst_share=float(seconds[worst] / (length * self.source.channels)) if samples else 0.0,
        )

    def _second(self, audio: Block, sides: list[list[_Side]]) -> None:
        for channel, pair in zip(audio, sides, strict=True):
            for side, signed in zip(pair, (-channel, channel), strict=True):
                side.update(np.ascontiguousarray(signed, np.float32))


class _Side:
    """One side of one channel, as the positive side of a signal."""

    def __init__(self) -> None:
        self.counts, self.lobes = np.zeros(BINS, np.int64), np.zeros((4, BINS), np.int64)
        self.peak, self.at_peak, self.step = 0.0, 0, math.inf
        self.seconds: list[tuple[int, NDArray[np.uint16]]] = []  # the bin of the peak, and counts from there down

    def update(self, audio: NDArray[np.float32]) -> None:
        """Take a second, shape (frames,)."""
        peak = float(audio.max())
        counts = np.zeros(BINS, np.int64)
        if peak > LEAST:
            before = self.at_peak if peak <= self.peak else 0
            self.at_peak = before + (int(np.count_nonzero(audio == peak)) if peak >= self.peak else 0)
            self.peak = max(self.peak, peak)
            self.step = min(self.step, float(audio[audio > 0].min()))
            _count(audio, max(RANGE * peak, LEAST), counts, self.lobes)
            self.counts += counts
        top = _bin(peak) // COARSE
        kept = counts.reshape(-1, COARSE).sum(axis=1)[max(0, top + 1 - KEPT) : top + 1]
        self.seconds.append((top, np.minimum(kept[::-1], 65535).astype(np.uint16)))

    def clipped(self, rail: Rail) -> Floats:
        """Count the samples at a rail in each second."""
        reach = _bin(rail.reach) // COARSE
        return np.array([float(kept[: max(0, top + 1 - reach)].sum()) for top, kept in self.seconds])

    def rail(self, other: Rail | None = None) -> Rail | None:
        """Return the level at which this side is cut off, if it is.

        Args:
            other: the rail of the other side: near its level, a mode is enough.
        """
        if self.peak <= STEPS * self.step:
            return None
        density = np.convolve(_spread(self.counts) / WIDTHS, BLUR, "same")
        last = int(np.flatnonzero(self.counts)[-1])
        exact = last + 1 - _bins(EXACT_DB)
        lowest = max(last - _bins(DEEPEST_DB), _bins(2 * VALLEY_DB))
        best, chosen, alike = 0.0, 0, False
        for at in range(lowest, last + 1):
            rise, near = _rise(density, at), self._near(at)
            if rise < MODE or self._exceeded(at) or rise * near < best:
                continue
            as_other = other is not None and abs(at - _bin(other.level)) <= _bins(ALIKE_DB)
            if as_other or self._flat(at, rise, at >= exact):
                best, chosen, alike = rise * near, at, as_other
        if not chosen:
            return None
        if sharp := self._sharp(chosen):
            exactly = self.at_peak > SHARP * self.counts[sharp : sharp + 2].sum()
            level = self.peak if exactly else db_to_gain(LOWEST_DBFS + sharp / PER_DB)
            return Rail(level, 0.0, self._rounded(sharp))
        half = int(np.argmax(density[chosen:] < density[chosen] / 2))
        spread_db = math.sqrt(max(half**2 - (BLUR.size // 4) ** 2, 1)) / PER_DB
        level = db_to_gain(LOWEST_DBFS + (chosen + 0.5) / PER_DB)
        if self.peak >= level * db_to_gain(TAIL * spread_db):
            return Rail(level, spread_db)
        level *= db_to_gain(-spread_db)  # no codec: a shoulder, which begins lower
        number, flatter, _ = self._flatness(_bin(level))
        flat = alike or chosen >= exact or flatter > FLATTER
        sure = flatter * math.sqrt(number) > SURE_SHOULDER or not self._exceeded(_bin(level))
        return Rail(level, 0.0) if flat and sure else None

    def _near(self, at: int) -> int:
        return int(self.counts[at - _bins(NEAR_DB) : at + _bins(NEAR_DB) + 1].sum())

    def _exceeded(self, at: int) -> bool:
        """Say whether too few samples lie near a bin for a rail, or too many beyond it."""
        near, beyond = self._near(at), self.counts[at + _bins(BEYOND_DB) :].sum()
        return bool(near < FEWEST or beyond > BEYOND * near - math.sqrt(near))

    def _rounded(self, sharp: int) -> bool:
        """Say whether samples get more frequent towards a rail: peaks were rounded before they were cut off."""
        near, far = (slice(sharp - _bins(first), sharp - _bins(last)) for first, last in (NEAR_RAIL_DB, BELOW_IT_DB))
        number = max(1, int(self.counts[near].sum()))
        usual = self.counts[far].sum() / WIDTHS[far].sum()
        return bool(number / WIDTHS[near].sum() > (ROUNDED + 2 / math.sqrt(number)) * usual > 0)

    def _sharp(self, at: int) -> int:
        """Return the bin of a rail that nothing has scattered, 0 if something has: two bins hold most samples."""
        first = at - BLUR.size // 2
        near = self.counts[first : at + BLUR.size // 2 + 1]
        pairs = near[:-1] + near[1:]
        return first + int(pairs.argmax()) if pairs.max() > SHARP * near.sum() else 0

    def _flat(self, at: int, rise: float, exact: bool) -> bool:
        """Say whether lobes that reach a bin are flatter than lower ones, or their tips blunter."""
        number, flatter, blunter = self._flatness(at)
        sure = math.sqrt(number)
        if exact and flatter > 0 and blunter > BLUNTER and blunter * sure > SURE_BLUNTER:
            return True
        return rise > MODE + DOUBT / max(sure, 1) and flatter > FLATTER and flatter * sure > SURE_FLATTER

    def _flatness(self, at: int) -> tuple[int, float, float]:
        """Return how many lobes reach a bin, by how much they are flatter than lower ones, and their tips blunter."""
        reaching = self.lobes[:, at - _bins(NEAR_DB) :]
        number, flat, tip = _shape(reaching)
        if reaching[2].sum() < WIDE * number:
            return number, 0.0, 0.0
        _, lower, lower_tip = _shape(self.lobes[:, at - _bins(9) : at - _bins(3)])
        return number, flat - lower, tip - max(lower_tip, SINE_TIP)


def _both(low: _Side, high: _Side) -> tuple[Rail | None, Rail | None]:
    """Return the rails of both sides; most of the time they lie at the same level, and what came before or behind the
    clipping has rounded or scattered both."""
    first, second = low.rail(), high.rail()
    first, second = first or low.rail(second), second or high.rail(first)
    if first and second and abs(_bin(first.level) - _bin(second.level)) <= _bins(NEAR_DB):
        spread_db, rounded = max(first.spread_db, second.spread_db), first.rounded or second.rounded
        return Rail(first.level, spread_db, rounded), Rail(second.level, spread_db, rounded)
    return first, second


_EDGES = db_to_gain(np.arange(BINS + 1) / PER_DB + LOWEST_DBFS)
WIDTHS = np.diff(_EDGES)
BLUR = np.hanning(13)[1:-1]
BLUR /= BLUR.sum()


def _bins(width_db: float) -> int:
    return round(width_db * PER_DB)


def _bin(magnitude: float) -> int:
    return int(np.clip((20 * math.log10(max(magnitude, LEAST)) - LOWEST_DBFS) * PER_DB, 0, BINS - 1))


def _spread(counts: Counts) -> Floats:
    """Spread samples over the steps of a coarse quantisation, such as that of telephones, whose steps grow with the
    level: more bins below the peak are empty then than chance leaves empty. Finer ones stay as they are."""
    levels = np.flatnonzero(counts)
    top = counts[max(0, levels[-1] - _bins(DEEPEST_DB)) : levels[-1] + 1]
    by_chance = top.size * (1 - math.exp(-np.minimum(top, CROWDED).sum() / top.size))
    if levels.size == 1 or np.count_nonzero(top) > FILLED * by_chance:
        return counts.astype(np.float64)
    ends = (levels[:-1] + levels[1:]) / 2
    edges = np.r_[2 * levels[0] - ends[0], ends, 2 * levels[-1] - ends[-1]] + 0.5
    return np.diff(np.interp(np.arange(counts.size + 1), edges, np.r_[0, np.cumsum(counts[levels])]))


def _rise(density: Floats, at: int) -> float:
    """Return by how much the logarithm of a density rises from the valley below a bin to the bin."""
    valley = density[at - _bins(VALLEY_DB) : at + 1].min()
    return float(np.log(density[at] / valley)) if valley > 0 else 0.0


def _shape(lobes: Counts) -> tuple[int, float, float]:
    """Return how many lobes there are, how flat they are, and how blunt their tips; those of a sine for a few."""
    number, half, top, tip = (int(count) for count in lobes.sum(axis=1))
    return (number, top / half, tip / top) if number >= 5 else (number, SINE, SINE_TIP)


@njit()
def _count(audio: NDArray[np.float32], least: float, counts: Counts, lobes: Counts) -> None:
    """Count samples above `least` by level, and lobes by the level of their peak.

    Rows of `lobes`: how many there are, and how many of their samples reach HALF, TOP and TIP of the peak.
    """
    n = 0
    while n < audio.size:
        start, peak = n, np.float32(0)
        while n < audio.size and audio[n] > 0:
            peak = max(peak, audio[n])
            n += 1
        if peak > least:
            place = min(int((20 * math.log10(peak) - LOWEST_DBFS) * PER_DB), BINS - 1)
            lobes[0, place] += 1
            for k in range(start, n):
                value = audio[k]
                lobes[1, place] += value >= HALF * peak
                lobes[2, place] += value >= TOP * peak
                lobes[3, place] += value >= TIP * peak
                if value > least:
                    counts[min(int((20 * math.log10(value) - LOWEST_DBFS) * PER_DB), BINS - 1)] += 1
        n += 1
