"""Mixtures of a voice and its degradations, from files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aural.degrade import Audio, Take, active_db, degrade
from aural.degrade.take import Generators
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError
from aural.learning import material
from aural.learning.evaluation import Sample
from aural.learning.material import Clip
from aural.signals import Block
from aural.stages.noise_reduction.conditions import CLEAN, LEVEL_DBFS, SAMPLE_RATE, WITH, Around, Condition, labels

if TYPE_CHECKING:
    from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation


@dataclass(frozen=True)
class Mixture:
    """A voice and its degradations, as files: recordings of one speaker, and of one kind of noise."""

    settings: NoiseReductionEvaluation
    number: int
    kept: str
    """The set of the voice: the name of its folder."""
    voice: tuple[Clip, ...]
    noise: tuple[Clip, ...]
    room: Clip | None
    condition: Condition

    @property
    def name(self) -> str:
        """Name the mixture so that it says what it is and can be a file."""
        kind = self.noise[0].category if self.condition.table == WITH else self.condition.name
        words = f"{self.number:03d} {self.voice[0].group} {self.condition.name} {kind}"
        return "/".join(re.sub(r"[^\w.]+", "-", text) for text in (kind, words))

    @property
    def belongs(self) -> Mapping[str, str]:
        """Say where it belongs in each table."""
        found = labels(self.condition.name, self.noise[0].category if self.condition.table == WITH else None)
        several = len(self.settings.speech) > 1 and (self.condition.table == WITH or self.condition.name == CLEAN)
        return found | (
            {f"{WITH if self.condition.table == WITH else CLEAN}, by voices": self.kept} if several else {}
        )

    def sample(self) -> Sample:
        """Mix it, at one level of the voice, and write it to the folder for pairs if there is one."""
        take = self._take()
        target = take.voice if self.settings.reference == "voice" else take.dry
        if not target.any():
            raise AudioError("is silent", path=self.voice[0].path)
        gain = np.float32(db_to_gain(LEVEL_DBFS - active_db(target, SAMPLE_RATE)))
        rate = self.condition.sample_rate
        noisy, target = (_at_rate(gain * audio[np.newaxis], rate) for audio in (take.noisy, target))
        sample = Sample(self.name, noisy, target, rate, self.belongs)
        if self.settings.save_pairs:
            _save(sample, Path(self.settings.save_pairs))
        return sample

    def _take(self) -> Take:
        frames = round(self.settings.clip_s * SAMPLE_RATE)
        seed = [self.settings.seed, self.number]  # the same noise, room and microphone in every condition
        around = Around(
            noise=lambda: _joined(self.noise, frames),
            room=None if self.room is None else partial(material.read, self.room, SAMPLE_RATE),
            own=Generators(np.random.default_rng(seed)),
            another_microphone=self.number // len(self.settings.speech) % 2 == 1,
        )
        take = Take.of(_joined(self.voice, frames)[:frames], SAMPLE_RATE)
        return degrade(take, self.condition.degradations(around), np.random.default_rng(seed))


def _joined(clips: Sequence[Clip], frames: int) -> Audio:
    """Read takes one after the other until there are so many frames; fewer where there is no more."""
    takes: list[Audio] = []
    for clip in clips:
        takes.append(material.read(clip, SAMPLE_RATE))
        if sum(take.size for take in takes) >= frames:
            break
    return np.concatenate(takes)


def _at_rate(audio: Block, sample_rate: int) -> Block:
    """Change the sample rate of a whole mixture, and keep all below half the new one, as some recorders do."""
    if sample_rate == SAMPLE_RATE:
        return audio
    from scipy.signal import resample

    return np.asarray(resample(audio, audio.shape[-1] * sample_rate // SAMPLE_RATE, axis=-1), np.float32)


def _save(sample: Sample, folder: Path) -> None:
    import soundfile

    assert not isinstance(sample.target, Mapping)
    for name, audio in (("clean", sample.target), ("noisy", sample.input)):
        path = folder / name / f"{sample.name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            soundfile.write(path, audio.T, sample.sample_rate, "FLOAT")
        except soundfile.LibsndfileError as error:
            raise AudioError(f"cannot be written: {error}", path=path) from error
