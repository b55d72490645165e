"""Decoded sound brought into place: holes become silence, and a format that changes becomes the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from aural.audio.frames import Sound
from aural.audio.spool import BLOCK_FRAMES
from aural.dsp.resampling import resampler
from aural.errors import AudioError
from aural.signals import Block, Format
from aural.stream import Stream

JITTER_S = 0.02
"""Time stamps of live recordings waver by so much, and by the length of a packet."""
ROUNDING_S = 0.002
"""How exact the coarsest time stamps are, those in milliseconds."""
BACK_S = 1.0
"""Time stamps that go back further begin anew, as in files that were joined."""
MOST_SILENCE_S = 3600.0
"""Longer holes, all together, are no holes but wrong time stamps."""


class Timeline:
    """Puts silence where time stamps leave a hole, or where a packet could not be decoded."""

    def __init__(self) -> None:
        self.position_s = 0.0
        self.offset_s: float | None = None
        """What is added to a time stamp to get the position."""
        self.longest_s = 0.0
        self.lost: list[tuple[float, float]] = []
        """Where a hole begins, and how long it is."""

    def place(self, sounds: Iterator[Sound]) -> Iterator[Sound]:
        """Give sound on, with silence in its holes.

        Raises:
            AudioError: holes are too long to be holes.
        """
        self.offset_s = None
        for sound in sounds:
            rate = sound.format.sample_rate
            hole = round(self._hole_s(sound) * rate)
            if hole > 0:
                self.lost.append((self.position_s, hole / rate))
                if self.lost_s > MOST_SILENCE_S:
                    raise AudioError("has time stamps that leave more than an hour without sound")
            for start in range(0, hole, BLOCK_FRAMES):
                silence = np.zeros((sound.format.channels, min(BLOCK_FRAMES, hole - start)), np.float32)
                yield Sound(silence, sound.format)
            yield sound
            seconds = sound.audio.shape[-1] / rate
            self.position_s += hole / rate + seconds
            self.longest_s = max(self.longest_s, seconds)

    @property
    def lost_s(self) -> float:
        """Length of all holes together."""
        return sum(length for _, length in self.lost)

    def _hole_s(self, sound: Sound) -> float:
        if sound.at_s is None:
            return sound.lost_s
        if self.offset_s is None:
            self.offset_s = self.position_s - sound.at_s + sound.lost_s
        gap_s = sound.at_s + self.offset_s - self.position_s
        if gap_s < -BACK_S:
            self.offset_s = self.position_s - sound.at_s
            return 0.0
        tolerated_s = ROUNDING_S if sound.lost_s else max(JITTER_S, 0.9 * self.longest_s)
        return gap_s if gap_s > tolerated_s else 0.0


class Alike:
    """Brings sound to the format that a file begins with."""

    def __init__(self, target: Format, tell: Callable[[Format], None]) -> None:
        self.target, self.tell = target, tell
        self.stream: Stream | None = None
        self.resampled = 0

    def convert(self, sounds: Iterator[Sound]) -> Iterator[Block]:
        """Give blocks in the target's rate and channels; `tell` learns of each other format."""
        for sound in sounds:
            rate, channels = sound.format.sample_rate, sound.format.channels
            if (rate, channels) != (self.target.sample_rate, self.target.channels):
                self.tell(sound.format)
            audio = (
                sound.audio if channels == self.target.channels else remixed(sound.audio, sound.format, self.target)
            )
            if rate != self.resampled:
                yield from self._flushed()
                self.resampled = rate
                if rate != self.target.sample_rate:
                    self.stream = resampler(Format(rate, self.target.channels), self.target.sample_rate)
            yield self.stream.push(audio) if self.stream else audio
        yield from self._flushed()

    def _flushed(self) -> Iterator[Block]:
        if self.stream:
            yield self.stream.flush()
        self.stream = None


def remixed(audio: Block, source: Format, target: Format) -> Block:
    """Bring audio from one channel layout to another, by FFmpeg's matrix."""
    import av

    if not audio.shape[-1]:
        return np.zeros((target.channels, 0), np.float32)
    packed = np.ascontiguousarray(audio.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=source.layout)
    frame.sample_rate = source.sample_rate
    resample: Any = av.AudioResampler(format="flt", layout=target.layout, rate=source.sample_rate).resample
    out = [part.to_ndarray() for part in (*resample(frame), *resample(None))]
    return np.ascontiguousarray(np.concatenate(out, axis=-1).reshape(-1, target.channels).T)


def gathered(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join short blocks into blocks of about BLOCK_FRAMES."""
    waiting: list[Block] = []
    frames = 0
    for block in blocks:
        waiting.append(block)
        frames += block.shape[-1]
        if frames >= BLOCK_FRAMES:
            yield joined(waiting)
            waiting, frames = [], 0
    if frames:
        yield joined(waiting)


def joined(blocks: list[Block]) -> Block:
    """Join blocks into one, channel after channel in memory."""
    return np.concatenate(
        blocks, axis=-1, out=np.empty((len(blocks[0]), sum(block.shape[-1] for block in blocks)), np.float32)
    )
