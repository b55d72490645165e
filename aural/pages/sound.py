"""Passages of recordings as a page holds them: the same of every version, encoded, with gains that match them."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aural.audio.leftovers import scratch
from aural.audio.writing import write_audio
from aural.dsp.resampling import resampler
from aural.signals import Block, Format
from aural.stream import pump

if TYPE_CHECKING:
    from aural.measure.course import Course

SAMPLE_RATE = 48000
"""Of every clip, so that a browser that plays at this rate changes nothing."""
BIT_RATES = {1: 96_000, 2: 128_000}
"""MP3 is what decodeAudioData of Chromium, Firefox and Safari all decode; Safari learnt Opus in Ogg only in 2025, and
AAC is missing from Chromium's free builds. All versions pass one encoder, so they lie on each other to the sample."""
HEARD_S, ALL_HEARD_S = 30.0, 90.0
"""The most of a recording that is cut out of it, and of all its versions together: 2 MB in stereo."""
MOST_PASSAGES, SHORTEST_S = 3, 5.0
"""Passages are fewer rather than shorter."""


@dataclass(frozen=True)
class Passage:
    """A part of a recording."""

    from_s: float
    to_s: float


@dataclass(frozen=True)
class Version:
    """A recording that is one of several to be compared."""

    name: str
    blocks: Iterable[Block]
    format: Format


def most_changed(before: Course, after: Course, versions: int = 3) -> list[Passage]:
    """Choose the passages in which most was changed, in order of time; the whole of a short recording.

    What is compared is the spectrum, where either recording can be heard and after the difference in level that
    prevails has been taken away. The more versions a page is to hold, the shorter they are.
    """
    duration_s = min(before.duration_s, after.duration_s)
    heard_s = min(HEARD_S, ALL_HEARD_S / versions)
    if duration_s <= heard_s:
        return [Passage(0.0, duration_s)]
    count = min(MOST_PASSAGES, max(1, int(heard_s // SHORTEST_S)))
    length_s = math.floor(10 * heard_s / count) / 10
    changes = _changes(before, after)
    chosen: list[Passage] = []
    starts = np.arange(0, duration_s - length_s, 0.5)
    first, last = (np.searchsorted(before.times_s[: len(changes)], starts + shift) for shift in (0.0, length_s))
    sums = np.concatenate([[0.0], np.cumsum(changes)])
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    while len(chosen) < count and np.isfinite(means).any():
        start = float(starts[means.argmax()])
        chosen.append(Passage(start, start + length_s))
        means[np.abs(starts - start) < length_s] = -np.inf
    return sorted(chosen, key=lambda passage: passage.from_s)


def _changes(before: Course, after: Course) -> np.ndarray[Any, Any]:
    """Return the mean change of level in each column, in dB."""
    from aural.measure.course import HEARD_DB

    columns = min(before.levels_db.shape[1], after.levels_db.shape[1])
    first, second = before.levels_db[:, :columns], after.levels_db[:, :columns]
    audible = np.maximum(first, second) > HEARD_DB
    change = np.where(audible, np.maximum(second, HEARD_DB) - np.maximum(first, HEARD_DB), 0.0)
    if audible.any():
        change = np.where(audible, np.abs(change - np.median(change[audible])), 0.0)
    means: np.ndarray[Any, Any] = change.mean(axis=0)
    return means


def clips(versions: Sequence[Version], passages: Sequence[Passage], quiet: Mapping[str, str]) -> list[dict[str, Any]]:
    """Cut passages out of versions and encode them, each with the gain that brings it to the quietest version.

    Args:
        versions: of one recording, in time with each other.
        passages: what is cut out.
        quiet: versions that no gain is found for, by name, and those whose gain they take.
    """
    cuts = {version.name: cut(version, passages) for version in versions}
    found = []
    for number, passage in enumerate(passages):
        sounds = {name: pieces[number] for name, pieces in cuts.items()}
        gains = matching_gains({name: sound for name, sound in sounds.items() if name not in quiet})
        gains |= {name: gains[like] for name, like in quiet.items() if name in sounds}
        held = {name: {"base64": encoded(sound), "gain_db": gains[name]} for name, sound in sounds.items()}
        found.append({"from_s": passage.from_s, "to_s": passage.to_s, "clips": held})
    return found


def cut(version: Version, passages: Sequence[Passage]) -> list[Block]:
    """Cut passages out of a recording of any length, at the sample rate of clips; one or two channels.

    More than two channels become their mean.
    """
    rate = version.format.sample_rate
    edges = [(round(p.from_s * rate), round(p.to_s * rate)) for p in passages]
    pieces: list[list[Block]] = [[] for _ in passages]
    position = 0
    for block in version.blocks:
        for (start, stop), piece in zip(edges, pieces, strict=True):
            part = block[:, max(0, start - position) : max(0, stop - position)]
            piece.append(part if len(part) <= 2 else part.mean(axis=0, keepdims=True))
        position += block.shape[-1]
    channels = 1 if version.format.channels > 2 else version.format.channels
    return [
        _resampled(np.concatenate([np.zeros((channels, 0), np.float32), *piece], axis=-1), rate, passage)
        for piece, passage in zip(pieces, passages, strict=True)
    ]


def _resampled(audio: Block, rate: int, passage: Passage) -> Block:
    source = Format(rate, len(audio))
    sound = np.concatenate(list(pump(resampler(source, SAMPLE_RATE), [audio])), axis=-1)
    frames = round((passage.to_s - passage.from_s) * SAMPLE_RATE)
    return np.pad(sound[:, :frames], ((0, 0), (0, max(0, frames - sound.shape[-1]))))


def matching_gains(sounds: Mapping[str, Block]) -> dict[str, float]:
    """Return the gain in dB that brings each to the loudness of the quietest; 0 for what is silent."""
    levels = {name: lufs(sound) for name, sound in sounds.items()}
    quietest = min((level for level in levels.values() if math.isfinite(level)), default=0.0)
    return {name: round(quietest - level, 3) if math.isfinite(level) else 0.0 for name, level in levels.items()}


def lufs(sound: Block) -> float:
    """Return the loudness of a clip."""
    from aural.measure.loudness import LoudnessMeter

    meter = LoudnessMeter(Format(SAMPLE_RATE, len(sound)))
    meter.update(sound)
    return meter.compute().integrated_lufs


def encoded(sound: Block) -> str:
    """Return a clip as the bytes of an MP3 file, in base64."""
    with scratch() as folder:
        path = folder / "clip.mp3"
        write_audio(path, [np.clip(sound, -1, 1)], Format(SAMPLE_RATE, len(sound)), bit_rate=BIT_RATES[len(sound)])
        return base64.b64encode(path.read_bytes()).decode("ascii")
