"""Additive noises: recordings, babble, coloured noise, rumble, mains hum, machines, ringing, wind, handling noise."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aural.degrade.fourier import convolved, shaped_noise
from aural.degrade.take import Audio, Degradation, Take, active_db, check_audio
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError
from aural.parameters import param

SILENT_VOICE_DBFS = -26.0
JOINT_S = 0.05
LOWEST_HZ = 20.0
RUN_S = 0.7
"""In this time the rate of a machine moves from one value to the next."""
ATTACK_S = 0.002
"""In this time a struck tone begins."""


@dataclass(frozen=True, eq=False)
class Additive(Degradation):
    """A sound that is added to the noisy signal; voice and dry stay.

    The signal-to-noise ratio is the active level of the voice, at this point of the chain, above that of the sound.
    An active level is the mean power of the frames of 20 ms that lie within 30 dB of the loudest. A silent voice
    counts as one at -26 dBFS, the level of speech in ITU-T P.56.
    """

    _: KW_ONLY
    snr_db: float = param(
        10.0, "Signal-to-noise ratio, by the active level of the voice", unit="dB", low=-60.0, high=100.0
    )

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        sound = self.sound(take.noisy.size, take.sample_rate, rng)
        sound_db, voice_db = (active_db(audio, take.sample_rate) for audio in (sound, take.voice))
        if sound_db == -math.inf:
            return take
        voice_db = SILENT_VOICE_DBFS if voice_db == -math.inf else voice_db
        gain = np.float32(db_to_gain(voice_db - self.snr_db - sound_db))
        return replace(take, noisy=take.noisy + gain * sound)

    @abstractmethod
    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        """Make the sound, at any level."""


@dataclass(frozen=True, eq=False)
class Noise(Additive):
    """A recorded noise, from a random place in it; one that is too short is looped.

    Raises:
        AudioError: the recording is not float32 of shape (frames,).
    """

    audio: Audio
    """At the rate of the take."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_audio("Noise", self.audio)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        return excerpt(self.audio, frames, round(JOINT_S * sample_rate), rng)


