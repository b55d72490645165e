"""The network as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aural import devices
from aural.dsp import spectra as spectrum
from aural.dsp.resampling import AtRate
from aural.dsp.segments import SegmentStream
from aural.learning import weights
from aural.signals import Block, Format
from aural.stages.frequency_generation.engine import Damage
from aural.stages.frequency_generation.engines.stochastic.fill import analysis, filled, power_of, synthesis
from aural.stages.frequency_generation.engines.stochastic.network import (
    BIN_HZ,
    HOP,
    PHASORS,
    REACH,
    SAMPLE_RATE,
    STEP,
    WINDOW,
    BinLevels,
)
from aural.stages.frequency_generation.holes import NOTHING, Holes
from aural.stream import Stream

SEGMENT = 1024 * HOP  # 5.5 s
FADE_HZ = 150.0  # below the ceiling


@cache
def network(path: Path, phasors: int) -> BinLevels:
    """Open weights of the network, or of its twin without a noise z.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(BinLevels(phasors), path)


def open_levels(source: Format, damage: Damage, path: Path, phasors: int, seed: int) -> Stream:
    """Open a stream that makes what is missing at the network's own rate beside a signal of any."""
    return AtRate(source, SAMPLE_RATE, lambda inner: LevelsStream(inner, damage, network(path, phasors), seed))


class LevelsStream(SegmentStream):
    """Turns audio at 48 kHz into what it lacks, and nothing else: it is silent wherever the codec left no hole.

    A result depends on nothing farther away than the context reaches, so segments meet without a seam.
    """

    def __init__(self, source: Format, damage: Damage, network: BinLevels, seed: int) -> None:
        reach = STEP * (REACH + 1) + WINDOW // HOP
        super().__init__(source, SEGMENT, context=-(-reach // STEP) * STEP * HOP)
        self.network, self.seed, self.damage = devices.placed(network), seed, damage
        self.done = 0
        hz = torch.arange(WINDOW // 2 + 1) * BIN_HZ
        self.shape = torch.sin(torch.pi / 2 * ((damage.ceiling_hz - hz) / FADE_HZ).clamp(0, 1))

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        frames = audio.shape[-1]
        padded = torch.from_numpy(np.pad(audio, ((0, 0), (0, -frames % (STEP * HOP)))))
        spectra = analysis(padded)
        first = (self.done - self.before) // HOP
        z = self._noise(range(first, first + spectra.shape[1]), PHASORS, None)[:, ::STEP]
        levels = devices.run(self.network, power_of(spectra[:, ::STEP]), z)
        noise = self._noise(range(first, first + spectra.shape[1]), spectra.shape[-1], spectra)
        made = filled(spectra, levels, noise, self.damage.level_db) * self.shape * self._lost(spectra)
        self.done += self.segment
        return synthesis(made, padded.shape[-1])[:, :frames].numpy()

    def _lost(self, spectra: Tensor) -> Tensor:
        """Say which bins the codec has left empty."""
        damage = self.damage
        holes = Holes(len(spectra), BIN_HZ, 1000 * HOP / SAMPLE_RATE, damage.cutoff_hz, damage.ceiling_hz)
        lost = holes.find(spectra.numpy(), last=True)[1] > NOTHING
        lost[..., : holes.cutoff] &= damage.porous
        return torch.from_numpy(lost)

    def _noise(self, frames: range, count: int, spectra: Tensor | None) -> Tensor:
        """Return phasors that depend on seed and place alone: z is one for all channels, noise as alike as they."""
        channels = self.output.channels
        like = np.ones((channels, len(frames)), np.float32) if spectra is None else spectrum.likeness(spectra.numpy())
        seed = 2 * self.seed + (spectra is None)
        return torch.from_numpy(spectrum.noise(seed, frames, range(count), like))
