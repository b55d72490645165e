"""The compact network as a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aural import devices
from aural.dsp.decibels import db_to_gain
from aural.dsp.frames import AheadStream, FrameStream, Spectra
from aural.dsp.passages import Passages, within
from aural.dsp.resampling import AtRate
from aural.learning import weights
from aural.signals import Format
from aural.stages.noise_reduction.engines.compact.network import (
    LEVEL_AHEAD,
    LEVEL_FRAMES,
    LOOK_AHEAD,
    RUMBLE,
    Compact,
    DilatedBlock,
    Prediction,
    joined,
)
from aural.stages.noise_reduction.engines.compact.reverberation import BLOCK, TOP, RoomPrediction
from aural.stages.noise_reduction.engines.compact.sharing import Sharing
from aural.stages.noise_reduction.engines.compact.slow_bins import SLOW, SlowBins
from aural.stages.noise_reduction.stft import BINS, HOP, SAMPLE_RATE, WINDOW
from aural.stream import Series, Stream

MOST_PATHS = 8  # weights that ask for more are not opened
LEAST_ROOM = db_to_gain(-12.0)  # lowest gain against the room: below it, more of the voice is lost than is gained
CHUNK = 64  # frames in one call of the network, a second


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


Shares = Callable[[NDArray[np.float64]], NDArray[np.float32]]
"""Returns, for times in seconds, the share of the late reverberation to subtract, 0 to 1."""


@dataclass(frozen=True)
class Effort:
    """How strongly noise and reverberation are removed."""

    max_attenuation_db: float
    dereverb: float

    @property
    def late(self) -> float:
        """Share of the late reverberation that is subtracted."""
        return min(1.0, 2 * self.dereverb)

    @property
    def room(self) -> float:
        """Exponent of the network's gain against the room."""
        return max(0.0, 2 * self.dereverb - 1)


