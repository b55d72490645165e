"""The filter that keeps the new band out of the old one."""

from __future__ import annotations

from aural.dsp import fir
from aural.signals import Format

STOP_DB = 100.0


def high_pass(source: Format, cutoff_hz: float) -> fir.FirStream:
    """Open a linear-phase high-pass: nothing below 96 % of the cut-off, everything from the cut-off.

    So there is nothing below 95 % of the true cut-off either, where it is found 1 % too low.
    """
    cutoff = 2 * cutoff_hz / source.sample_rate
    return fir.FirStream(source, fir.high_pass(0.98 * cutoff, fir.kaiser(STOP_DB, 0.04 * cutoff)), segment=32768)
