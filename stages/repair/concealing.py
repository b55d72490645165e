"""Conceals gaps: continues what was before and what comes behind, and fades one into the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from aural.dsp.autoregression import burg, extrapolate
from aural.dsp.segments import SegmentStream
from aural.measure.gaps import CONTEXT_S, SEGMENT_S, find_gaps
from aural.signals import Block, Format

Signal = NDArray[np.float64]

HEARD_S = 0.07  # on each side, what the continuation is learnt from
ORDER_S = 0.01  # a period of the lowest voices
TONE_S, TONE_ORDER = 0.02, 32
TONE_REACH_S = 0.3
SMOOTH_S, STILL = 0.005, 0.5  # room tone comes where this part of its power is not there any more


class ConcealStream(SegmentStream):
    """Finds gaps and fills them, segment by segment; segments without any are not touched."""

    def __init__(self, source: Format, longest_s: float) -> None:
        super().__init__(source, round(SEGMENT_S * source.sample_rate), round(CONTEXT_S * source.sample_rate))
        self.longest_s = longest_s

    def process(self, audio: Block) -> Block:
        out = audio.copy()
        for gap in find_gaps(audio, self.output.sample_rate, self.longest_s):
            channel = out[gap.channel]
            filled = self._filled(channel.astype(np.float64), gap.start, gap.stop)
            channel[gap.start : gap.stop] = filled
        return out

    def _filled(self, audio: Signal, start: int, stop: int) -> Signal:
        """Return what a gap is filled with: both continuations, and room tone where they have died away."""
        frames, heard = stop - start, self._frames(HEARD_S)
        before = self._continued(audio[max(0, start - heard) : start], frames)
        behind = self._continued(audio[stop : stop + heard][::-1], frames)[::-1]
        fade = np.sin(0.5 * np.pi * (np.arange(frames) + 0.5) / frames) ** 2
        filled = (1 - fade) * before + fade * behind
        tone = self._room_tone(audio, start, stop)
        power = uniform_filter1d(filled**2, self._frames(SMOOTH_S), mode="nearest")
        missing = np.clip(1 - power / max(STILL * float(np.mean(tone**2)), 1e-30), 0, 1)
        return np.asarray(filled + np.sqrt(missing) * tone)

    def _continued(self, audio: Signal, frames: int) -> Signal:
        order = min(self._frames(ORDER_S), audio.size // 3)
        if order < 1:
            return np.zeros(frames)
        return extrapolate(audio, burg(np.ascontiguousarray(audio), order), frames)

    def _room_tone(self, audio: Signal, start: int, stop: int) -> Signal:
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

    def _frames(self, seconds: float) -> int:
        return round(seconds * self.output.sample_rate)
