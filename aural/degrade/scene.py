"""Draws degradations at random: which happen to one recording, and how strong they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from aural.degrade.augment import Pitch, Stretch
from aural.degrade.codec import CODERS, Codec, PacketLoss, codecs
from aural.degrade.device import OCTAVES_HZ, BandLimit, Clipping, GainControl, HighPass, Level, Microphone
from aural.degrade.noise import (
    Additive,
    Babble,
    Coloured,
    Floor,
    Handling,
    Hum,
    Machine,
    Noise,
    Ringing,
    Rumble,
    Wind,
)
from aural.degrade.room import Room, SimulatedRoom
from aural.degrade.take import Audio, Degradation, Generators
from aural.dsp.decibels import db_to_power
from aural.errors import AudioError, ParameterError
from aural.parameters import check, param


@dataclass(frozen=True, eq=False)
class Stock:
    """What a scene takes its sounds from: float32 arrays of shape (frames,), all at the rate of the takes.

    Any sequence will do; indexing it may load.
    """

    noises: Sequence[Audio] = ()
    responses: Sequence[Audio] = ()
    """Impulse responses of rooms."""
    voices: Sequence[Audio] = ()
    """Of other people than the one who is recorded."""


def share(default: float, of: str) -> float:
    """Declare the share of recordings that something happens to."""
    return param(default, f"Fraction of recordings {of}", low=0.0, high=1.0)


@dataclass(frozen=True)
class Scene:
    """How often each degradation happens. Its strength is drawn from the range that is usual for phones and rooms.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range, or a range ends before it begins.
    """

    stretch: float = share(0.0, "made faster or slower")
    pitch: float = share(0.0, "made higher or lower")
    timbre: float = share(0.0, "of another timbre")
    room: float = share(0.3, "in a measured room")
    simulated_room: float = share(0.0, "in a simulated room, where not in a measured one")
    recording: float = share(0.85, "with recorded noise")
    most_recordings: int = param(2, "Maximum number of recorded noises at once", low=1, high=10)
    coloured: float = share(0.2, "with steady noise")
    babble: float = share(0.05, "with babble in the background")
    hum: float = share(0.1, "with mains hum")
    machine: float = share(0.0, "with an engine, a saw or the like")
    ringing: float = share(0.0, "with bells, dishes, beeps or alarms")
    rumble: float = share(0.0, "with rumble below the voice, at a level of its own")
    wind: float = share(0.05, "with wind")
    handling: float = share(0.05, "with handling noise")
    snr_low_db: float = param(-5.0, "Lowest signal-to-noise ratio", unit="dB", low=-30.0, high=60.0)
    snr_high_db: float = param(30.0, "Highest signal-to-noise ratio", unit="dB", low=-30.0, high=60.0)
    floor: float = share(0.0, "with a faint noise floor of their own, which is part of the target")
    microphone: float = share(0.7, "through the microphone of a phone and its high-pass")
    band_limit: float = share(0.3, "that are band-limited")
    band_limits_hz: tuple[float, ...] = param(
        (3900.0, 7900.0, 10900.0, 15500.0), "Upper band limits to choose from, in Hz"
    )
    gain_control: float = share(0.2, "with automatic gain control")
    compression: float = share(0.05, "that are over-compressed")
    level_low_dbfs: float = param(-60.0, "Lowest peak", unit="dBFS", low=-120.0, high=0.0)
    level_high_dbfs: float = param(0.0, "Highest peak", unit="dBFS", low=-120.0, high=0.0)
    clipping: float = share(0.05, "with clipping")
    codec: float = share(0.15, "through a codec")
    codecs: tuple[str, ...] = param(tuple(CODERS), "Codecs to choose from, if the FFmpeg library has them")
    packet_loss: float = share(0.02, "with lost packets")

    def __post_init__(self) -> None:
        check(self, "Scene")
        for low, high in (("snr_low_db", "snr_high_db"), ("level_low_dbfs", "level_high_dbfs")):
            if getattr(self, low) > getattr(self, high):
                raise ParameterError(
                    f"{low} must be at most {high}, got {getattr(self, low):g}", stage="Scene", parameter=low
                )
        if strange := set(self.codecs) - set(CODERS):
            raise ParameterError(
                f"codecs must be among {', '.join(CODERS)}, got {', '.join(sorted(strange))}",
                stage="Scene",
                parameter="codecs",
            )

    def draw(self, rng: np.random.Generator, stock: Stock) -> list[Degradation]:
        """Draw what happens to one recording, in order. What is drawn of one kind does not depend on the others.

        Raises:
            AudioError: the stock lacks what is drawn.
        """
        own = Generators(rng)
        first = chain(self._voice(own), self._room(own, stock), self._noises(own, stock))
        return [*first, *self._device(own), *self._channel(own)]

    def _voice(self, own: Generators) -> Iterator[Degradation]:
        if _happens(rng := own("stretch"), self.stretch):
            yield Stretch(_octaves(rng, 0.85, 1.18))
        if _happens(rng := own("pitch"), self.pitch):
            yield Pitch(rng.uniform(-3, 3))
        if _happens(rng := own("timbre"), self.timbre):
            yield Microphone(tuple(rng.normal(0, 3, len(OCTAVES_HZ)).clip(-6, 6).tolist()))
        if _happens(rng := own("floor"), self.floor):
            yield Floor(rng.uniform(-8, 2), snr_db=rng.uniform(40, 60))

    def _room(self, own: Generators, stock: Stock) -> Iterator[Degradation]:
        if _happens(rng := own("room"), self.room):
            yield Room(_pick(rng, stock.responses, "responses"), distance=2 ** rng.uniform(-1, 1))
        elif _happens(rng := own("simulated room"), self.simulated_room):
            size = (rng.uniform(2.5, 8), rng.uniform(2.2, 6), rng.uniform(2.3, 3.5))
            yield SimulatedRoom(*size, decay_s=rng.uniform(0.2, 0.8), distance_m=rng.uniform(0.15, 1.2))

    def _noises(self, own: Generators, stock: Stock) -> list[Additive]:
        """Draw noises that together make the ratio, the weaker ones up to 12 dB below the strongest."""
        drawn = [(kind, rng.uniform(-12, 0)) for kind, rng in self._kinds(own, stock)]
        weights = np.array([db_to_power(level_db) for _, level_db in drawn])
        snr_db = own("ratio").uniform(self.snr_low_db, self.snr_high_db)
        above_db = 10 * np.log10(weights.sum() / weights)
        noises = [kind(snr_db=float(snr_db + more)) for (kind, _), more in zip(drawn, above_db, strict=True)]
        if _happens(rng := own("rumble"), self.rumble):
            noises.append(Rumble(_octaves(rng, 15, 90), rng.uniform(-30, -10), snr_db=rng.uniform(-15, 15)))
        return noises

    def _kinds(self, own: Generators, stock: Stock) -> Iterator[tuple[Callable[..., Additive], np.random.Generator]]:
        """Draw the noises, each with the generator that its level is to be drawn from."""
        if _happens(rng := own("recording"), self.recording):
            for _ in range(rng.integers(1, self.most_recordings + 1)):
                yield partial(Noise, _pick(rng, stock.noises, "noises")), rng
        if _happens(rng := own("coloured"), self.coloured):
            yield partial(Coloured, slope_db=rng.uniform(-8, 2)), rng
        if _happens(rng := own("babble"), self.babble):
            people = [_pick(rng, stock.voices, "voices") for _ in range(int(_octaves(rng, 3, 25)))]
            places = int(rng.integers(4)) if len(stock.responses) else 0
            yield partial(Babble, people, [_pick(rng, stock.responses, "responses") for _ in range(places)]), rng
        if _happens(rng := own("hum"), self.hum):
            partials = int(rng.integers(1, 40))
            hertz = float(rng.choice((50, 60))) + rng.normal(0, 0.03)
            yield partial(Hum, hertz, partials, rng.uniform(-12, -2)), rng
        if _happens(rng := own("machine"), self.machine):
            rate_hz, wander = _octaves(rng, 10, 800), _octaves(rng, 0.005, 0.3)
            yield partial(Machine, rate_hz, wander, rng.uniform(-12, 0), rng.uniform(-30, 10)), rng
        if _happens(rng := own("ringing"), self.ringing):
            pitch_hz, per_s = _octaves(rng, 200, 5000), _octaves(rng, 0.2, 8)
            yield partial(Ringing, pitch_hz, int(rng.integers(1, 9)), per_s, _octaves(rng, 0.05, 4)), rng
        if _happens(rng := own("wind"), self.wind):
            yield partial(Wind, rng.uniform(40, 150), rng.uniform(4, 15)), rng
        if _happens(rng := own("handling"), self.handling):
            yield partial(Handling, rng.uniform(0.2, 3)), rng

    def _device(self, own: Generators) -> Iterator[Degradation]:
        if _happens(rng := own("microphone"), self.microphone):
            gains_db = np.array(Microphone().gains_db) + rng.normal(0, 2, 9)
            yield Microphone(tuple(gains_db.tolist()))
            yield HighPass(_octaves(rng, 40, 250), int(rng.integers(1, 4)))
        if _happens(rng := own("band limit"), self.band_limit):
            yield BandLimit(_pick(rng, self.band_limits_hz, "band_limits_hz"))
        if _happens(rng := own("gain control"), self.gain_control):
            yield GainControl(
                rng.uniform(0.3, 0.9), _octaves(rng, 5, 100), _octaves(rng, 200, 3000), rng.uniform(6, 20)
            )
        if _happens(rng := own("compression"), self.compression):
            yield GainControl(rng.uniform(0.6, 0.9), _octaves(rng, 1, 10), _octaves(rng, 20, 150), rng.uniform(6, 24))

    def _channel(self, own: Generators) -> Iterator[Degradation]:
        yield Level(own("level").uniform(self.level_low_dbfs, self.level_high_dbfs))
        if _happens(rng := own("clipping"), self.clipping):
            yield Clipping(rng.uniform(-15, -1))
        if _happens(rng := own("codec"), self.codec):
            name = _pick(rng, [name for name in self.codecs if name in codecs()], "codecs")
            yield Codec(name, _pick(rng, CODERS[name].bit_rates, "bit rates"))
        if _happens(rng := own("packet loss"), self.packet_loss):
            yield PacketLoss(rng.uniform(0.01, 0.15), rng.uniform(1, 3))


def _happens(rng: np.random.Generator, chance: float) -> bool:
    return bool(rng.random() < chance)


def _octaves(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw evenly on a scale of octaves."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def _pick(rng: np.random.Generator, stock: Sequence[Any], name: str) -> Any:
    if not len(stock):
        raise AudioError(f"there are no {name} to draw from", stage="Scene")
    return stock[int(rng.integers(len(stock)))]
