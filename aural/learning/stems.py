"""Songs as stems: a folder for each song with a file for each stem, or a file with a sound track for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural.audio.folders import recordings
from aural.errors import AudioError
from aural.learning.material import Clip, clip_of, load_stereo, split

MIXTURES = ("mixture", "mix")
"""Names of files that are no stem but the sum of them all."""
VOICES = ("vocals", "vocal", "voice", "voices", "vox", "speech", "singing", "dialogue", "dialog")
"""Words in the names of stems that are voices."""
WITHOUT = ("no", "non", "without", "minus")
"""Words in the names of stems that are all but voices."""
MULTITRACK = ".stem.mp4"
"""How the name of a file ends that holds a song: its mixture, and a sound track for each of these stems."""
TRACKS = ("drums", "bass", "other", "vocals")
HELD_OUT, TRAINED = "test", "train"
"""Folders in which data sets such as MUSDB keep the songs of either side of the split."""
EXCERPT = re.compile(r"_e\d+$")
"""How the names of excerpts of one song end; a number alone, as in Track 01, tells songs apart."""


@dataclass(frozen=True)
class Song:
    """The stems of one recording, by their names."""

    name: str
    stems: Mapping[str, Clip]

    @property
    def seconds(self) -> float:
        return max(clip.seconds for clip in self.stems.values())

    def read(self, sample_rate: int, first: int = 0, frames: int | None = None) -> dict[str, NDArray[np.float32]]:
        """Return frames of each stem, (2, frames), as many of each: a stem that ends early ends in silence.

        Raises:
            AudioError: a file cannot be read.
        """
        length = round(self.seconds * sample_rate)
        count = max(0, length - first if frames is None else frames)
        return {
            name: _padded(load_stereo(clip, sample_rate)[:, first : first + count], count)
            for name, clip in self.stems.items()
        }


def is_voice(stem: str) -> bool:
    """Say whether a stem is a voice, by its name: vocals, Lead Vocals and song_voice are, no_vocals is none."""
    words = re.findall(r"[^\W\d_]+", stem.lower())
    return any(word in VOICES for word in words) and not any(word in WITHOUT for word in words)


def songs(folder: str, part: str | None = None) -> list[Song]:
    """List the songs of a folder: each folder in it, however deep, that holds two recordings or more, and each file
    with the sound tracks of MUSDB (.stem.mp4).

    A recording of the name mixture or mix is no stem. Where the songs lie in a folder `train` and a folder
    `test`, as in MUSDB, those under `test` are the test, and of the others some are held out for validation;
    elsewhere songs are held out as `aural.learning.material.split` says, excerpts of one song (NAME_e0, NAME_e1)
    together.

    Args:
        part: only the songs on this side of the split: train, validation or test.

    Raises:
        AudioError: there is no such folder, or no song in it, or none on this side.
    """
    root = Path(folder)
    places: dict[Path, list[Path]] = {}
    whole: list[Path] = []
    for file in recordings(root):
        if file.name.lower().endswith(MULTITRACK):
            whole.append(file)
        else:
            places.setdefault(file.parent, []).append(file)
    found = [_tracks(file, root) for file in whole]
    found += [song for place, files in places.items() if (song := _song(place, files, root))]
    if not found:
        raise AudioError(
            f"no song in this folder: a song is a folder with a recording of each stem, or a file {MULTITRACK}",
            path=root,
        )
    if part is None:
        return found
    parts = _parts(found)
    wanted = [song for song in found if parts[song.name] == part]
    if not wanted:
        raise AudioError(f"has no song for {part}; the split needs three songs or more", path=root)
    return wanted


def _tracks(file: Path, root: Path) -> Song:
    name = file.relative_to(root).as_posix()[: -len(MULTITRACK)]
    group = EXCERPT.sub("", name)
    return Song(name, {stem: clip_of(file, stem, group, track=2 + n) for n, stem in enumerate(TRACKS)})


def _song(place: Path, files: Sequence[Path], root: Path) -> Song | None:
    stems = {file.stem.lower(): file for file in files if file.stem.lower() not in MIXTURES}
    if len(stems) < 2:
        return None
    name = place.relative_to(root).as_posix() if place != root else place.name
    group = EXCERPT.sub("", name)
    return Song(name, {stem: clip_of(file, stem, group) for stem, file in stems.items()})


def _parts(found: list[Song]) -> dict[str, str]:
    """Say of each song, by its name, where it lies."""
    first = {song.name: Path(song.name).parts[0] for song in found}
    if set(first.values()) == {HELD_OUT, TRAINED}:
        sides = split({song.name: song.seconds for song in found if first[song.name] == TRAINED}, "stems")
        held = {name: "validation" if side == "validation" else TRAINED for name, side in sides.items()}
        return {name: held.get(name, HELD_OUT) for name in first}
    seconds: dict[str, float] = {}
    groups = {song.name: next(iter(song.stems.values())).group for song in found}
    for song in found:
        seconds[groups[song.name]] = seconds.get(groups[song.name], 0.0) + song.seconds
    parts = split(seconds, "stems")
    return {name: parts[group] for name, group in groups.items()}


def _padded(audio: NDArray[np.int16], frames: int) -> NDArray[np.float32]:
    sound = audio.astype(np.float32) / np.float32(32768)
    return np.pad(sound, ((0, 0), (0, frames - sound.shape[-1])))
