"""The filters before the engine: against rumble and mains hum."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aural.dsp.biquads import section

NOTCH_HZ = 2.0


def filter_sections(
    sample_rate: int, highpass_hz: float, hum_hz: float, harmonics: Sequence[int]
) -> list[list[float]]:
    """Design the filters in front as second-order sections; none where there is nothing to do.

    A Butterworth high-pass, and a notch 2 Hz wide at every harmonic below half the sample rate: narrow beside the
    lines of a voice, whose pitch is never still.
    """
    sections = [section("high-pass", highpass_hz / sample_rate)] if highpass_hz > 0 else []
    narrow = 2 * math.tan(math.pi * NOTCH_HZ / sample_rate)
    for line in (number * hum_hz / sample_rate for number in harmonics):
        if 0 < line < 0.49:
            sections.append(section("notch", line, q=math.sin(2 * math.pi * line) / narrow))
    return sections
