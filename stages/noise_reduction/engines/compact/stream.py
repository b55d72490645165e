"""The compact network as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aural.dsp.decibels import db_to_gain
from aural.dsp.frames import FrameStream, Spectra
from aural.dsp.resampling import AtRate
from aural.learning import weights
from aural.signals import Format
from aural.stages.noise_reduction.engines.compact.network import LOOK_AHEAD, Compact, DilatedBlock, Prediction
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE, WINDOW
from aural.stream import Stream

MOST_PATHS = 8  # of a file that asks for more nothing is opened
CHUNK = 64  # frames that the network sees at a time, a second: always so many, so that blocks do not matter


@cache
def network(path: Path) -> Compact:
    """Open weights of the compact network, ready to run.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    _, about = weights.load(path)
    paths = about.get("settings", {}).get("paths", 0)
    opened = weights.into(Compact(paths=paths if paths in range(MOST_PATHS + 1) else 0), path)
    for block in opened.blocks:
        if isinstance(block, DilatedBlock):
            block.settle()
    return opened


def open_compact(source: Format, path: Path, max_attenuation_db: float, dereverb: float, music: bool) -> Stream:
    """Open a stream that runs the network at its own rate inside a signal of any."""
    return AtRate(source, SAMPLE_RATE, lambda inner: CompactStream(inner, path, max_attenuation_db, dereverb, music))


class CompactStream(FrameStream):
    """Attenuates noise and reverberation in audio at 48 kHz.

    Every channel is looked at by itself, and one filter, the mean of all by their power, works on all of them: the
    image stays.
    """

    def __init__(self, source: Format, path: Path, max_attenuation_db: float, dereverb: float, music: bool) -> None:
        super().__init__(source, WINDOW, HOP)
        self.network = network(path)
        self.floor, self.dereverb = db_to_gain(-max_attenuation_db), dereverb
        self.music = torch.full((source.channels,), float(music))
        self.memory = self.network.begin(source.channels)
        self.waiting = np.zeros((source.channels, 0, WINDOW // 2 + 1), np.complex64)
        self.early = LOOK_AHEAD  # results still to come that lie in front of the first frame

    def change(self, spectra: Spectra) -> Spectra:
        self.waiting = np.concatenate([self.waiting, spectra], axis=1)
        whole = self.waiting.shape[1] // CHUNK * CHUNK
        ready, self.waiting = self.waiting[:, :whole], self.waiting[:, whole:]
        done = [self._run(ready[:, first : first + CHUNK]) for first in range(0, whole, CHUNK)]
        return np.concatenate([ready[:, :0], *done], axis=1)

    def finish(self) -> Spectra | None:
        return self._run(np.pad(self.waiting, ((0, 0), (0, LOOK_AHEAD), (0, 0))))

    @torch.inference_mode()
    def _run(self, spectra: Spectra) -> Spectra:
        predicted, self.memory = self.network(torch.from_numpy(spectra), self.memory, self.music)
        done = self._join(predicted).numpy()[:, self.early :]
        self.early -= min(self.early, spectra.shape[1])
        return done

    def _join(self, predicted: Prediction) -> Tensor:
        """Return the changed spectra, shape (channels, frames, bins)."""
        share = predicted.level[..., None].square() + 1e-30
        share = share / share.sum(dim=0)
        shared = (torch.sum(x * share, 0, keepdim=True) for x in (predicted.gain, predicted.room))
        gain, room = (x.expand_as(predicted.gain) for x in shared)
        filters = torch.sum(predicted.filters * share[..., None], 0, keepdim=True).expand_as(predicted.filters)
        clean = Prediction(predicted.spectra, predicted.level, predicted.bands, gain, filters, room).denoised()
        return torch.lerp(clean, predicted.spectra[:, 1:-1], self.floor) * room**self.dereverb
