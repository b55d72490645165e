"""The filter that keeps the new band out of the old one."""

from __future__ import annotations

import numpy as np
from scipy.signal import firwin, kaiserord, oaconvolve

from aural.dsp.segments import SegmentStream
from aural.signals import Block, Format

STOP_DB = 100.0


class HighPass(SegmentStream):
    """Linear-phase high-pass: nothing below 96 % of the cut-off, everything from the cut-off.

    So there is nothing below 95 % of the true cut-off either, where it is found 1 % too low.
    """

    def __init__(self, source: Format, cutoff_hz: float) -> None:
        width = 0.04 * cutoff_hz / (source.sample_rate / 2)
        taps, beta = kaiserord(STOP_DB, width)
        self.kernel = firwin(
            taps | 1, 0.98 * cutoff_hz, window=("kaiser", beta), pass_zero=False, fs=source.sample_rate
        ).astype(np.float32)
        super().__init__(source, segment=32768, context=len(self.kernel) // 2)

    def process(self, audio: Block) -> Block:
        return oaconvolve(audio, self.kernel[None], mode="same", axes=-1)
