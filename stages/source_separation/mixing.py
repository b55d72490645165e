"""The training clips of source separation: voices over music and noise, and whole songs whose stems are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.degrade import Microphone, Room, Take, active_db
from aural.degrade.codec import lossy
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError, ParameterError
from aural.learning.excerpts import Excerpts, WholeClips
from aural.learning.material import Clip, find, load_stereo
from aural.learning.stems import VOICES, Song, is_voice, songs
from aural.learning.training import Training
from aural.parameters import param
from aural.stages.source_separation.evaluate import LEAST_SNR_DB

SAMPLE_RATE = 48000
LEAST_REST_S = 2.0
MOST_RATIO_DB = 10.0
ALONE = 0.06
"""Share of clips of the voice alone, and of those of the rest alone."""
SONGS, TOGETHER = 0.3, 0.5
"""Share of clips whose voice is that of a song, and of these, of those with the song's own accompaniment."""
CENTRE, ROOMS, TIMBRE, CODED, TWO = 0.6, 0.3, 0.3, 0.1, 0.3
"""Share of voices in the middle, in a room, of another timbre; of voices, and of rests, that were coded; of rests
that are two at once."""
FASTEST = 1.2
SILENT_DBFS, DRAWS = -60.0, 50

Stereo = NDArray[np.float32]
"""Shape (2, frames)."""


@dataclass(frozen=True, kw_only=True)
class MixedTraining(Training):
    """Settings of a training on voices and what they are to be separated from."""

    stems: tuple[str, ...] = param((), "Folder of songs, each a folder with a file for each stem, such as MUSDB; may "
                                   "be given several times")  # fmt: skip
    voice: tuple[str, ...] = param((), "Folder of voices to mix with the rest; may be given several times")
    rest: tuple[str, ...] = param((), "Folder of music or noise without voices; may be given several times, and each "
                                  "comes equally often")  # fmt: skip
    ir: str | None = param(None, "Folder of room impulse responses, in which voices are placed")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.stems and not (self.voice and self.rest):
            raise ParameterError("give stems, or voice and rest, or all of them: folders of audio", stage="training")


