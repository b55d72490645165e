"""Making a listening test: the versions of each item, equally long and equally loud, on one page."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural import __version__
from aural.audio.atomic import Part, Results
from aural.audio.files import read
from aural.audio.folders import recordings
from aural.audio.writing import quantise
from aural.dsp.decibels import db_to_gain, power_to_db
from aural.dsp.resampling import resampler
from aural.errors import AudioError
from aural.listening.settings import KINDS, ListeningSettings
from aural.markup import element, visible
from aural.pages.page import check_page, page
from aural.pages.sound import SAMPLE_RATE, lufs, matching_gains
from aural.signals import Block, Format
from aural.stream import pump

REFERENCE = "reference"
ANCHORS = {"anchor-3.5-khz": 3500.0, "anchor-7-khz": 7000.0}
"""Names of the anchors, and where each ends in Hz."""
LONGEST_S = 60.0
SLACK_S = 0.1
"""So much longer or shorter than the reference a version may be; it is cut, or ends in silence."""
TARGET_LUFS, HIGHEST_DBFS = -23.0, -1.0
"""How loud an item is, as long as no version has higher peaks: where it is quiet, 16 bits would be heard."""
BITS = 16
BRIEF_S, BRIEF_BYTES, BRIEF_LEAST = 4.0, 3_000_000, 3
"""Of a brief test: the most that is heard of an item, how large its page may get, and the items it has anyway."""


@dataclass(frozen=True, kw_only=True)
class ListeningTest(ListeningSettings):
    """A page on which people compare versions of recordings without knowing which is which.

    All versions of all items are brought to one loudness, and are held as FLAC of 16 bits: no codec comes between
    them and the listener. The order of items and versions is drawn from the seed and the listener's name; a browser
    saves the answers as a file, which `aural.listening.results` reads.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range.

    References:
        ITU-R BS.1534-3 (2015): hidden reference, anchors, scale.
    """

    def write(
        self, reference: str | Path, others: Sequence[str | Path], path: str | Path, *, replace: bool = False
    ) -> None:
        """Write the page.

        Args:
            reference: a recording, or a folder of recordings: one item each.
            others: what was made of it, a recording each; or folders, in which files have the names of the reference.
            path: where the page goes (.html).
            replace: whether a file that exists may be replaced.

        Raises:
            AudioError: a recording cannot be read, or is longer than a minute, or does not fit the reference; there
                are too few; two have one name; or the page cannot be written.
        """
        least = 2 if self.kind == "ab" else 1
        items = _items(Path(reference), [Path(other) for other in others], least)
        with self._opened(items, path, replace) as page:
            page.write(self._page({name: self._clips(versions) for name, versions in items.items()}))

    def write_brief(
        self, files: Mapping[str, Mapping[str, Path]], path: str | Path, *, replace: bool = False
    ) -> list[str]:
        """Write a page that is small and soon done: of each item 4 s from its middle; as many items, in their order,
        as stay below 3 MB, but three if there are so many. Return the names of those items.

        Args:
            files: for each item by its name, the files of its versions by theirs, of which items need not have the
                same; one is the `reference`.
            path: where the page goes (.html).
            replace: whether a file that exists may be replaced.

        Raises:
            AudioError: as `write`.
        """
        items: dict[str, dict[str, str]] = {}
        size = 0
        with self._opened(files, path, replace) as page:
            for name, versions in files.items():
                clips = self._clips(versions, BRIEF_S)
                size += sum(map(len, clips.values()))
                if len(items) >= BRIEF_LEAST and size > BRIEF_BYTES:
                    break
                items[name] = clips
            page.write(self._page(items))
        return list(items)

    @contextmanager
    def _opened(self, files: Mapping[str, Mapping[str, Path]], path: str | Path, replace: bool) -> Iterator[Part]:
        check_page(Path(path))
        with Results(replace, likes=[file for versions in files.values() for file in versions.values()]) as results:
            yield results.open(path)

    def _clips(self, files: Mapping[str, Path], longest_s: float = LONGEST_S) -> dict[str, str]:
        """Read an item, or its middle; return its versions by name, each as a FLAC file in base64."""
        whole = _alike({name: _sound(file) for name, file in files.items()}, files)
        frames = whole[REFERENCE].shape[-1]
        outside = max(0, frames - round(longest_s * SAMPLE_RATE)) // 2
        sounds = {name: sound[:, outside : frames - outside] for name, sound in whole.items()}
        gains = matching_gains(sounds)
        louder = _louder({name: sound * np.float32(db_to_gain(gains[name])) for name, sound in sounds.items()})
        matched = {name: sound * np.float32(db_to_gain(gains[name] + louder)) for name, sound in sounds.items()}
        if self.kind == "mushra":
            matched |= {name: low_passed(matched[REFERENCE], hz) for name, hz in ANCHORS.items()}
        return {name: _flac(sound) for name, sound in matched.items()}

    def _page(self, items: Mapping[str, Mapping[str, str]]) -> bytes:
        marks = "\n".join([self.kind, *(clip for clips in items.values() for clip in clips.values())])
        data = {
            "version": __version__,
            "kind": self.kind,
            "seed": self.seed,
            "trials": self.trials,
            "test": hashlib.sha256(marks.encode("ascii")).hexdigest()[:16],
            "task": KINDS[self.kind],
            "items": [{"name": name, "shown": visible(name), "clips": clips} for name, clips in items.items()],
        }
        body = element("main", element("h1", "Listening test"), element("div", id="screen"))
        return page("Listening test", body, data, "elements.js", "player.js", "listen.js").encode("utf-8")


@cache
def low_pass(cutoff_hz: float) -> NDArray[np.float64]:
    """Design the filter of an anchor: flat to the cut-off within 0.1 dB, 60 dB down a seventh above it.

    References:
        ITU-R BS.1534-3, 5.1: 25 dB down at 4 kHz and 50 dB at 4.5 kHz for the one that ends at 3.5 kHz.
    """
    from aural.dsp import fir

    width_hz = cutoff_hz / 7
    half_hz = SAMPLE_RATE / 2
    return fir.low_pass((cutoff_hz + width_hz / 2) / half_hz, fir.kaiser(60.0, width_hz / half_hz))


def low_passed(sound: Block, cutoff_hz: float) -> Block:
    """Make an anchor of a sound, shape (channels, frames) at 48 kHz."""
    from aural.dsp import fir

    return fir.filtered(sound, low_pass(cutoff_hz)).astype(np.float32)


def _items(reference: Path, others: Sequence[Path], least: int) -> dict[str, dict[str, Path]]:
    """Return the files of each item: the reference and the other versions by name."""
    names = [REFERENCE, *(other.name if other.is_dir() else other.stem for other in others)]
    if len(others) < least:
        raise AudioError(f"a test of this kind needs a reference and at least {('one', 'two')[least - 1]} more")
    for name in names:
        if names.count(name) > 1 or name in ANCHORS:
            raise AudioError(f"two versions are called {name}; rename one, or put them into folders that have names")
    if not reference.is_dir():
        return {reference.stem: dict(zip(names, (reference, *others), strict=True))}
    found = recordings(reference, below=False)
    return {file.stem: dict(zip(names, [file, *(_beside(file, o) for o in others)], strict=True)) for file in found}


def _beside(file: Path, folder: Path) -> Path:
    """Find the file of the same name in another folder; its suffix may be another."""
    if not folder.is_dir():
        raise AudioError("is no folder, but the reference is one", path=folder)
    found = [other for other in recordings(folder, below=False) if other.stem == file.stem]
    if len(found) != 1:
        raise AudioError(f"holds {len(found)} recordings called {file.stem}, where one is needed", path=folder)
    return found[0]


def _sound(file: Path) -> Block:
    """Read a recording at 48 kHz; more than two channels become their mean."""
    audio, rate = read(file)
    if audio.shape[-1] > LONGEST_S * rate:
        length = f"lasts {audio.shape[-1] / rate:.0f} s"
        raise AudioError(
            f"{length}; a listening test takes {LONGEST_S:.0f} s at most, and about 10 s are best", path=file
        )
    sound = audio if len(audio) <= 2 else audio.mean(axis=0, keepdims=True)
    return np.concatenate(list(pump(resampler(Format(rate, len(sound)), SAMPLE_RATE), [sound])), axis=-1)


def _alike(sounds: Mapping[str, Block], files: Mapping[str, Path]) -> dict[str, Block]:
    """Give all versions the length of the reference, and as many channels."""
    frames, channels = sounds[REFERENCE].shape[-1], max(map(len, sounds.values()))
    for name, sound in sounds.items():
        if abs(sound.shape[-1] - frames) > SLACK_S * SAMPLE_RATE:
            raise AudioError(
                f"lasts {sound.shape[-1] / SAMPLE_RATE:.2f} s, but the reference "
                f"{frames / SAMPLE_RATE:.2f} s; versions of one recording have one length",
                path=files[name],
            )
    missing = {name: max(0, frames - sound.shape[-1]) for name, sound in sounds.items()}
    return {
        name: np.pad(np.broadcast_to(s, (channels, s.shape[-1]))[:, :frames], ((0, 0), (0, missing[name])))
        for name, s in sounds.items()
    }


def _louder(matched: Mapping[str, Block]) -> float:
    """Return the gain in dB that brings versions of one loudness to the loudness of all items."""
    level = lufs(matched[REFERENCE])
    highest = max(float(np.abs(sound).max(initial=0.0)) for sound in matched.values())
    if not math.isfinite(level) or not highest:
        return 0.0
    return float(min(TARGET_LUFS - level, HIGHEST_DBFS - power_to_db(highest**2)))


def _flac(sound: Block) -> str:
    import soundfile

    held = io.BytesIO()
    samples = quantise(np.clip(sound, -1, 1), BITS, np.random.default_rng(0)).T
    soundfile.write(held, samples, SAMPLE_RATE, format="FLAC", subtype=f"PCM_{BITS}")
    return base64.b64encode(held.getvalue()).decode("ascii")
