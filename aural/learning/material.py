"""Folders of training data: their clips, the split into training, validation and test, and a cache."""

from __future__ import annotations

import csv
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import Results
from aural.audio.folders import recordings
from aural.cache import cache_folder
from aural.errors import AudioError

MANIFEST = "MANIFEST.csv"
HELD_OUT = {0: "test", 1: "validation"}
PARTS = 12
LEAST = 1 / 40  # of the time, in each part
LANGUAGE = re.compile(r"^[a-z]{2,3}(_[a-z]+)?-")
TAKE = re.compile(r"[\d_\W]+$")
EXCERPT = re.compile(r"(_e|[-_ ])?\d+$")
ROOM = re.compile(r".*/|[^\W_]+[\W_]*[^\W_]*")
"""The folder, and the first two words of a name, which say where impulse responses were measured."""


@dataclass(frozen=True)
class Clip:
    """An audio file, and what is known about it."""

    path: Path
    kind: str
    """What it is used as: speech, noise, ir, music."""
    group: str
    """Speaker, recording or song: clips of one group are never on both sides of a split."""
    category: str
    seconds: float
    bandwidth_hz: float
    snr_db: float
    part: str = ""
    """Which side of the split it lies on: train, validation or test."""
    track: int | None = None
    """Which of several sound tracks of the file it is, from 1."""


def find(folder: str | os.PathLike[str], kind: str, part: str | None = None) -> list[Clip]:
    """List the audio files of a folder and those below it.

    A MANIFEST.csv in the folder describes them: its column `path`, and where they are there `group` (or `speaker`, or
    `recording`, whose number at the end is that of a take, or `stem`, of the song that the folder is), `category`,
    `seconds`, `bandwidth_hz` and `snr_db`.
    Without one the files of a subfolder belong together, and files that lie in the folder itself each stand alone,
    but for a number at the end. A language in front of a speaker's name is left out: people speak several.

    A twelfth of the groups each is held out for validation and for the test, chosen by a hash of their names, so
    that the split stays when audio is added to a folder of some dozens; more where they last less than a fortieth
    of the time.

    Args:
        part: only the clips on this side of the split.

    Raises:
        AudioError: there is no such folder, or no audio in it, or too few groups to hold some out, or the manifest
            has no column `path`.
    """
    root = Path(folder)
    if not root.is_dir():
        raise AudioError("no such folder", path=root)
    clips = _listed(root, kind) if (root / MANIFEST).exists() else _walked(root, kind)
    if not clips:
        raise AudioError("no audio in this folder", path=root)
    if part is None:
        return clips
    seconds = Counter[str]()
    for clip in clips:
        seconds[clip.group] += clip.seconds  # type: ignore[assignment]
    parts = split(seconds, kind)
    if len(set(parts.values())) < 3:
        raise AudioError(
            f"holds {_groups(clips)} speakers, recordings or songs; the split needs three: put each into "
            f"a folder of its own, or name them in a column `group` of {MANIFEST}",
            path=root,
        )
    return [replace(clip, part=part) for clip in clips if parts[clip.group] == part]


def split(seconds: Mapping[str, float], kind: str) -> dict[str, str]:
    """Say of each group, of so many seconds, where it lies: train, validation or test.

    A part that no hash fills gets the lowest, and one that lasts less than a fortieth of all takes more of training,
    in the order of their hashes, as long as half of all is left there.
    """
    hashes = {group: zlib.crc32(f"{kind}:{group}".encode()) for group in seconds}
    parts = {group: HELD_OUT.get(value % PARTS, "train") for group, value in hashes.items()}
    for part in ("train", *HELD_OUT.values()):
        if part not in parts.values():
            (largest, size), *_ = Counter(sorted(parts.values(), reverse=True)).most_common()
            if size > 1:
                parts[min((g for g in parts if parts[g] == largest), key=lambda g: (hashes[g], g))] = part
    total = sum(seconds.values())
    for part in HELD_OUT.values():
        for group in sorted(seconds, key=lambda group: (hashes[group], group)):
            held, left = (sum(seconds[g] for g in parts if parts[g] == name) for name in (part, "train"))
            if held >= LEAST * total:
                break
            if parts[group] == "train" and left - seconds[group] >= total / 2:
                parts[group] = part
    return parts


def _listed(root: Path, kind: str) -> list[Clip]:
    try:
        with (root / MANIFEST).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except ValueError as error:
        raise AudioError(f"is not a table in UTF-8: {error}", path=root / MANIFEST) from error
    if rows and "path" not in rows[0]:
        raise AudioError("no column called path", path=root / MANIFEST)
    clips = []
    for number, row in enumerate(rows, start=2):
        try:
            clips.append(_clip(root, kind, row))
        except (TypeError, ValueError) as error:
            raise AudioError(f"{root / MANIFEST}, line {number}: {error}") from error
    return clips