class Mixing:
    """Draws clips: the mixture and the voice in it, each (2, frames), the mixture at unit level.

    The two are random but for songs, half of which are heard with their own accompaniment, in time.
    """

    def __init__(self, settings: MixedTraining, part: str) -> None:
        self.frames = round(settings.clip_s * SAMPLE_RATE)
        longer = settings.clip_s * FASTEST + 0.1
        self.songs = [song for folder in settings.stems for song in songs(folder, part)]
        self.sung = [song for song in self.songs if voices_of(song)]
        self.voices = Excerpts(voices(settings, part), longer, SAMPLE_RATE)
        folders = (rests(folder, part) for folder in settings.rest)
        self.rests = [Excerpts(clips, longer, SAMPLE_RATE, load_stereo) for clips in folders]
        self.rooms = WholeClips(find(settings.ir, "ir", part) if settings.ir else [], SAMPLE_RATE)
        if not self.sung and not len(self.voices):
            raise AudioError(f"no song for {part} has a stem called {', '.join(VOICES[:-1])} or {VOICES[-1]}")

    def __call__(self, rng: np.random.Generator) -> tuple[Stereo, Stereo]:
        voice, rest = self._both(rng)
        if rng.random() < CODED:
            rest = coded(rest, rng)
        ratio_db = rng.uniform(-MOST_RATIO_DB, MOST_RATIO_DB)
        gain = np.float32(db_to_gain(ratio_db + level_db(rest) - level_db(voice)))
        alone = rng.random()
        voice = gain * voice if alone >= ALONE else np.zeros_like(voice)
        mixture = voice + rest if alone < 1 - ALONE else voice
        loud = np.float32(db_to_gain(-level_db(mixture)))
        return loud * mixture, loud * voice

    def _both(self, rng: np.random.Generator) -> tuple[Stereo, Stereo]:
        sung = bool(self.sung) and (rng.random() < SONGS or not len(self.voices))
        if sung and (rng.random() < TOGETHER or not self.rests):
            return self._sounding(lambda: self._song(self.sung, rng))
        if sung:
            (voice,) = self._sounding(lambda: self._song(self.sung, rng)[:1])
        else:
            (voice,) = self._sounding(lambda: (self._spoken(rng),))
        (rest,) = self._sounding(lambda: self._around(rng))
        if rng.random() < TWO:
            (more,) = self._sounding(lambda: self._around(rng))
            rest = rest + more * np.float32(db_to_gain(level_db(rest) - level_db(more) + rng.uniform(-10, 0)))
        return voice, rest

    def _around(self, rng: np.random.Generator) -> tuple[Stereo]:
        """Draw what a voice is to be separated from: of a folder, or of a song."""
        kind = int(rng.integers(len(self.rests) + bool(self.songs)))
        if kind == len(self.rests):
            return (self._song(self.songs, rng)[1],)
        return (self._faster(self.rests[kind], rng),)

    def _sounding(self, draw: Callable[[], Sequence[Stereo]]) -> Any:
        """Draw until nothing of it is silent."""
        for _ in range(DRAWS):
            drawn = draw()
            if all(level_db(audio) > SILENT_DBFS for audio in drawn):
                return drawn
        raise AudioError(f"{DRAWS} times in a row the voice or the rest is silent; the folders hold hardly any sound")

    def _song(self, among: Sequence[Song], rng: np.random.Generator) -> tuple[Stereo, Stereo]:
        """Draw an excerpt of a song: its voice, and all the rest of it."""
        song = among[int(rng.integers(len(among)))]
        first = int(rng.integers(max(1, round(song.seconds * SAMPLE_RATE) - self.frames)))
        stems = song.read(SAMPLE_RATE, first, self.frames)
        if rng.random() < 0.5:
            stems = {name: audio[::-1] for name, audio in stems.items()}
        nothing = np.zeros((2, self.frames), np.float32)
        voice = sum((stems.pop(name) for name in voices_of(song)), nothing)
        return voice, sum(stems.values(), nothing)

    def _spoken(self, rng: np.random.Generator) -> Stereo:
        """Draw a voice, in a room or not, through a microphone of another timbre or not, and give it a place."""
        voice = self._faster(self.voices, rng)
        if len(self.rooms) and rng.random() < ROOMS:
            room = Room(self.rooms[int(rng.integers(len(self.rooms)))], distance=2 ** rng.uniform(-1, 1))
            voice = room(Take.of(voice, SAMPLE_RATE), rng).voice
        if rng.random() < TIMBRE:
            gains_db = rng.normal(0, 3, len(Microphone().gains_db)).clip(-6, 6)
            voice = Microphone(tuple(gains_db.tolist()))(Take.of(voice, SAMPLE_RATE), rng).voice
        angle = np.pi / 4 if rng.random() < CENTRE else rng.uniform(0, np.pi / 2)
        placed = np.stack([np.cos(angle) * voice, np.sin(angle) * voice]).astype(np.float32)
        return coded(placed, rng) if rng.random() < CODED else placed

    def _faster(self, excerpts: Excerpts, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw an excerpt, half of them faster or slower, and so higher or lower; silence where it is too short."""
        import soxr

        audio = excerpts[int(rng.integers(len(excerpts)))]
        if rng.random() < 0.5:
            rate = SAMPLE_RATE * rng.uniform(1 / FASTEST, FASTEST)
            audio = soxr.resample(audio.T, rate, SAMPLE_RATE, quality="MQ").T
        first = int(rng.integers(max(1, audio.shape[-1] - self.frames)))
        audio = audio[..., first : first + self.frames]
        missing = [(0, 0)] * (audio.ndim - 1) + [(0, self.frames - audio.shape[-1])]
        padded: NDArray[np.float32] = np.ascontiguousarray(np.pad(audio, missing), np.float32)
        return padded


def voices(settings: MixedTraining, part: str) -> list[Clip]:
    """List the voices on one side of the split that are clean enough to be a target."""
    return [clip for folder in settings.voice for clip in find(folder, "speech", part) if clip.snr_db >= LEAST_SNR_DB]


def rests(folder: str, part: str) -> list[Clip]:
    """List the recordings on one side of the split that are more than a single stroke."""
    found = [clip for clip in find(folder, "rest", part) if clip.seconds >= LEAST_REST_S]
    if not found:
        raise AudioError(f"no recording for {part} lasts {LEAST_REST_S:g} s", path=folder)
    return found


def voices_of(song: Song) -> list[str]:
    """Name the stems of a song that are voices."""
    return [name for name in song.stems if is_voice(name)]


def level_db(audio: Stereo) -> float:
    """Return the level of stereo while it sounds, in dB: that of the louder channel."""
    return max(active_db(channel, SAMPLE_RATE) for channel in audio)


def coded(audio: Stereo, rng: np.random.Generator) -> Stereo:
    """Send both channels through a codec, as music is sent; it stays in time."""
    loudest = np.float32(max(1.0, float(np.abs(audio).max())))
    state = rng.bit_generator.state
    channels = []
    for channel in audio / loudest:
        rng.bit_generator.state = state  # the same codec for both
        channels.append(lossy(channel, SAMPLE_RATE, rng))
    return loudest * np.stack(channels)
