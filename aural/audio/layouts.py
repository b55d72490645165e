"""Channel layouts by FFmpeg's names: which loudspeaker each channel belongs to, in the order of WAV and SMPTE."""

from __future__ import annotations

import re

SPEAKERS = {
    "mono": "FC",
    "stereo": "FL FR",
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "4.0": "FL FR FC BC",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "3.1": "FL FR FC LFE",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "4.1": "FL FR FC LFE BC",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR",
    "hexagonal": "FL FR FC BL BR BC",
    "6.1": "FL FR FC LFE BC SL SR",
    "6.1(back)": "FL FR FC LFE BL BR BC",
    "6.1(front)": "FL FR LFE FLC FRC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.0(front)": "FL FR FC FLC FRC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
    "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
    "5.1.2": "FL FR FC LFE BL BR TFL TFR",
    "octagonal": "FL FR FC BL BR BC SL SR",
    "downmix": "DL DR",
}
"""Abbreviations as FFmpeg and the channel mask of WAV have them: L and R left and right, F front, B back, S side, C
centre, T top, LFE the low-frequency channel."""

DEFAULTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""What a file means that says only how many channels it has, after the specification of FLAC."""


def default_layout(channels: int) -> str:
    """Name the layout of a signal of which only the number of channels is known."""
    return DEFAULTS[channels - 1] if channels <= len(DEFAULTS) else f"{channels} channels"


def speakers(layout: str) -> tuple[str, ...]:
    """List the loudspeakers of a layout; none where its name does not tell them."""
    listed = re.search(r"\(([A-Z]+(?:\+[A-Z]+)*)\)$", layout)  # FFmpeg's name of what has none: "2 channels (FL+LFE)"
    return tuple(SPEAKERS[layout].split()) if layout in SPEAKERS else tuple(listed[1].split("+") if listed else ())
