"""The voice network as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from aural.dsp.frames import FrameStream, Spectra
from aural.dsp.resampling import AtRate
from aural.learning import weights
from aural.signals import Format
from aural.stages.source_separation.engines.voice.network import AHEAD, HOP, SAMPLE_RATE, WINDOW, Voice
from aural.stream import Stream

CHUNK = 32  # frames that the network sees at a time, 0.7 s: always so many, so that blocks do not matter


@cache
def network(path: Path) -> Voice:
    """Open weights of the voice network, ready to run.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(Voice(), path)


def open_voice(source: Format, path: Path) -> Stream:
    """Open a stream that runs the network at its own rate inside a signal of any."""
    return AtRate(source, SAMPLE_RATE, lambda inner: VoiceStream(inner, path))


class VoiceStream(FrameStream):
    """Keeps the voice in audio at 48 kHz; mono runs as two equal channels."""

    def __init__(self, source: Format, path: Path) -> None:
        super().__init__(source, WINDOW, HOP)
        self.network = network(path)
        self.memory = self.network.begin(1)
        self.waiting = np.zeros((source.channels, 0, WINDOW // 2 + 1), np.complex64)
        self.early = AHEAD  # results still to come that lie in front of the first frame

    def change(self, spectra: Spectra) -> Spectra:
        self.waiting = np.concatenate([self.waiting, spectra], axis=1)
        whole = self.waiting.shape[1] // CHUNK * CHUNK
        ready, self.waiting = self.waiting[:, :whole], self.waiting[:, whole:]
        done = [self._run(ready[:, first : first + CHUNK]) for first in range(0, whole, CHUNK)]
        return np.concatenate([ready[:, :0], *done], axis=1)

    def finish(self) -> Spectra | None:
        return self._run(np.pad(self.waiting, ((0, 0), (0, AHEAD), (0, 0))))

    @torch.inference_mode()
    def _run(self, spectra: Spectra) -> Spectra:
        heard = torch.from_numpy(np.ascontiguousarray(spectra)).expand(2, -1, -1)[None]
        voice, self.memory = self.network(heard, self.memory)
        done: Spectra = voice[0, : spectra.shape[0], self.early :].numpy()
        self.early -= min(self.early, spectra.shape[1])
        return done
