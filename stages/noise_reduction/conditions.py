"""The conditions of the evaluation of noise reduction: noise, and other degradations, which should stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aural.degrade import (
    Audio,
    BandLimit,
    Clipping,
    Codec,
    Coloured,
    Degradation,
    Floor,
    Microphone,
    Noise,
    Room,
    codecs,
)
from aural.degrade.take import Generators

SAMPLE_RATE = 48000
WITH, WITHOUT = "with noise", "without noise"
"""Tables: does it help, and does it harm?"""
CLEAN, ROOM, ALL = "nothing wrong", "in a room", "all at once"
LEVEL_DBFS = -26.0
"""Active level of the voices."""
AT_ONCE_SNR_DB = 10.0
BIT_RATE = {"aac": 32_000, "mp3": 32_000, "opus": 16_000}
OCTAVES = len(Microphone().gains_db)


@dataclass(frozen=True, eq=False)
class Around:
    """What is drawn for one voice, the same in all conditions: a noise, a room, and random generators by name."""

    noise: Callable[[], Audio]
    room: Callable[[], Audio] | None
    own: Generators
    another_microphone: bool
    """Whether the voice in noise is recorded by a microphone of another timbre."""


@dataclass(frozen=True)
class Condition:
    """A row of a table: how a voice is degraded."""

    table: str
    name: str
    degradations: Callable[[Around], Sequence[Degradation]]
    sample_rate: int = SAMPLE_RATE
    """Of the recording: it reaches up to half of it."""


def conditions(snr_db: Sequence[float], rooms: bool) -> list[Condition]:
    """List the conditions: noise at each ratio, and other degradations; with rooms where there are some."""
    noisy = [Condition(WITH, f"{ratio:g} dB", lambda around, ratio=ratio: _noisy(around, ratio)) for ratio in snr_db]  # type: ignore[misc]
    return [
        *noisy,
        Condition(WITH, ALL, _at_once),
        Condition(WITHOUT, CLEAN, lambda around: []),
        Condition(WITHOUT, "another microphone", lambda around: [_microphone(around)]),
        Condition(WITHOUT, "up to 8 kHz", lambda around: [BandLimit(7900.0)]),
        Condition(WITHOUT, "sampled at 16 kHz", lambda around: [], 16000),
        Condition(WITHOUT, "floor of -75 to -56 dBFS, which stays", _faint_floor),
        Condition(WITHOUT, "floor of -56 to -40 dBFS, which may go", _loud_floor),
        Condition(WITHOUT, "clipped", lambda around: [Clipping(around.own("clipping").uniform(-15, -4))]),
        Condition(WITHOUT, "through a codec", lambda around: [_codec(around)]),
        *([Condition(WITHOUT, ROOM, _room)] if rooms else []),
    ]


def labels(condition: str, noise: str | None) -> dict[str, str]:
    """Say where a recording belongs in each table, by its condition and the kind of its noise, if it has any."""
    return {WITHOUT: condition} if noise is None else {"recordings": WITH, WITH: condition, "noise": noise}


def _noisy(around: Around, snr_db: float) -> list[Degradation]:
    filters = [_microphone(around)] if around.another_microphone else []
    return [Noise(around.noise(), snr_db=snr_db), *filters]


def _at_once(around: Around) -> list[Degradation]:
    return [
        *_room(around),
        Noise(around.noise(), snr_db=AT_ONCE_SNR_DB),
        _microphone(around),
        Clipping(-6.0),
        _codec(around),
    ]


def _room(around: Around) -> list[Degradation]:
    return [Room(around.room())] if around.room else []


def _microphone(around: Around) -> Microphone:
    """Draw a timbre: a smooth curve within 6 dB."""
    return Microphone(tuple(around.own("microphone").normal(0, 3, OCTAVES).clip(-6, 6).tolist()))


def _faint_floor(around: Around) -> list[Degradation]:
    rng = around.own("floor")
    return [Floor(slope_db=rng.uniform(-8, 2), snr_db=LEVEL_DBFS - rng.uniform(-75, -56))]


def _loud_floor(around: Around) -> list[Degradation]:
    rng = around.own("floor")
    return [Coloured(slope_db=rng.uniform(-8, 2), snr_db=LEVEL_DBFS - rng.uniform(-56, -40))]


def _codec(around: Around) -> Codec:
    name = str(around.own("codec").choice([name for name in BIT_RATE if name in codecs()]))
    return Codec(name, BIT_RATE[name])
