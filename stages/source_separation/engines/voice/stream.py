"""The voice network as a stream."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from aural import devices
from aural.dsp.frames import AheadStream, Spectra
from aural.dsp.resampling import AtRate
from aural.learning import weights
from aural.signals import Format
from aural.stages.source_separation.engines.voice.network import AHEAD, HOP, SAMPLE_RATE, WINDOW, Voice
from aural.stream import Stream

CHUNK = 32  # frames in one call of the network, 0.7 s


@cache
def network(path: Path) -> Voice:
    """Open weights of the voice network, ready to run.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    return weights.into(Voice(), path)


def open_voice(source: Format, path: Path) -> Stream:
    """Open a stream that runs the network at its own rate inside a signal of any rate."""
    return AtRate(source, SAMPLE_RATE, lambda inner: VoiceStream(inner, path))


class VoiceStream(AheadStream):
    """Keeps the voice in audio at 48 kHz.

    Channels run two by two, in their order, each two as stereo of its own; one that is left over as two equal ones.
    """

    def __init__(self, source: Format, path: Path) -> None:
        super().__init__(source, WINDOW, HOP, CHUNK, AHEAD)
        self.network = devices.placed(network(path))
        self.pairs = [min(channel, source.channels - 1) for channel in range(source.channels + source.channels % 2)]
        self.memory = self.network.begin(len(self.pairs) // 2)

    @torch.inference_mode()
    def predict(self, spectra: Spectra) -> Spectra:
        stereo = torch.from_numpy(spectra[self.pairs]).reshape(-1, 2, *spectra.shape[1:])
        with devices.one_thread():
            voice, self.memory = devices.run(self.network, stereo, self.memory)
        done: Spectra = voice.flatten(0, 1)[: spectra.shape[0]].numpy()
        return done