def open_compact(source: Format, path: Path, voices: Effort, music: Effort, passages: Passages) -> Stream:
    """Open a stream that runs the network at its own rate inside a signal of any rate.

    The first half of `dereverb` subtracts late reverberation in front of the network; the second half applies the
    network's gain against the room.
    """

    def shares(seconds: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.float32(voices.late) + np.float32(music.late - voices.late) * within(seconds, passages)

    def inner(source: Format) -> Stream:
        network = CompactStream(source, path, voices, music, passages)
        late = [LateReverberation(source, shares)] if voices.late or music.late else []
        return Series([*late, network], source)

    return AtRate(source, SAMPLE_RATE, inner)


class LateReverberation(FrameStream):
    """Subtracts a share of the predicted reverberation of audio at 48 kHz, in each channel.

    In a live stream it adds a delay of two seconds.
    """

    def __init__(self, source: Format, shares: Shares) -> None:
        super().__init__(source, WINDOW, HOP)
        self.shares, self.taken = shares, 0
        self.rooms = [RoomPrediction() for _ in range(source.channels)]
        self.waiting = np.zeros((source.channels, 0, WINDOW // 2 + 1), np.complex64)

    def change(self, spectra: Spectra) -> Spectra:
        self.waiting = np.concatenate([self.waiting, spectra], axis=1)
        whole = self.waiting.shape[1] // BLOCK * BLOCK
        ready, self.waiting = self.waiting[:, :whole], self.waiting[:, whole:]
        done = [self._subtracted(ready[:, first : first + BLOCK]) for first in range(0, whole, BLOCK)]
        return np.concatenate([ready[:, :0], *done], axis=1)

    def finish(self) -> Spectra:
        return self._subtracted(self.waiting)

    def _subtracted(self, spectra: Spectra) -> Spectra:
        """Subtract the late reverberation of a block."""
        less, frames = spectra.copy(), spectra.shape[1]
        if frames:
            shares = self.shares((self.taken + np.arange(frames)) * HOP / SAMPLE_RATE)[:, np.newaxis]
            for channel, room in zip(less, self.rooms, strict=True):
                channel[:, :TOP] -= shares * room(channel[:, :TOP].T).T
        self.taken += frames
        return less


class CompactStream(AheadStream):
    """Attenuates noise and reverberation in audio at 48 kHz.

    The network runs on each channel, on several at the same time if there are threads for it. Channels share their
    gains and filters as far as they hold the same sound (`Sharing`). What lies below voices is kept 20 dB softer than
    the rest where it is noise, and stays as it came where it is plosives (`SlowBins`). In passages of music, music is
    kept, and all that lies below voices: there, a drum looks like the rumble of a car.

    The first second is heard twice, and its first result dropped: so the network knows voice and noise at the
    beginning as well as later.
    """

    def __init__(self, source: Format, path: Path, voices: Effort, music: Effort, passages: Passages) -> None:
        super().__init__(source, WINDOW, HOP, CHUNK, LOOK_AHEAD)
        self.network = devices.placed(network(path))
        self.efforts, self.passages = (voices, music), passages
        parts = np.array_split(np.arange(source.channels), min(source.channels, devices.threads(self.network)))
        self.parts = [slice(part[0], part[-1] + 1) for part in parts]
        self.memories: Sequence[list[Tensor]] = [self.network.begin(len(part)) for part in parts]
        self.threads = ThreadPoolExecutor(len(parts), initializer=torch.set_num_threads, initargs=(1,))
        self.bass = torch.arange(BINS) < RUMBLE
        self.sharing = Sharing(source.channels, BINS)
        self.slow = SlowBins(self.network.decay[..., :LEVEL_FRAMES].cpu())
        self.taken = 0  # frames that the network has been given

    @torch.inference_mode()
    def predict(self, spectra: Spectra) -> Spectra:
        whole = torch.from_numpy(spectra)
        heard, out = self._music(spectra, LEVEL_AHEAD), self._music(spectra, LOOK_AHEAD)
        with devices.one_thread():
            if not self.taken:
                self._clean(whole, heard, out)
            done: Spectra = self._clean(whole, heard, out).numpy()
        self.taken += spectra.shape[1]
        return done

    def _clean(self, spectra: Tensor, heard: Tensor, out: Tensor) -> Tensor:
        """Clean the next frames; 1 in `heard`, of what goes in, and `out`, of what comes out, keeps music."""
        pieces = [spectra[part] for part in self.parts]
        ran = list(self.threads.map(self._advance, pieces, self.memories, [heard] * len(pieces)))
        predictions, self.memories = zip(*ran, strict=True)
        return self._join(joined(predictions), out)

    @torch.inference_mode()
    def _advance(self, spectra: Tensor, memory: list[Tensor], kept: Tensor) -> tuple[Prediction, list[Tensor]]:
        """Run the network over some of the channels, in a thread; modes of torch have to be set in each thread."""
        ran: tuple[Prediction, list[Tensor]] = devices.run(
            self.network, spectra, memory, kept.expand(len(spectra), -1)
        )
        return ran

    def _music(self, spectra: Spectra, late: int) -> Tensor:
        """Return 1 where music is kept, else 0, for the frames `late` frames before these; shape (1, frames)."""
        frames = self.taken + np.arange(spectra.shape[1]) - late
        return torch.from_numpy(within(frames * HOP / SAMPLE_RATE, self.passages))[None]

    def _join(self, predicted: Prediction, music: Tensor) -> Tensor:
        """Apply gains and filters, limited; shape (channels, frames, bins)."""
        weights = self.sharing(predicted.spectra[:, 1:-1])
        gain, room = ((weights * x).sum(dim=1) for x in (predicted.gain, predicted.room))
        low = weights[..., : predicted.filters.shape[2], None]
        filters = (low * predicted.filters).sum(dim=1)
        clean = Prediction(predicted.spectra, predicted.level, predicted.bands, gain, filters, room).denoised()
        (floor, dereverb), (music_floor, music_dereverb) = (
            (db_to_gain(-effort.max_attenuation_db), effort.room) for effort in self.efforts
        )
        weight = floor + (music_floor - floor) * music[..., None]
        weight = torch.where(self.bass, weight.maximum(music[..., None]), weight)
        power = dereverb + (music_dereverb - dereverb) * music[..., None]
        mixed = torch.lerp(clean, predicted.spectra[:, 1:-1], weight.to(clean.dtype))
        mixed[..., :SLOW] = self.slow(predicted, mixed, weight[..., :SLOW])
        return mixed * room.clamp(min=LEAST_ROOM) ** power
