"""The unet as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from aural import devices
from aural.dsp.decibels import db_to_gain
from aural.dsp.resampling import AtRate
from aural.dsp.segments import SegmentStream
from aural.learning import weights
from aural.signals import Block, Format
from aural.stages.noise_reduction.engines.unet.curves import MelBands
from aural.stages.noise_reduction.engines.unet.network import GRID, REACH, Unet
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE, WINDOW
from aural.stream import Stream

SEGMENT = 96 * GRID * HOP  # 25 s


@cache
def opened(path: Path) -> Unet:
    """Open weights of the unet.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(Unet(), path).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def open_unet(source: Format, path: Path, max_attenuation_db: float, studio: float) -> Stream:
    """Open a stream that runs the network at its own rate inside a signal of any rate."""
    network = opened(path)
    return AtRate(source, SAMPLE_RATE, lambda inner: UnetStream(inner, network, max_attenuation_db, studio))


class UnetStream(SegmentStream):
    """Attenuates noise, and gives a voice a studio sound, in audio at 48 kHz.

    All channels get one gain, computed from their mean power. A result depends on nothing beyond the context, so
    segments join without a seam.
    """

    def __init__(self, source: Format, network: Unet, max_attenuation_db: float, studio: float) -> None:
        super().__init__(source, SEGMENT, context=REACH * HOP)
        self.network, self.bands = devices.placed(network), MelBands()
        self.studio, self.floor = studio, db_to_gain(-max_attenuation_db)

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        frames = audio.shape[-1]
        padded = functional.pad(torch.from_numpy(np.ascontiguousarray(audio)), (0, -frames % HOP))
        window = torch.hann_window(WINDOW).sqrt()
        spectra = torch.stft(padded, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
        predicted = devices.run(self.network, spectra.abs().square().mean(dim=0).T[None])
        bands = predicted.voice * db_to_gain(self.studio * predicted.character_db)
        gains = self.floor + (1 - self.floor) * self.bands.to_bins(bands)
        return torch.istft(spectra * gains[0].T, WINDOW, HOP, window=window, length=padded.shape[-1])[
            :, :frames
        ].numpy()