def _clip(root: Path, kind: str, row: dict[str, str]) -> Clip:
    path = root / row["path"]
    bandwidth_hz, snr_db = (float(row.get(column) or np.inf) for column in ("bandwidth_hz", "snr_db"))
    seconds = float(row["seconds"]) if row.get("seconds") else _seconds(path)
    group = _group(row, kind)
    return Clip(path, kind, group, row.get("category") or path.parent.name, seconds, bandwidth_hz, snr_db)


def _group(row: dict[str, str], kind: str) -> str:
    """Say who or what a row is of: takes of one recording, languages of one speaker, places in one room and stems of
    one song are one."""
    if row.get("group"):
        return row["group"].lower()
    if row.get("speaker"):
        return LANGUAGE.sub("", row["speaker"].lower())
    if row.get("recording"):
        return TAKE.sub("", row["recording"].lower()) or row["recording"]
    if kind == "ir":
        return "".join(ROOM.findall(row["path"])[:2]).lower()
    name = row["path"].rpartition("/")[0] if row.get("stem") else row["path"].rsplit(".", 1)[0]
    return EXCERPT.sub("", name) or row["path"]


def _seconds(path: Path, track: int | None = None) -> float:
    from aural.audio.files import open_audio

    return open_audio(path, track=track).info.duration_s


def _walked(root: Path, kind: str) -> list[Clip]:
    clips = []
    for file in recordings(root):
        place = file.relative_to(root)
        group = place.parts[0] if len(place.parts) > 1 else EXCERPT.sub("", place.stem) or place.stem
        clips.append(clip_of(file, kind, group, place.parent.name or "-"))
    return clips


def _groups(clips: Iterable[Clip]) -> int:
    return len({clip.group for clip in clips})


def clip_of(file: Path, kind: str, group: str, category: str = "-", track: int | None = None) -> Clip:
    """Return a file, or one of its sound tracks, as a clip about which nothing more is known.

    Raises:
        AudioError: it cannot be read.
    """
    return Clip(file, kind, group, category, _seconds(file, track), np.inf, np.inf, track=track)


def load(clip: Clip, sample_rate: int) -> NDArray[np.int16]:
    """Return the first channel of a clip at a sample rate as 16-bit integers, mapped from the cache.

    Raises:
        AudioError: the file cannot be read.
    """
    return _kept(clip, sample_rate, "", 1)[0]


def load_stereo(clip: Clip, sample_rate: int) -> NDArray[np.int16]:
    """Return two channels of a clip, (2, frames), as `load` does: the first two, or the only one twice.

    Raises:
        AudioError: the file cannot be read.
    """
    return _kept(clip, sample_rate, ":stereo", 2)


def _kept(clip: Clip, sample_rate: int, what: str, channels: int) -> NDArray[np.int16]:
    status = clip.path.stat() if clip.path.exists() else None
    track = "" if clip.track is None else f":{clip.track}"
    key = f"{clip.path.resolve()}:{status and (status.st_mtime_ns, status.st_size)}:{sample_rate}{what}{track}"
    digest = sha256(key.encode()).hexdigest()[:24]
    kept = cache_folder() / "material" / digest[:2] / f"{digest}.npy"  # one folder of them all would be slow
    if not kept.exists():
        audio = _decode(clip, sample_rate, channels)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with Results(replace=True) as results:
            np.save(results.open(kept), audio if channels > 1 else audio[0])
    return np.load(kept, mmap_mode="r").reshape(channels, -1)


def _decode(clip: Clip, sample_rate: int, channels: int) -> NDArray[np.int16]:
    import soxr

    from aural.audio.files import open_audio

    file = open_audio(clip.path, track=clip.track)
    taken = [min(channel, file.format.channels - 1) for channel in range(channels)]
    audio = np.concatenate([block[taken] for block in file] or [np.zeros((channels, 0), np.float32)], axis=-1)
    audio = soxr.resample(audio.T, file.format.sample_rate, sample_rate).T
    return np.clip(np.round(audio * 32767), -32768, 32767).astype(np.int16)


def read(clip: Clip, sample_rate: int, first: int = 0, frames: int | None = None) -> NDArray[np.float32]:
    """Return frames of the first channel of a clip as float32, shape (frames,); fewer where it ends.

    Raises:
        AudioError: the file cannot be read.
    """
    kept = load(clip, sample_rate)
    return kept[first : None if frames is None else first + frames].astype(np.float32) / np.float32(32768)


def describe(clips: Iterable[Clip]) -> dict[str, float | int]:
    """Count what is there, for logs and model cards."""
    clips = list(clips)
    return {"files": len(clips), "groups": _groups(clips), "hours": round(sum(c.seconds for c in clips) / 3600, 2)}
