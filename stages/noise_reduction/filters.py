"""The filters before the engine: against rumble and mains hum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

from aural.signals import Block, Format
from aural.stream import Stream

SLAB = 65536
NOTCH_HZ = 2.0
HIGHPASS_ORDER = 2

Sections = NDArray[np.float64]
"""Second-order sections, shape (sections, 6)."""


class FilterStream(Stream):
    """Second-order sections with their state, in double precision.

    They begin as if the first frame had always been there: an offset goes without a thump.
    """

    def __init__(self, source: Format, sections: Sections) -> None:
        super().__init__(source)
        self.sections = sections
        self.state: NDArray[np.float64] | None = None

    def push(self, block: Block) -> Block:
        if self.state is None and block.shape[-1]:
            self.state = sosfilt_zi(self.sections)[:, np.newaxis] * block[:, :1].astype(np.float64)
        out = np.empty_like(block)
        for start in range(0, block.shape[-1], SLAB):
            piece = block[:, start : start + SLAB].astype(np.float64)
            out[:, start : start + SLAB], self.state = sosfilt(self.sections, piece, zi=self.state)
        return out


def filter_sections(sample_rate: int, highpass_hz: float, hum_hz: float, harmonics: Sequence[int]) -> Sections:
    """Design the filters in front as second-order sections, shape (sections, 6), none where nothing is wanted.

    A Butterworth high-pass, and a notch 2 Hz wide at every harmonic below half the sample rate: narrow beside the
    lines of a voice, whose pitch is never still.
    """
    parts = [np.zeros((0, 6))]
    if highpass_hz > 0:
        parts.append(butter(HIGHPASS_ORDER, highpass_hz, "highpass", fs=sample_rate, output="sos"))
    for line_hz in (number * hum_hz for number in harmonics):
        if 0 < line_hz < 0.49 * sample_rate:
            parts.append(tf2sos(*iirnotch(line_hz, line_hz / NOTCH_HZ, fs=sample_rate)))
    return np.concatenate(parts)
