"""Softens what a speaker does beside speaking: plosives, and breaths."""

from __future__ import annotations

import numpy as np

from aural.dsp.segments import SegmentStream
from aural.measure import breaths, plosives
from aural.measure.breaths import find_breaths
from aural.measure.plosives import deep, find_plosives
from aural.signals import Block, Format

PLOSIVE_FADE_S, BREATH_FADE_S = 0.01, 0.03


class PlosiveStream(SegmentStream):
    """Takes the depths out of plosives while they last; other moments are not touched."""

    def __init__(self, source: Format, cutoff_hz: float, range_db: float) -> None:
        seconds = plosives.SEGMENT_S, plosives.CONTEXT_S
        super().__init__(source, *(round(s * source.sample_rate) for s in seconds))
        self.cutoff_hz, self.taken = cutoff_hz, 1 - 10 ** (-range_db / 20)

    def process(self, audio: Block) -> Block:
        out, fade = audio.copy(), round(PLOSIVE_FADE_S * self.output.sample_rate)
        for burst in find_plosives(audio, self.output.sample_rate):
            channel = out[burst.channel]
            begin, end = max(0, burst.start - fade), min(channel.size, burst.stop + fade)
            low = deep(audio[burst.channel], self.output.sample_rate, self.cutoff_hz)[begin:end]
            channel[begin:end] -= self.taken * _faded(end - begin, fade) * low
        return out


class BreathStream(SegmentStream):
    """Lowers breaths; other moments are not touched."""

    def __init__(self, source: Format, range_db: float) -> None:
        seconds = breaths.SEGMENT_S, breaths.CONTEXT_S
        super().__init__(source, *(round(s * source.sample_rate) for s in seconds))
        self.taken = 1 - 10 ** (-range_db / 20)

    def process(self, audio: Block) -> Block:
        out, fade = audio.copy(), round(BREATH_FADE_S * self.output.sample_rate)
        for breath in find_breaths(audio, self.output.sample_rate):
            place = slice(breath.start, breath.stop)
            out[:, place] *= 1 - self.taken * _faded(breath.stop - breath.start, fade)
        return out


def _faded(frames: int, fade: int) -> Block:
    """Return ones that rise from zero and fall to it within so many frames."""
    rising = np.minimum(np.arange(frames) + 0.5, np.arange(frames)[::-1] + 0.5) / fade
    return np.asarray(np.sin(0.5 * np.pi * np.minimum(rising, 1)) ** 2, np.float32)
