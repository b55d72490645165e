"""Excerpts of many clips as one sequence, balanced between speakers, recordings and songs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from aural.degrade.take import active_db
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError
from aural.learning.material import Clip, load, read

PER_ROOT_SECOND = 200  # excerpts of a group for each root of a second it lasts: their starts lie close together
DRAWS = 50  # of silent excerpts in a row before that is an error


@dataclass(frozen=True)
class Group:
    """The clips of one speaker, recording or song, end to end."""

    clips: tuple[Clip, ...]
    tickets: int


class Excerpts(Sequence[NDArray[np.float32]]):
    """Excerpts of one length, float32 of shape (frames,); the share of a group grows with the root of its length.

    With `load_stereo` in place of `load` they are of shape (2, frames).

    Excerpt by excerpt the start moves on through the clips of a group, which follow each other without a pause; a
    group that is shorter than an excerpt gives all it has. What an index gives never changes.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        seconds: float,
        sample_rate: int,
        load: Callable[[Clip, int], NDArray[np.int16]] = load,
    ) -> None:
        groups: dict[str, list[Clip]] = {}
        for clip in clips:
            groups.setdefault(clip.group, []).append(clip)
        self.groups = [Group(tuple(found), _tickets(found)) for _, found in sorted(groups.items())]
        self.ends = np.cumsum([group.tickets for group in self.groups])
        self.frames, self.sample_rate, self.load = round(seconds * sample_rate), sample_rate, load
        self.lengths: dict[int, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.groups else 0

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.float32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | Sequence[NDArray[np.float32]]:
        """Read an excerpt.

        Raises:
            AudioError: a file cannot be read, or holds nothing.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        place = self._place(index)
        group = self.groups[place]
        first = (index - int(self.ends[place]) + group.tickets) / group.tickets
        return self._read(group.clips, self._clip_ends(place), first)

    def group_of(self, index: int) -> Group:
        """Return what an excerpt is of."""
        return self.groups[self._place(index)]

    def _place(self, index: int) -> int:
        return int(np.searchsorted(self.ends, index, side="right"))

    def _read(self, clips: tuple[Clip, ...], ends: NDArray[np.int64], share: float) -> NDArray[np.float32]:
        first, missing = int(share * max(1, ends[-1] - self.frames)), min(self.frames, int(ends[-1]))
        pieces = []
        while missing:
            number = int(np.searchsorted(ends, first, side="right"))
            kept = self.load(clips[number], self.sample_rate)
            start = first - (int(ends[number]) - kept.shape[-1])
            pieces.append(kept[..., start : start + missing])
            first += pieces[-1].shape[-1]
            missing -= pieces[-1].shape[-1]
        return np.concatenate(pieces, axis=-1).astype(np.float32) / np.float32(32768)

    def _clip_ends(self, place: int) -> NDArray[np.int64]:
        """Return where each clip of a group ends, in frames."""
        if place not in self.lengths:
            clips = self.groups[place].clips
            ends = np.cumsum([self.load(clip, self.sample_rate).shape[-1] for clip in clips])
            if not ends[-1]:
                raise AudioError("holds no audio", path=clips[0].path)
            self.lengths[place] = ends
        return self.lengths[place]


def draw(
    excerpts: Excerpts,
    rng: np.random.Generator,
    fastest: float,
    silent_dbfs: float,
    cut: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Draw an excerpt at unit level that is not silent; half of them faster or slower, and so higher or lower.

    Args:
        fastest: most by which the speed rises; it falls by as much.
        silent_dbfs: active level below which an excerpt counts as silent.
        cut: brings what was drawn to its length.

    Raises:
        AudioError: many excerpts in a row are silent.
    """
    import soxr

    rate = excerpts.sample_rate
    for _ in range(DRAWS):
        audio = excerpts[int(rng.integers(len(excerpts)))]
        if rng.random() < 0.5:
            audio = soxr.resample(audio, rate * rng.uniform(1 / fastest, fastest), rate, quality="MQ")
        audio = cut(audio)
        if (level_db := active_db(audio, rate)) > silent_dbfs:
            return audio * np.float32(db_to_gain(-level_db))
    raise AudioError(f"{DRAWS} excerpts in a row are silent; the folder holds hardly any sound")


def _tickets(clips: Sequence[Clip]) -> int:
    return 1 + int(PER_ROOT_SECOND * sum(clip.seconds for clip in clips) ** 0.5)


class WholeClips(Sequence[NDArray[np.float32]]):
    """Clips from their beginning to their end, such as impulse responses, read when they are asked for."""

    def __init__(self, clips: Sequence[Clip], sample_rate: int) -> None:
        self.clips, self.sample_rate = clips, sample_rate

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.float32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | Sequence[NDArray[np.float32]]:
        if isinstance(index, slice):
            return WholeClips(self.clips[index], self.sample_rate)
        return read(self.clips[index], self.sample_rate)
