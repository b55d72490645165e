"""The level of the new band, predicted by a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from aural import devices
from aural.dsp.spectra import Levels
from aural.learning import weights
from aural.signals import Format
from aural.stages.frequency_expansion.bands import known
from aural.stages.frequency_expansion.engine import NewBand
from aural.stages.frequency_expansion.engines.envelope.network import REACH, Envelope
from aural.stages.frequency_expansion.stream import NewBandStream


@cache
def network(path: Path) -> Envelope:
    """Open weights of the envelope network.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(Envelope(), path)


class EnvelopeStream(NewBandStream):
    """Lets a network predict the level of the new band."""

    def __init__(self, source: Format, band: NewBand, noise: float, network: Envelope) -> None:
        super().__init__(source, band, noise, REACH)
        self.network = devices.placed(network)
        masks = np.stack([known(band.cutoff_hz), self.octave]).astype(np.float32)
        self.masks = [torch.from_numpy(mask).expand(source.channels, -1) for mask in masks]

    @torch.inference_mode()
    def expect(self, levels: Levels, standing: Levels, floor: Levels) -> Levels:
        found = devices.run(self.network, *(torch.from_numpy(x) for x in (levels, standing, floor)), *self.masks)
        return np.asarray(found.numpy())