@dataclass(frozen=True, eq=False)
class Babble(Additive):
    """Babble: several people who talk at once, each up to 6 dB below the loudest.

    Raises:
        AudioError: there is no voice, or a voice or a response is not float32 of shape (frames,).
    """

    voices: Sequence[Audio]
    """At the rate of the take."""
    responses: Sequence[Audio] = ()
    """Impulse responses of the places they talk from, in turn; without any they are heard as they are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.voices):
            raise AudioError("needs at least one voice", stage="Babble")
        for audio in (*self.voices, *self.responses):
            check_audio("Babble", audio)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        places = np.zeros((max(1, len(self.responses)), frames), np.float32)
        for number, voice in enumerate(self.voices):
            spoken = excerpt(voice, frames, round(JOINT_S * sample_rate), rng)
            gain = db_to_gain(rng.uniform(-6, 0) - max(-120.0, active_db(spoken, sample_rate)))
            places[number % len(places)] += np.float32(gain) * spoken
        if not self.responses:
            return places[0]
        heard = [convolved(place, response, 0) for place, response in zip(places, self.responses, strict=True)]
        return np.sum(heard, axis=0, dtype=np.float32)


@dataclass(frozen=True)
class Coloured(Additive):
    """Steady noise: the hiss of a cheap microphone, a fan, a far road."""

    slope_db: float = param(-3.0, "Rise of the spectrum per octave", unit="dB", low=-12.0, high=6.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        return shaped_noise(frames, sample_rate, self._spectrum, rng)

    def _spectrum(self, hz: NDArray[np.float32]) -> NDArray[np.float32]:
        octaves = np.log2(np.maximum(hz, LOWEST_HZ) / 1000)
        return np.power(np.float32(10), self.slope_db / 20 * octaves)


@dataclass(frozen=True)
class Floor(Coloured):
    """Steady noise that belongs to the recording: in noisy, voice and dry alike, since it is to stay."""

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        floor = super().__call__(take, rng).noisy - take.noisy
        return take.each(lambda audio: audio + floor)


@dataclass(frozen=True)
class Hum(Additive):
    """The mains: a fundamental and its harmonics, with random phases and strengths."""

    mains_hz: float = param(50.0, "Frequency of the mains", unit="Hz", low=40.0, high=70.0)
    harmonics: int = param(10, "Number of harmonics, including the fundamental", low=1, high=200)
    slope_db: float = param(-6.0, "Rise of the harmonics per octave", unit="dB", low=-24.0, high=0.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        number = np.arange(1, self.harmonics + 1)
        level_db = self.slope_db * np.log2(number) + rng.uniform(-6, 6, number.size)
        level_db[number * self.mains_hz >= sample_rate / 2] = -np.inf
        partials = db_to_gain(level_db) * np.exp(2j * np.pi * rng.random(number.size))
        period = np.fft.irfft(np.append(0, partials), 32 * (self.harmonics + 1))
        turns = np.arange(frames) * (self.mains_hz / sample_rate)
        places = np.arange(period.size) / period.size
        return np.interp(turns, places, period, period=1).astype(np.float32)


@dataclass(frozen=True)
class Machine(Additive):
    """An engine, a saw, a drill, a mosquito: a buzz whose rate wanders, and a rush of air that beats with it.

    Each has resonances of its own. It is louder where it runs faster.
    """

    rate_hz: float = param(90.0, "Mean rate of the buzz", unit="Hz", low=5.0, high=1000.0)
    wander: float = param(0.1, "Standard deviation of the rate, as a fraction of it", low=0.0, high=0.4)
    slope_db: float = param(-4.0, "Rise of the harmonics per octave", unit="dB", low=-24.0, high=0.0)
    rush_db: float = param(-10.0, "Level of the rush, relative to the buzz", unit="dB", low=-60.0, high=20.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        resonances = rng.uniform(200, 8000, 3), rng.uniform(0, 15, 3)
        steps = 1 + self.wander * rng.standard_normal(3 + int(frames / sample_rate / RUN_S)).clip(-2, 2)
        course = np.interp(np.arange(frames) / sample_rate / RUN_S, np.arange(steps.size), steps)
        turns = np.cumsum(course) * (self.rate_hz / sample_rate)
        number = np.arange(1, max(2, int(sample_rate / 2 / self.rate_hz / steps.max())))
        level_db = self.slope_db * np.log2(number) + rng.uniform(-6, 6, number.size)
        level_db += _resonant_db(number * self.rate_hz, *resonances)
        partials = db_to_gain(level_db) * np.exp(2j * np.pi * rng.random(number.size))
        period = np.fft.irfft(np.append(0, partials), 32 * (number.size + 1))
        buzz = np.interp(turns, np.arange(period.size) / period.size, period, period=1)
        rush = shaped_noise(frames, sample_rate, lambda hz: db_to_gain(_resonant_db(hz, *resonances)), rng)
        beating = rush * (1 + rng.uniform(0, 1) * np.cos(2 * np.pi * turns))
        level = db_to_gain(self.rush_db) * np.std(buzz) / max(float(np.std(beating)), 1e-9)
        return (course**2 * (buzz + level * beating)).astype(np.float32)


@dataclass(frozen=True)
class Ringing(Additive):
    """Bells, dishes, beeps and alarms: the same few tones, struck or switched on and off, again and again."""

    pitch_hz: float = param(1000.0, "Frequency of the lowest tone", unit="Hz", low=100.0, high=8000.0)
    tones: int = param(4, "Number of tones; from the second on they are no harmonics", low=1, high=20)
    per_s: float = param(1.0, "Strikes per second", unit="1/s", low=0.05, high=20.0)
    decay_s: float = param(0.4, "Time in which the lowest tone falls by 60 dB, or is on where it is held", unit="s",
                           low=0.02, high=20.0)  # fmt: skip
    held: float = param(0.3, "Probability that the tones are held, as those of an alarm", low=0.0, high=1.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        hertz = self.pitch_hz * np.append(1, rng.uniform(1.2, 8, self.tones - 1))
        hertz = hertz[hertz < sample_rate / 2]
        gains, decays_s = db_to_gain(rng.uniform(-20, 0, hertz.size)), self.decay_s * rng.uniform(0.3, 1, hertz.size)
        decays_s[:1] = self.decay_s
        held, regular = rng.random() < self.held, rng.random() < 0.5
        time = np.arange(min(frames, 1 + int(self.decay_s * sample_rate))) / sample_rate
        swells = np.ones((hertz.size, 1)) if held else np.exp(-6.9 * time / decays_s[:, None])
        strike = (gains[:, None] * swells * np.sin(2 * np.pi * hertz[:, None] * time)).sum(0)
        strike *= np.minimum(1, np.minimum(time, time[::-1]) / ATTACK_S)
        every = sample_rate / self.per_s
        starts = np.arange(rng.uniform(0, min(every, frames)), frames, every)
        sound = np.zeros(frames, np.float32)
        for start in starts if regular else rng.uniform(0, frames, starts.size):
            part = strike[: frames - int(start)]
            sound[int(start) :][: part.size] += (1.0 if held else db_to_gain(rng.uniform(-12, 0))) * part
        return sound


@dataclass(frozen=True)
class Rumble(Additive):
    """The deep, steady noise of cars, buses, trains and ventilation: often louder than the voice, and below it."""

    corner_hz: float = param(40.0, "Frequency above which the spectrum falls", unit="Hz", low=10.0, high=200.0)
    slope_db: float = param(-18.0, "Rise of the spectrum per octave above", unit="dB", low=-36.0, high=-6.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        return shaped_noise(frames, sample_rate, self._spectrum, rng)

    def _spectrum(self, hz: NDArray[np.float32]) -> NDArray[np.float32]:
        octaves = np.log2(np.maximum(hz / np.float32(self.corner_hz), 1))
        return np.power(np.float32(10), self.slope_db / 20 * octaves)


@dataclass(frozen=True)
class Wind(Additive):
    """Wind on the microphone: gusts of low-frequency noise; stronger gusts reach higher frequencies.

    References:
        C. Nelke, P. Vary: Measurement, analysis and simulation of wind noise signals for mobile communication
        devices, IWAENC 2014. Here the course of the gusts is drawn freely, instead of from a Markov chain.
    """

    rumble_hz: float = param(80.0, "Frequency above which the spectrum falls", unit="Hz", low=20.0, high=400.0)
    gusts_db: float = param(10.0, "Level variation of gusts", unit="dB", low=0.0, high=30.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        steps = rng.standard_normal(4 + int(frames / sample_rate / 0.3)).clip(-2, 2)
        course = np.interp(np.arange(frames) / sample_rate / 0.3, np.arange(steps.size), steps)
        gust = db_to_gain(self.gusts_db / 2 * course).astype(np.float32)
        rumble = shaped_noise(frames, sample_rate, self._spectrum, rng)
        roar = shaped_noise(frames, sample_rate, lambda hz: self._spectrum(hz / np.float32(5)), rng)
        return gust * (rumble + np.float32(0.1) * gust * roar)

    def _spectrum(self, hz: NDArray[np.float32]) -> NDArray[np.float32]:
        return (1 + (hz / np.float32(self.rumble_hz)) ** 2) ** np.float32(-0.75)


@dataclass(frozen=True)
class Handling(Additive):
    """Handling noise: thumps and scrapes."""

    per_s: float = param(1.0, "Events per second", unit="1/s", low=0.0, high=50.0)

    def sound(self, frames: int, sample_rate: int, rng: np.random.Generator) -> Audio:
        sound = np.zeros(frames, np.float32)
        count = max(1, rng.poisson(self.per_s * frames / sample_rate))
        for start in rng.integers(0, frames, count):
            decay_s = rng.uniform(0.01, 0.06)
            time = np.arange(min(frames - start, int(8 * decay_s * sample_rate))) / sample_rate
            thump = np.sin(2 * np.pi * rng.uniform(40, 250) * time)
            scrape = rng.uniform(0, 0.3) * rng.standard_normal(time.size)
            swell = (1 - np.exp(-time / 0.001)) * np.exp(-time / decay_s)
            sound[start : start + time.size] += db_to_gain(rng.uniform(-15, 0)) * swell * (thump + scrape)
        return sound


def excerpt(audio: Audio, frames: int, joint: int, rng: np.random.Generator) -> Audio:
    """Cut frames out at a random place; audio that is too short is looped, cross-faded at the joint."""
    if audio.size >= frames:
        start = int(rng.integers(audio.size - frames + 1))
        return audio[start : start + frames]
    joint = min(joint, audio.size // 2)
    rising = np.sin(np.pi / 2 * np.arange(joint, dtype=np.float32) / max(1, joint))
    loop = audio[: audio.size - joint].copy()
    loop[:joint] = rising * loop[:joint] + rising[::-1] * audio[audio.size - joint :]
    start = int(rng.integers(loop.size))
    return np.resize(np.roll(loop, -start), frames)


def _resonant_db(
    hz: NDArray[np.floating], centres_hz: NDArray[np.float64], peaks_db: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the gain of resonances a third of an octave wide."""
    octaves = np.log2(np.maximum(hz, LOWEST_HZ)[:, None] / centres_hz)
    return np.asarray((peaks_db * np.exp(-0.5 * (octaves / 0.33) ** 2)).sum(axis=1))
