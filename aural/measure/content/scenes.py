"""The training scenes of the content network: speech and music at known times, and their degradations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aural.cache import cache_folder
from aural.degrade import Audio, Babble, Coloured, Scene, Stock, Take, active_db, degrade
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.learning.excerpts import Excerpts, WholeClips, draw
from aural.learning.material import Clip, find
from aural.measure.content.features import AROUND, BANDS, PER_SECOND, SAMPLE_RATE, SILENCE_DB, Bands, bands

if TYPE_CHECKING:
    from aural.measure.content.training import ContentTraining

SCENE = Scene(
    room=0.45, recording=0.5, coloured=0.3, babble=0.0, hum=0.1, machine=0.08, ringing=0.05, wind=0.05,
    handling=0.05, snr_low_db=-3, snr_high_db=40, microphone=0.5, band_limit=0.35,
    band_limits_hz=(3400.0, 3900.0, 5500.0, 7000.0), gain_control=0.2, compression=0.1, clipping=0.07, codec=0.2,
    packet_loss=0.03,
)  # fmt: skip
KINDS = {"speech": 0.24, "music": 0.3, "over": 0.25, "beside": 0.09, "neither": 0.12}
SINGING, SUNG = "vocals", 0.4
"""Category of music that is singing alone, and share of all other music to which a singer is added."""
MARGIN_S = 4  # of silence before and behind a scene
FADE_S = 0.02
SPEECH_DB, MUSIC_DB = -30.0, -40.0  # of a frame, against the active level: it sounds
SOUNDS, HARDLY = 0.15, 0.02  # share of a second's frames that sound: it holds this; it does not; else nobody knows
FAINT_MUSIC_DB, FAINT_SPEECH_DB = -18.0, -12.0  # below the other: nobody knows whether it is heard
FASTEST = 1.3
SILENT_DBFS = -80.0

Drawn = tuple[Bands, NDArray[np.float32], NDArray[np.float32]]
"""Levels of bands; 1 where a second holds speech, or music; 1 where this is known."""


class KeptScenes(ABC):
    """Scenes that are made once and kept in the cache.

    Args:
        settings: the length of a scene, their number, and the seed.
        part: which side of the split.
        told: the settings that a scene depends on, besides the clips.
        clips: what scenes are made of, by kind.
    """

    def __init__(self, settings: Any, part: str, told: str, clips: Mapping[str, Sequence[Clip]]) -> None:
        self.part, self.seconds = part, round(settings.clip_s)
        self.frames = self.seconds * SAMPLE_RATE
        self.scenes: int = settings.scenes if part == "train" else settings.validation_clips
        self.seed: int = settings.seed if part == "train" else 0
        listed = (told, *(sorted(str(c.path) for c in clips[kind]) for kind in clips), self.seconds, self.seed)
        self.cache = cache_folder() / "scenes" / sha256(repr(listed).encode()).hexdigest()[:16]

    def kept(self, number: int) -> Any:
        """Read a scene that was made before, or make it."""
        path = self.cache / f"{number}.npz"
        if not path.exists():
            drawn = self.make(np.random.default_rng([self.seed, number]))
            self.cache.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.cache, suffix=".tmp", delete=False) as file:
                np.savez(file, *(array.astype(np.float16) for array in drawn))
            Path(file.name).replace(path)
        with np.load(path) as kept:
            return tuple(kept[name].astype(np.float32) for name in kept.files)

    @abstractmethod
    def make(self, rng: np.random.Generator) -> Any:
        """Make a scene: arrays."""


class Scenes(KeptScenes):
    """Draws scenes."""

    def __init__(self, settings: ContentTraining, part: str) -> None:
        clips = {kind: find(getattr(settings, kind), kind, part) for kind in ("speech", "music", "noise", "ir")}
        super().__init__(settings, part, repr((SCENE, KINDS, SUNG)), clips)
        singing = [clip for clip in clips["music"] if clip.category == SINGING]
        playing = [clip for clip in clips["music"] if clip.category != SINGING]
        self.voices = self._excerpts(clips["speech"])
        self.singing, self.playing = self._excerpts(singing), self._excerpts(playing)
        self.singing_share = settings.singing if singing else 0.0
        self.stock = Stock(self._excerpts(clips["noise"]), WholeClips(clips["ir"], SAMPLE_RATE), self.voices)

    def _excerpts(self, clips: Sequence[Clip]) -> Excerpts:
        return Excerpts(clips, self.seconds * FASTEST + 0.1, SAMPLE_RATE)

    def __call__(self, rng: np.random.Generator) -> Drawn:
        """Draw one of the scenes, and half the time a clip out of it, with silence around."""
        first, length = 0, self.seconds
        if rng.random() < 0.5:
            length = int(rng.integers(2, self.seconds + 1))
            first = int(rng.integers(self.seconds - length + 1))
        levels, truth, known = self.kept(int(rng.integers(self.scenes)))
        levels = coloured(levels, rng) if self.part == "train" else levels
        shown = np.full(((self.seconds + 2 * MARGIN_S) * PER_SECOND, BANDS), SILENCE_DB, np.float32)
        start = (MARGIN_S + first) * PER_SECOND
        shown[start : start + length * PER_SECOND] = levels[first * PER_SECOND : (first + length) * PER_SECOND]
        clip = np.zeros((self.seconds, 1), np.float32)
        clip[first : first + length] = 1
        return shown, truth, known * clip

    def make(self, rng: np.random.Generator) -> Drawn:
        """Make a scene."""
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        speech, music = (np.zeros(self.frames, np.float32) for _ in range(2))
        scene, balance_db = SCENE, 0.0  # of music above speech
        if kind in ("speech", "over"):
            speech = self._speech(rng)
        if kind in ("music", "over"):
            music = self._music(rng)
        if kind == "over":
            balance_db = rng.uniform(-25, 8)
            if rng.random() < 0.5:
                music = music * self._gate(rng)
        elif kind == "beside":
            speech, music = self._beside(rng)
            balance_db = rng.uniform(-10, 10)
        elif kind == "music" and rng.random() < 0.25:
            music = music * self._gate(rng)
        sound = speech + music * np.float32(db_to_gain(balance_db))
        if kind == "neither":
            sound = self._noise(rng)
            scene = replace(scene, snr_low_db=-20, machine=0.3, ringing=0.15)
        elif kind == "speech" and rng.random() < 0.1:
            scene = replace(scene, babble=1.0)
        degraded = degrade(Take.of(sound, SAMPLE_RATE), scene.draw(rng, self.stock), rng).noisy
        truth, known = self.truth_of(speech, music, balance_db)
        return bands(np.pad(degraded, AROUND)[None]), truth, known

    def _source(self, excerpts: Excerpts, rng: np.random.Generator) -> Audio:
        """Draw the beginning of an excerpt, filled up with silence where it is shorter than a scene."""

        def cut(audio: Audio) -> Audio:
            return np.pad(audio, (0, max(0, self.frames - len(audio))))[: self.frames]

        return draw(excerpts, rng, FASTEST, SILENT_DBFS, cut)

    def _speech(self, rng: np.random.Generator) -> Audio:
        """Draw somebody who speaks with pauses, and sometimes somebody else who takes over."""
        audio = self._source(self.voices, rng)
        if rng.random() < 0.25:
            other = self._source(self.voices, rng) * np.float32(db_to_gain(rng.uniform(-12, 6)))
            turn = self._gate(rng)
            audio = audio * turn + other * (1 - turn)
        return audio * self._gate(rng) if rng.random() < 0.6 else audio

    def _music(self, rng: np.random.Generator) -> Audio:
        """Draw singing, or instruments, sometimes with a singer."""
        if rng.random() < self.singing_share:
            return self._source(self.singing, rng)
        audio = self._source(self.playing, rng)
        if self.singing_share and rng.random() < SUNG:
            audio = audio + self._source(self.singing, rng) * np.float32(db_to_gain(rng.uniform(-8, 8)))
        return audio

    def _beside(self, rng: np.random.Generator) -> tuple[Audio, Audio]:
        """Draw a jingle before, between or after speech; where they meet they may overlap."""
        turn = self._gate(rng, longest_s=self.seconds)
        shift = int(rng.uniform(-1, 1) * SAMPLE_RATE)
        return self._source(self.voices, rng) * turn, self._music(rng) * (1 - np.roll(turn, shift))

    def _gate(self, rng: np.random.Generator, longest_s: float = 6.0) -> Audio:
        """Draw when something sounds: 1 where it does; pauses are at the beginning, at the end, or in between."""
        open_ = np.ones(self.frames, np.float32)
        for _ in range(rng.integers(1, 3)):
            length = int(rng.uniform(0.5, min(longest_s, 0.75 * self.seconds)) * SAMPLE_RATE)
            start = int(rng.choice((0, self.frames - length, int(rng.integers(self.frames - length + 1)))))
            open_[start : start + length] = 0
        if not open_.any():
            open_[: SAMPLE_RATE * 2] = 1
        fade = np.hanning(2 * int(FADE_S * SAMPLE_RATE) + 1).astype(np.float32)
        return np.convolve(open_, fade / fade.sum(), "same")

    def _noise(self, rng: np.random.Generator) -> Audio:
        """Draw noises alone: recordings here and there over something steady, or many people at once."""
        silent = Take.of(np.zeros(self.frames, np.float32), SAMPLE_RATE)
        sound = Coloured(rng.uniform(-10, 2)).sound(self.frames, SAMPLE_RATE, rng)
        sound = sound * np.float32(db_to_gain(rng.uniform(-60, -10)) / (np.std(sound) + 1e-9))
        if rng.random() < 0.15:
            voices = [self.stock.voices[int(rng.integers(len(self.voices)))] for _ in range(rng.integers(7, 13))]
            return sound + Babble(voices).sound(self.frames, SAMPLE_RATE, rng) / np.float32(3)
        for _ in range(rng.integers(1, 5)):
            noise = self.stock.noises[int(rng.integers(len(self.stock.noises)))][: self.frames]
            start = int(rng.integers(max(1, silent.noisy.size - len(noise) + 1)))
            level_db = max(SILENT_DBFS, active_db(noise, SAMPLE_RATE)) if len(noise) else 0.0
            sound[start : start + len(noise)] += noise * np.float32(db_to_gain(rng.uniform(-15, 0) - level_db))
        return sound

    def truth_of(
        self, speech: Audio, music: Audio, balance_db: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return for each second whether it holds speech and music, and whether that is known."""
        shares = np.stack([_share(speech, SPEECH_DB), _share(music, MUSIC_DB)], axis=1)
        known = (shares >= SOUNDS) | (shares <= HARDLY)
        together = (shares > HARDLY).all(axis=1)
        if balance_db < FAINT_MUSIC_DB:
            known[together, 1] = False
        if -balance_db < FAINT_SPEECH_DB:
            known[together, 0] = False
        return (shares >= SOUNDS).astype(np.float32), known.astype(np.float32)


def coloured(levels: Bands, rng: np.random.Generator) -> Bands:
    """Give a scene another balance of bands, as another microphone would, and sometimes an upper limit."""
    knots = np.linspace(0, BANDS - 1, 6)
    gains = np.interp(np.arange(BANDS), knots, rng.normal(0, 4, knots.size)).astype(np.float32)
    if rng.random() < 0.15:
        gains[int(rng.integers(BANDS * 2 // 3, BANDS)) :] = SILENCE_DB
    return np.where(levels > SILENCE_DB + 1, np.maximum(levels + gains, SILENCE_DB), SILENCE_DB)


def _share(audio: Audio, least_db: float) -> NDArray[np.float64]:
    """Return which share of each second's frames of 20 ms sounds; the audio is at unit level."""
    power = np.square(audio, dtype=np.float64).reshape(-1, 50, SAMPLE_RATE // 50).mean(axis=2)
    return np.asarray((power > db_to_power(least_db)).mean(axis=1))
