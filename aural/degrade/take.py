"""A take (a recording and its clean versions, the targets), and what all degradations share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError
from aural.parameters import check

Audio = NDArray[np.float32]
"""One channel, shape (frames,)."""

SILENT = 1e-10
"""Amplitude below which there is nothing to hear, in any recording."""
ACTIVE_DB = 30.0
FRAME_S = 0.02


@dataclass(frozen=True, eq=False)
class Take:
    """A recording and its clean versions, the targets. All three of equal length and in time."""

    noisy: Audio
    """What the device recorded."""
    voice: Audio
    """The voice or music alone, in its room, through the same microphone, without noise."""
    dry: Audio
    """The same in a room that decays fast."""
    sample_rate: int

    @classmethod
    def of(cls, audio: Audio, sample_rate: int) -> Self:
        """Begin with a clean recording, float32 of shape (frames,)."""
        check_audio("Take", audio)
        return cls(audio, audio, audio, sample_rate)

    def each(self, change: Callable[[Audio], Audio]) -> Self:
        """Change all three alike. What is one array is worked on once, and stays one."""
        known = {id(audio): audio for audio in (self.noisy, self.voice, self.dry)}
        done = {key: change(audio) for key, audio in known.items()}
        return replace(self, noisy=done[id(self.noisy)], voice=done[id(self.voice)], dry=done[id(self.dry)])


@dataclass(frozen=True, eq=False)
class Degradation(ABC):
    """A way in which a recording is degraded. What is random comes from the generator alone; the length stays.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range.
    """

    def __post_init__(self) -> None:
        check(self, type(self).__name__)

    @abstractmethod
    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        """Return the degraded take. The given one is not touched."""


def degrade(take: Take, degradations: Iterable[Degradation], rng: np.random.Generator) -> Take:
    """Apply one degradation after the other. What each draws does not depend on which others there are."""
    own, count = Generators(rng), Counter[str]()
    for degradation in degradations:
        kind = type(degradation).__name__
        take = degradation(take, own(f"{kind} {count[kind]}"))
        count[kind] += 1
    return take


class Generators:
    """Random generators by name, all from one draw of another generator; the same name gives the same numbers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.seed = int(rng.integers(2**63))

    def __call__(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *name.encode()])


def check_audio(owner: str, audio: Audio) -> None:
    """Raise AudioError unless the array is one channel of finite floats with at least one frame."""
    if not isinstance(audio, np.ndarray) or audio.ndim != 1 or not audio.size or audio.dtype != np.float32:
        given = f"{audio.dtype} of shape {audio.shape}" if isinstance(audio, np.ndarray) else type(audio).__name__
        raise AudioError(f"audio must be float32 of shape (frames,), at least one frame, got {given}", stage=owner)
    if not np.isfinite(audio).all():
        raise AudioError("audio holds NaN or infinity", stage=owner)


def active_db(audio: Audio, sample_rate: int) -> float:
    """Return the level of a sound while it sounds, in dB; -inf for silence.

    It is the mean power of those frames of 20 ms that lie within 30 dB of the loudest, so pauses do not count.
    """
    starts = np.arange(0, audio.size, max(1, round(sample_rate * FRAME_S)))
    lengths = np.diff(starts, append=audio.size)
    energies = np.add.reduceat(np.square(audio), starts, dtype=np.float64)
    powers = energies / lengths
    active = powers >= powers.max() * db_to_gain(-ACTIVE_DB) ** 2
    power = energies[active].sum() / lengths[active].sum()
    return 10 * math.log10(power) if power > SILENT**2 else -math.inf
