"""The repairs as streams: defects are repaired segment by segment, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.ndimage import uniform_filter1d

from aural.dsp.autoregression import burg, extrapolate, fill
from aural.dsp.decibels import db_to_gain
from aural.dsp.passages import Passages, inside
from aural.dsp.segments import SegmentStream
from aural.measure import breaths, clicks, gaps, plosives
from aural.measure.defects import Defect
from aural.signals import Block, Format
from aural.stages.repair import declipping

Floats = NDArray[np.float64]

DECLICK_WINDOW_S = 0.093
ORDERS = (32, 128)
LEARNT_S = 0.07  # of audio on each side of a gap, to which the model is fitted
ORDER_S = 0.01  # a period of the lowest voices
TONE_S, TONE_ORDER = 0.02, 32
TONE_REACH_S = 0.3
SMOOTH_S, STILL = 0.005, 0.5  # room tone comes where this part of its power is not there any more
TONES_HZ = 80.0  # the lowest of most voices
VOICED_S, VOICED = 0.04, 10.0  # what is deeper over tones that are half a burst's and half a voice's, in power
PLOSIVE_FADE_S, BREATH_FADE_S = 0.01, 0.03


class RepairStream(SegmentStream):
    """Works on segments of so many seconds."""

    def __init__(self, source: Format, segment_s: float, context_s: float) -> None:
        super().__init__(source, *(round(seconds * source.sample_rate) for seconds in (segment_s, context_s)))

    def _frames(self, seconds: float) -> int:
        return round(seconds * self.output.sample_rate)


class DeclipStream(RepairStream):
    """Restores each channel by itself, in segments; those without a sample at a rail are not touched.

    Rails, and how far their samples are scattered in dB, have shape (channels, 2): the negative side first.
    """

    def __init__(self, source: Format, rails: Block, spreads_db: Block, headroom_db: float) -> None:
        super().__init__(source, declipping.SEGMENT_S, declipping.CONTEXT_S)
        self.rails, self.headroom = rails, db_to_gain(headroom_db)
        self.spreads = db_to_gain(-spreads_db)

    def process(self, audio: Block) -> Block:
        out = audio.copy()
        for channel, (low, high), spreads in zip(out, self.rails, self.spreads, strict=True):
            below_from, above_from = spreads * (low, high)
            above = (channel >= above_from) if high > 0 else np.zeros(channel.size, np.bool_)
            below = (channel <= below_from) if low < 0 else np.zeros(channel.size, np.bool_)
            wrong = above | below
            for place in declipping.islands(wrong, self._frames(declipping.WINDOW_S)):
                y = channel[place].astype(np.float64)
                lowest, highest = self.headroom * low, self.headroom * high
                most = max(-lowest, highest)
                bounds = declipping.Bounds(
                    np.where(below[place], np.minimum(y, lowest), y) / most,
                    np.where(above[place], np.maximum(y, highest), y) / most,
                )
                restored = self._restored(y / most, bounds) * most
                channel[place][wrong[place]] = restored[wrong[place]]
        return out

    def _restored(self, y: Floats, bounds: declipping.Bounds) -> Floats:
        """Return the mean of two estimates, whose errors are largely independent."""
        windows = (self._frames(seconds) for seconds in (declipping.WINDOW_S, declipping.LONGER_S))
        hop = declipping.sparsest(y, tuple(next_fast_len(window // 2, real=True) for window in windows))
        first = declipping.sparse(y, bounds, hop)
        return (first + declipping.autoregressive(first, bounds, self._frames(declipping.WINDOW_S))) / 2


class DeclickStream(RepairStream):
    """Finds clicks and refills them, segment by segment; segments without any are not touched."""

    def __init__(self, source: Format, threshold_db: float) -> None:
        super().__init__(source, clicks.SEGMENT_S, clicks.CONTEXT_S)
        self.threshold_db, self.half = threshold_db, round(DECLICK_WINDOW_S * source.sample_rate / 2)

    def process(self, audio: Block) -> Block:
        found = clicks.find_clicks(audio, self.output.sample_rate, self.threshold_db)
        out = audio.copy()
        for group in _groups(found, self.half // 2):
            channel = out[group[0].channel]
            start = max(0, (group[0].start + group[-1].stop) // 2 - self.half)
            piece = channel[start : start + 2 * self.half].astype(np.float64)
            missing = np.unique(np.concatenate([np.arange(click.start, click.stop) for click in group])) - start
            fill(piece, missing, ORDERS)
            channel[start + missing] = piece[missing]
        return out


def _groups(found: Sequence[Defect], reach: int) -> Iterator[list[Defect]]:
    """Group clicks of a channel that lie so close that one would spoil the model for the other."""
    group: list[Defect] = []
    for click in found:
        if group and (click.channel != group[0].channel or click.stop - group[0].start > reach):
            yield group
            group = []
        group.append(click)
    if group:
        yield group


class ConcealStream(RepairStream):
    """Finds gaps and fills them, segment by segment; segments without any are not touched."""

    def __init__(self, source: Format, longest_s: float) -> None:
        super().__init__(source, gaps.SEGMENT_S, gaps.CONTEXT_S)
        self.longest_s = longest_s

    def process(self, audio: Block) -> Block:
        out = audio.copy()
        for gap in gaps.find_gaps(audio, self.output.sample_rate, self.longest_s):
            channel = out[gap.channel]
            filled = self._filled(channel.astype(np.float64), gap.start, gap.stop)
            channel[gap.start : gap.stop] = filled
        return out

    def _filled(self, audio: Floats, start: int, stop: int) -> Floats:
        """Return what a gap is filled with: both continuations, and room tone where they have died away."""
        frames, near = stop - start, self._frames(LEARNT_S)
        before = self._continued(audio[max(0, start - near) : start], frames)
        behind = self._continued(audio[stop : stop + near][::-1], frames)[::-1]
        fade = np.sin(0.5 * np.pi * (np.arange(frames) + 0.5) / frames) ** 2
        filled = (1 - fade) * before + fade * behind
        tone = self._room_tone(audio, start, stop)
        power = uniform_filter1d(filled**2, self._frames(SMOOTH_S), mode="nearest")
        missing = np.clip(1 - power / max(STILL * float(np.mean(tone**2)), 1e-30), 0, 1)
        return np.asarray(filled + np.sqrt(missing) * tone)

    def _continued(self, audio: Floats, frames: int) -> Floats:
        order = min(self._frames(ORDER_S), audio.size // 3)
        if order < 1:
            return np.zeros(frames)
        return extrapolate(audio, burg(np.ascontiguousarray(audio), order), frames)

    def _room_tone(self, audio: Floats, start: int, stop: int) -> Floats:
        """Return noise like the quietest moment around a gap."""
        piece, reach = self._frames(TONE_S), self._frames(TONE_REACH_S)
        sides = audio[max(0, start - reach) : start], audio[stop : stop + reach]
        pieces = [side[n : n + piece] for side in sides for n in range(0, side.size - piece + 1, piece)]
        pieces = [p for p in pieces if p.all()] or [np.zeros(piece)]
        quiet = min(pieces, key=lambda p: float(np.sum(p**2)))
        noise = np.random.default_rng(0).standard_normal(stop - start + piece)
        if quiet.any():
            shaped = extrapolate(np.zeros(TONE_ORDER), burg(quiet, TONE_ORDER), noise.size, noise)[piece:]
            return np.asarray(shaped * np.sqrt(np.mean(quiet**2) / max(float(np.mean(shaped**2)), 1e-30)))
        return np.zeros(stop - start)


class VoiceRepairStream(RepairStream):
    """Repairs what only voices have, where no music plays."""

    def __init__(self, source: Format, segment_s: float, context_s: float, music: Passages) -> None:
        super().__init__(source, segment_s, context_s)
        self.music = music

    def _spoken(self, defects: Sequence[Defect]) -> Iterator[Defect]:
        """Leave out those that begin in music."""
        rate = self.output.sample_rate
        return (found for found in defects if not inside((self.first + found.start) / rate, self.music))


class PlosiveStream(VoiceRepairStream):
    """Takes the low frequencies out of plosives, but not a voice that speaks on; other moments are not touched."""

    def __init__(self, source: Format, cutoff_hz: float, range_db: float, music: Passages) -> None:
        super().__init__(source, plosives.SEGMENT_S, plosives.CONTEXT_S, music)
        self.cutoff_hz, self.taken = cutoff_hz, 1 - db_to_gain(-range_db)

    def process(self, audio: Block) -> Block:
        out, fade = audio.copy(), round(PLOSIVE_FADE_S * self.output.sample_rate)
        for burst in self._spoken(plosives.find_plosives(audio, self.output.sample_rate)):
            channel = out[burst.channel]
            begin, end = max(0, burst.start - fade), min(channel.size, burst.stop + fade)
            low = self._burst(audio[burst.channel])[begin:end]
            channel[begin:end] -= self.taken * _faded(end - begin, fade) * low
        return out

    def _burst(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is below the cut-off; from the tones of a voice up, less of it, the louder they are."""
        rate, reach = self.output.sample_rate, self._frames(VOICED_S)
        deep = plosives.deep(audio, rate, min(TONES_HZ, self.cutoff_hz))
        tones = plosives.deep(audio, rate, self.cutoff_hz) - deep
        power, louder = (uniform_filter1d(np.square(part, dtype=np.float64), reach) for part in (deep, tones))
        return np.asarray(deep + tones * power / (power + VOICED * louder + 1e-30), np.float32)


class BreathStream(VoiceRepairStream):
    """Lowers breaths; other moments are not touched."""

    def __init__(self, source: Format, range_db: float, music: Passages) -> None:
        super().__init__(source, breaths.SEGMENT_S, breaths.CONTEXT_S, music)
        self.taken = 1 - db_to_gain(-range_db)

    def process(self, audio: Block) -> Block:
        out, fade = audio.copy(), round(BREATH_FADE_S * self.output.sample_rate)
        for breath in self._spoken(breaths.find_breaths(audio, self.output.sample_rate)):
            place = slice(breath.start, breath.stop)
            out[:, place] *= 1 - self.taken * _faded(breath.stop - breath.start, fade)
        return out


def _faded(frames: int, fade: int) -> Block:
    """Return ones that rise from zero and fall to it within so many frames."""
    rising = np.minimum(np.arange(frames) + 0.5, np.arange(frames)[::-1] + 0.5) / fade
    return np.asarray(np.sin(0.5 * np.pi * np.minimum(rising, 1)) ** 2, np.float32)
