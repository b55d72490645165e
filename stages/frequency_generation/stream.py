"""STFT frames whose holes are looked for, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aural.dsp import spectra as spectrum
from aural.dsp.frames import FrameStream, Spectra, frame_sizes
from aural.dsp.spectra import Levels
from aural.signals import Block, Format
from aural.stages.frequency_generation.holes import NOTHING, Holes
from aural.stream import pump

WINDOW_MS = 21.0
OVERLAP = 4
LOUD = 1e-5  # frames below this share of the loudest so far are not counted


class HannStream(FrameStream):
    """STFT frames with a Hann window on both sides: loud bins leak less into the holes next to them."""

    def __init__(self, source: Format, cutoff_hz: float, ceiling_hz: float) -> None:
        window, hop = frame_sizes(source.sample_rate, WINDOW_MS, OVERLAP)
        super().__init__(source, window, hop)
        self.analysis = self.analysis**2
        self.synthesis = (self.analysis / (0.375 * OVERLAP)).astype(np.float32)
        self.step_hz = source.sample_rate / window
        hop_ms = 1000 * hop / source.sample_rate
        self.holes = Holes(source.channels, self.step_hz, hop_ms, cutoff_hz, ceiling_hz)


class CountStream(HannStream):
    """Counts the holes in a signal; outputs nothing."""

    def __init__(self, source: Format, cutoff_hz: float) -> None:
        super().__init__(source, cutoff_hz, ceiling_hz=cutoff_hz)
        self.loudest, self.counted, self.empty = 0.0, 0, 0

    def change(self, spectra: Spectra) -> Spectra:
        self._count(*self.holes.find(spectra))
        return spectra[:, :0]

    def finish(self) -> None:
        self._count(*self.holes.find(np.zeros_like(self.holes.held[:, :0]), last=True))

    def _count(self, spectra: Spectra, missing: Levels) -> None:
        known = slice(self.holes.lowest, self.holes.cutoff)
        power = spectrum.power(spectra).sum(axis=(0, 2))
        loudest = np.maximum(np.maximum.accumulate(power), self.loudest)
        loud = power > LOUD * loudest
        self.loudest = float(loudest[-1]) if len(loudest) else self.loudest
        below = missing[:, loud, known]
        self.counted += below.size
        self.empty += int((below > NOTHING).sum())


def share_of_holes(blocks: Iterable[Block], source: Format, cutoff_hz: float) -> float:
    """Return which share of the spectrum below the cut-off is holes, 0 to 1."""
    counter = CountStream(source, cutoff_hz)
    for _ in pump(counter, blocks):
        pass
    return counter.empty / max(counter.counted, 1)
