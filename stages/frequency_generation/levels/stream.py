"""The network as a stream."""

from __future__ import annotations

from collections.abc import Callable
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
from aural.stages.frequency_generation.levels.fill import analysis, filled, power_of, synthesis
from aural.stages.frequency_generation.levels.network import (
    AROUND,
    BIN_HZ,
    HOP,
    PHASORS,
    SAMPLE_RATE,
    STEP,
    WINDOW,
    LevelsNetwork,
)
from aural.stream import Stream

FRAME = STEP * HOP  # from one frame of levels to the next
SEGMENT = 512 * FRAME  # 5.5 s
FILL = 20  # frames of levels to either side that the fill needs
FADE_HZ = 150.0  # below the ceiling
SOFTER_DB = -4.0  # than the level that the original had: nearest to it, since the noise itself is another


@cache
def opened(path: Path, make: Callable[[], LevelsNetwork]) -> LevelsNetwork:
    """Open weights of the network that `make` makes.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(make(), path)


def open_levels(source: Format, damage: Damage, path: Path, make: Callable[[], LevelsNetwork], seed: int) -> Stream:
    """Open a stream that makes what is missing at the network's own rate beside a signal of any."""
    return AtRate(source, SAMPLE_RATE, lambda inner: LevelsStream(inner, damage, opened(path, make), seed))


class LevelsStream(SegmentStream):
    """Turns audio at 48 kHz into what it lacks, and nothing else: it is silent where nothing is missing.

    A result depends on nothing farther away than the context reaches, so segments meet without a seam. Most of the
    context only counts for the level around; the network and the fill take the frames that are near, from a place on
    the network's grid.
    """

    def __init__(self, source: Format, damage: Damage, network: LevelsNetwork, seed: int) -> None:
        self.near = -(-(network.layers + FILL) // network.grid) * network.grid
        super().__init__(source, SEGMENT, context=(AROUND + self.near) * FRAME)
        self.network, self.seed, self.level_db = devices.placed(network), seed, damage.level_db + SOFTER_DB
        self.done = 0
        hz = torch.arange(WINDOW // 2 + 1) * BIN_HZ
        self.empty, self.slight = (hz >= damage.cutoff_hz).float(), damage.slight
        fades = torch.sin(torch.pi / 2 * ((damage.ceiling_hz - hz) / FADE_HZ).clamp(0, 1))
        self.shape = fades if damage.porous else fades * self.empty

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        count = -(-audio.shape[-1] // FRAME)
        spectra = analysis(torch.from_numpy(np.pad(audio, ((0, 0), (0, count * FRAME - audio.shape[-1])))))
        begin = max(0, self.before // FRAME - self.near)
        end = min(count, (self.before + self.segment) // FRAME + self.near)
        first = (self.done - self.before) // HOP
        z = self._noise(range(first, first + spectra.shape[1]), PHASORS, None)[:, ::STEP]
        levels = devices.run(self.network, power_of(spectra[:, ::STEP]), z, slice(begin, end + 1))
        spectra = spectra[:, STEP * begin : STEP * end + 1]
        first += STEP * begin
        noise = self._noise(range(first, first + spectra.shape[1]), spectra.shape[-1], spectra)
        made = filled(spectra, levels, noise, self.level_db, self.empty, self.slight) * self.shape
        self.done += self.segment
        result = np.zeros_like(audio)
        made = synthesis(made, (end - begin) * FRAME)[:, : audio.shape[-1] - begin * FRAME]
        result[:, begin * FRAME : end * FRAME] = made
        return result

    def _noise(self, frames: range, count: int, spectra: Tensor | None) -> Tensor:
        """Return phasors that depend on seed and place alone: z is one for all channels, noise as alike as they."""
        channels = self.output.channels
        like = np.ones((channels, len(frames)), np.float32) if spectra is None else spectrum.likeness(spectra.numpy())
        seed = 2 * self.seed + (spectra is None)
        return torch.from_numpy(spectrum.noise(seed, frames, range(count), like))
