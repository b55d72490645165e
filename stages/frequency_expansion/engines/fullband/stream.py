"""The fullband network as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from aural import devices
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.dsp.resampling import AtRate
from aural.dsp.segments import SegmentStream
from aural.learning import weights
from aural.signals import Block, Format
from aural.stages.frequency_expansion.engine import NewBand
from aural.stages.frequency_expansion.engines.fullband.network import (
    BIN_HZ,
    BINS,
    HOP,
    REACH,
    SAMPLE_RATE,
    WINDOW,
    Fullband,
    analysis,
    synthesis,
)
from aural.stream import Stream

SEGMENT = 2048 * HOP  # 11 s
MOST = db_to_power(15)  # highest power of the new band relative to the octave below the cut-off


@cache
def network(path: Path) -> Fullband:
    """Open weights of the fullband network.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(Fullband(), path)


def open_fullband(source: Format, path: Path, band: NewBand) -> Stream:
    """Open a stream that makes the band at the network's own rate beside a signal of any rate."""
    return AtRate(source, SAMPLE_RATE, lambda inner: FullbandStream(inner, network(path), band))


class FullbandStream(SegmentStream):
    """Turns audio at 48 kHz into the band that it lacks between the cut-off and the ceiling.

    Where a filter's slope has left some signal there, a bin gets only the power that it lacks. No frame gets much
    more than the octave below the cut-off holds: where that is silent, nothing is made. A result depends on nothing
    beyond the context, so segments join without a seam.
    """

    def __init__(self, source: Format, network: Fullband, band: NewBand) -> None:
        super().__init__(source, SEGMENT, context=(REACH + WINDOW // HOP) * HOP)
        self.network = devices.placed(network)
        self.cutoff_hz = torch.full((source.channels,), band.cutoff_hz)
        hz = torch.arange(BINS) * BIN_HZ
        end = ((band.ceiling_hz - hz) / 150).clamp(0, 1)
        self.octave = ((hz >= band.cutoff_hz / 2) & (hz < 0.94 * band.cutoff_hz)).float()
        self.gain = db_to_gain(band.level_db) * torch.sin(torch.pi / 2 * end) * (hz >= 0.94 * band.cutoff_hz)

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        frames = audio.shape[-1]
        padded = functional.pad(torch.from_numpy(np.ascontiguousarray(audio)), (0, -frames % HOP))
        spectra = analysis(padded)
        return synthesis(self._missing(spectra), padded.shape[-1])[:, :frames].numpy()

    def _missing(self, spectra: Tensor) -> Tensor:
        predicted = devices.run(self.network, spectra, self.cutoff_hz)
        power = torch.exp(2 * predicted.log_amplitude) * self.gain.square()
        there = spectra.real.square() + spectra.imag.square()
        below = (there * self.octave).sum(-1, keepdim=True)
        power = power * (MOST * below / (power.sum(-1, keepdim=True) + 1e-24)).clamp(max=1)
        return torch.polar((power - there).clamp(min=0).sqrt(), predicted.phase)
