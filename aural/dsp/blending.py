"""A stream and its own input, added in time with each other."""

from __future__ import annotations

import numpy as np

from aural.dsp.resampling import resampler
from aural.signals import Block, Format
from aural.stream import Aligned, Stream


class BlendStream(Stream):
    """Adds a stream and its own input, in time with each other and at the stream's rate."""

    def __init__(self, stream: Stream, source: Format, dry: float, wet: float) -> None:
        super().__init__(stream.output)
        self.gains = (np.float32(dry), np.float32(wet))
        self.sides = (resampler(source, stream.output.sample_rate), stream)
        self.waiting = Aligned(2)

    def push(self, block: Block) -> Block:
        return self._blend([side.push(block) for side in self.sides])

    def flush(self) -> Block:
        return self._blend([side.flush() for side in self.sides])

    def _blend(self, blocks: list[Block]) -> Block:
        dry, wet = (gain * block for gain, block in zip(self.gains, self.waiting.take(blocks), strict=True))
        return dry + wet
