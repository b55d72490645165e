"""The training clips of noise reduction: voices, or music, and their degradations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from aural.audio.contents import table_of, text_of
from aural.degrade import Audio, Scene, Stock, Take, active_db, degrade
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError, ParameterError
from aural.learning.excerpts import Excerpts, WholeClips, draw
from aural.learning.material import Clip, describe, find
from aural.learning.training import Recipe, Training
from aural.parameters import hint, param
from aural.stages.noise_reduction.stft import SAMPLE_RATE

SCENE = Scene(
    timbre=0.5, floor=0.08, room=0.22, recording=0.75, coloured=0.15, babble=0.25, hum=0.06, machine=0.1,
    ringing=0.05, rumble=0.25, wind=0.03, handling=0.03, snr_low_db=-5, snr_high_db=20, microphone=0.3,
    band_limit=0.5,
    band_limits_hz=(3900.0, 5400.0, 7900.0, 7900.0, 7900.0, 10900.0, 11900.0, 15500.0, 15900.0, 21500.0),
    gain_control=0.08, compression=0.02, clipping=0.08, codec=0.06, packet_loss=0.01,
)  # fmt: skip
"""The default degradations of the training clips of noise reduction."""
LEAST_SNR_DB, LEAST_BANDWIDTH_HZ = 27.0, 6000.0
"""Of a voice, where a manifest tells, to be a target."""

Drawn = tuple[Audio, Audio, Audio, np.float32]
"""Heard, voice, dry, and 1 where music is to be kept."""


@dataclass(frozen=True, kw_only=True)
class VoiceTraining(Training):
    """Settings of a training on voices, or music, and their degradations."""

    speech: tuple[str, ...] = param((), "Folder of clean voices; may be given several times")
    noise: str = param("", "Folder of noises")
    ir: str | None = param(None, "Folder of room impulse responses; if not given, rooms are simulated")
    music: str | None = param(None, "Folder of music; if not given, the network does not learn to keep music")
    music_share: float = param(0.12, "Fraction of clips in which music is part of the target", low=0.0, high=1.0)
    clean_share: float = param(0.08, "Fraction of clips without any noise", low=0.0, high=1.0)
    scene: str | None = param(None, "TOML file that overrides how often each degradation is applied to a clip: "
                              "fields of aural.degrade.Scene", examples=("scene.toml",))  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("speech", "noise"):
            if not getattr(self, name):
                raise ParameterError(f"{name} must name a folder of audio", stage="training", parameter=name)

    def drawing(self) -> Scene:
        """Return the degradations of clips.

        Raises:
            ParameterError: the file of the scene cannot be read, or holds what a scene has not.
        """
        if self.scene is None:
            return SCENE
        try:
            values = table_of(text_of(Path(self.scene), ParameterError), ParameterError)
        except ParameterError as error:
            raise ParameterError(f"is not a TOML file of a scene: {error}", path=self.scene) from error
        for name in values:
            if name not in Scene.__dataclass_fields__:
                raise ParameterError(
                    f"a scene has no {name!r}{hint(name, Scene.__dataclass_fields__)}", path=self.scene
                )
        shares: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return replace(SCENE, **shares)


class VoiceClips:
    """Draws clips: a voice, or music, and its degradations.

    Args:
        silent_share: share of clips of noise alone.
    """

    def __init__(self, settings: VoiceTraining, part: str, silent_share: float = 0.0) -> None:
        self.frames = round(settings.clip_s * SAMPLE_RATE)
        self.clips = {kind: material(settings, kind, part) for kind in ("speech", "noise", "ir", "music")}
        longer = settings.clip_s * FASTEST + 0.1
        self.voices, self.noises, self.music = (
            Excerpts(self.clips[kind], longer, SAMPLE_RATE) for kind in ("speech", "noise", "music")
        )
        self.responses = WholeClips(self.clips["ir"], SAMPLE_RATE)
        self.clean_share, self.silent_share = settings.clean_share, silent_share
        self.music_share = settings.music_share if self.clips["music"] else 0.0
        scene = settings.drawing()
        rooms = 1 - (1 - scene.room) * (1 - scene.simulated_room)
        self.scene = scene if self.clips["ir"] else replace(scene, room=0.0, simulated_room=rooms)

    def __call__(self, rng: np.random.Generator) -> Drawn:
        music = bool(rng.random() < self.music_share)
        source = self._source(self.music, rng) if music else self.spoken(rng)
        if music and rng.random() < 0.4:
            source = source + self._source(self.voices, rng) * np.float32(db_to_gain(rng.uniform(-5, 10)))
        drawn = rng.random()
        if drawn < self.silent_share:
            source = np.zeros_like(source)
        scene = replace(self.scene, **QUIET) if drawn > 1 - self.clean_share else self.scene
        stock = Stock(self.noises, self.responses, self.voices)
        take = degrade(Take.of(source, SAMPLE_RATE), scene.draw(rng, stock), rng)
        level_db = active_db(take.voice if source.any() else take.noisy, SAMPLE_RATE)
        gain = np.float32(db_to_gain(-max(level_db, SILENT_DBFS)))
        return take.noisy * gain, take.voice * gain, take.dry * gain, np.float32(music)

    def spoken(self, rng: np.random.Generator) -> Audio:
        """Draw a voice: some pause, and some give way to another person, who is softer."""
        voice = self._source(self.voices, rng)
        if rng.random() >= PAUSES:
            return voice
        pause = int(rng.uniform(0.1, 0.5) * self.frames)
        place = int(rng.integers(self.frames - pause))
        behind = voice[place : self.frames - pause]
        if rng.random() < OTHERS:
            softer = np.float32(db_to_gain(rng.uniform(-15, 0)))
            behind = self._source(self.voices, rng)[place : self.frames - pause] * softer
        fade = np.linspace(1, 0, round(FADE_S * SAMPLE_RATE), dtype=np.float32)
        before, behind = voice[:place].copy(), behind.copy()
        before[-fade.size :] *= fade[-before.size :] if before.size else 1
        behind[: fade.size] *= fade[::-1][: behind.size]
        return np.concatenate([before, np.zeros(pause, np.float32), behind])

    def _source(self, excerpts: Excerpts, rng: np.random.Generator) -> Audio:
        """Draw a part of an excerpt, filled up with silence where it is shorter than a clip."""

        def cut(audio: Audio) -> Audio:
            first = int(rng.integers(max(1, len(audio) - self.frames)))
            audio = audio[first : first + self.frames]
            return np.pad(audio, (0, self.frames - len(audio)))

        return draw(excerpts, rng, FASTEST, SILENT_DBFS, cut)


FASTEST = 1.13
PAUSES, OTHERS, FADE_S = 0.4, 0.3, 0.01
"""Share of voices that pause, share of pauses after which another person speaks, and how long a voice fades there."""
QUIET: Mapping[str, Any] = dict.fromkeys(
    ("recording", "coloured", "babble", "hum", "rumble", "wind", "handling"), 0.0
)
SILENT_DBFS = -90.0


def material(settings: VoiceTraining, kind: str, part: str) -> list[Clip]:
    """List the clips of one kind on one side of the split; voices only where they are clean."""
    if kind != "speech":
        folder = getattr(settings, kind)
        return find(folder, kind, part) if folder else []
    found = []
    for folder in settings.speech:
        clips = find(folder, kind, part)
        clean = [clip for clip in clips if clip.snr_db >= LEAST_SNR_DB and clip.bandwidth_hz >= LEAST_BANDWIDTH_HZ]
        if not clean:
            raise AudioError(f"no voice for {part} has an SNR of {LEAST_SNR_DB:g} dB and reaches 6 kHz", path=folder)
        found += clean
    return found


class VoiceRecipe(Recipe):
    """A recipe whose clips are voices, or music, and their degradations."""

    settings: VoiceTraining

    def clips(self, part: str) -> Callable[[np.random.Generator], Drawn]:
        return VoiceClips(self.settings, part)

    def about(self) -> Mapping[str, Any]:
        kinds = ("speech", "noise", "ir", "music")
        return {kind: describe(material(self.settings, kind, "train")) for kind in kinds}
