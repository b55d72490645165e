"""The examination of a recording: all meters over one signal, and the diagnosis that they give."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from aural.audio.files import AudioFile, Info, open_audio
from aural.measure.bandwidth.meter import BandwidthMeter
from aural.measure.breaths import BreathMeter
from aural.measure.clicks import ClickMeter
from aural.measure.clipping import ClippingMeter
from aural.measure.content.bands import BandMeters
from aural.measure.content.meter import ContentMeter
from aural.measure.defects import DefectMeter
from aural.measure.diagnosis import Diagnosis
from aural.measure.environment import EnvironmentMeter
from aural.measure.gaps import GapMeter
from aural.measure.hum import HumMeter
from aural.measure.level import LevelMeter
from aural.measure.loudness import LoudnessMeter
from aural.measure.noise.meter import NoiseMeter
from aural.measure.plosives import PlosiveMeter
from aural.measure.room.meter import RoomMeter
from aural.measure.speech_level import range_db
from aural.measure.true_peak import TruePeakMeter
from aural.signals import Block, Format
from aural.stream import UNWATCHED, Watch


class Meter(Protocol):
    """Measures something over a signal in bounded memory."""

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""

    def compute(self) -> Any:
        """Return the measurement over all frames so far."""


class Examination:
    """Runs all meters over one signal, in as many threads as networks may use."""

    def __init__(self, source: Format, info: Info | None = None) -> None:
        from torch import get_num_threads

        self.source, self.info, self.frames = source, info, 0
        self.loudness = LoudnessMeter(source)
        self.meters: dict[str, Meter] = {
            "level": LevelMeter(source),
            "loudness": self.loudness,
            "true_peak_dbtp": TruePeakMeter(source),
            "clipping": ClippingMeter(source),
            "gaps": GapMeter(source),
            "clicks": ClickMeter(source),
            "environment": EnvironmentMeter(source),
            "hum": HumMeter(source),
            "bandwidth": BandwidthMeter(source),
        }
        self.of_voices: dict[str, DefectMeter] = {"plosives": PlosiveMeter(source), "breaths": BreathMeter(source)}
        self.bands = BandMeters(source, ContentMeter, NoiseMeter, RoomMeter)
        self.all: list[Meter] = [*self.meters.values(), *self.of_voices.values(), self.bands]
        self.threads = ThreadPoolExecutor(get_num_threads())

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.frames += block.shape[-1]
        for _ in self.threads.map(lambda meter: meter.update(block), self.all):
            pass

    def compute(self) -> Diagnosis:
        """Return the diagnosis of all frames so far."""
        content, noise, room = self.bands.compute()
        measured = {name: meter.compute() for name, meter in self.meters.items()}
        music = content.with_music()
        measured |= {name: meter.compute(apart_from=music) for name, meter in self.of_voices.items()}
        return Diagnosis(
            self.frames / self.source.sample_rate,
            self.source,
            speech_lufs=self.loudness.integrated_lufs(apart_from=content.aside()),
            speech_range_db=range_db(self.loudness.powers, content.speech),
            content=content,
            noise=noise,
            room=room,
            info=self.info,
            **measured,
        )


def inspect(path: str | Path, watch: Watch = UNWATCHED, strict: bool = False, track: int | None = None) -> Diagnosis:
    """Measure a recording: loudness, peaks, noise, hum, reverberation, bandwidth, content, clipping and other damage.

    Args:
        path: the recording.
        watch: passes the blocks on, e.g. to show progress.
        strict: whether a recording of which a part is damaged or missing is refused, instead of read as far as
            possible.
        track: which of several sound tracks, from 1.

    Raises:
        AudioError: the file cannot be read.
    """
    return examine(open_audio(path, strict, track), watch)


def examine(file: AudioFile, watch: Watch = UNWATCHED) -> Diagnosis:
    """Examine a recording that is open already.

    Raises:
        AudioError: the file cannot be read.
    """
    examination = Examination(file.format, file.info)
    for block in watch(file, file.format):
        examination.update(block)
    return examination.compute()
