"""Pairs of recordings, before and after: files of one name in two folders, aligned in time."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import Results
from aural.audio.files import open_audio
from aural.audio.folders import recordings
from aural.cache import cache_folder
from aural.errors import AudioError
from aural.signals import Block

MOST_DELAY_S = 0.5
COMPARED_S = 30.0  # of a pair, where it is loudest, to find the delay
LEAST_LIKENESS = 0.1  # of two recordings of one thing, as the peak of their normalised cross-correlation


@dataclass(frozen=True)
class Pair:
    """A recording before and after, of one sample rate and number of channels."""

    name: str
    input: Path
    target: Path
    sample_rate: int
    channels: int
    delay: int
    """Frames by which the one after lags behind."""
    frames: int
    """That both have once the delay is taken out."""

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    def read(self, first: int = 0, frames: int | None = None) -> tuple[Block, Block]:
        """Return frames of both, (channels, frames), in time; silence where they lie outside of the recordings."""
        end = self.frames if frames is None else first + frames
        outside = ((0, 0), (max(0, -first), max(0, end - self.frames)))
        inside = slice(max(0, first), max(0, min(end, self.frames)))
        starts = max(0, -self.delay), max(0, self.delay)
        both = (
            decoded(path)[:, inside.start + start : inside.stop + start]
            for path, start in zip((self.input, self.target), starts, strict=True)
        )
        input, target = (np.pad(np.asarray(audio, np.float32), outside) for audio in both)
        return input, target


def pairs(input: str, target: str) -> list[Pair]:
    """List the pairs of two folders.

    Raises:
        AudioError: a folder is missing or empty, a recording has no partner, or a pair does not fit together.
    """
    return [pair(name, before, after) for name, after, before in matched(target, input)]


def pair(name: str, input: Path, target: Path) -> Pair:
    """Align two recordings in time.

    Raises:
        AudioError: a file cannot be read or is silent, rates, channels or lengths differ, or the two have nothing
            in common.
    """
    formats = [open_audio(path).format for path in (input, target)]
    if formats[0] != formats[1]:
        shown = ", ".join(
            f"{path} has {found.channels} channels at {found.sample_rate} Hz"
            for path, found in zip((input, target), formats, strict=True)
        )
        raise AudioError(f"{shown}; they must be alike")
    rate, channels = formats[0].sample_rate, formats[0].channels
    both = before, after = decoded(input), decoded(target)
    for path, audio in zip((input, target), both, strict=True):
        if not audio.any():
            raise AudioError("is silent", path=path)
    lengths = [audio.shape[1] for audio in both]
    if abs(lengths[0] - lengths[1]) > MOST_DELAY_S * rate:
        raise AudioError(f"lasts {lengths[1] / rate:.2f} s, its input {lengths[0] / rate:.2f} s", path=target)
    lag, likeness = delay(before, after, rate)
    if likeness < LEAST_LIKENESS:
        raise AudioError(f"has nothing in common with {input}", path=target)
    return Pair(name, input, target, rate, channels, lag, min(lengths[0] + min(lag, 0), lengths[1] - max(lag, 0)))


def delay(input: Block, target: Block, sample_rate: int) -> tuple[int, float]:
    """Return by how many frames the second lags behind, and how alike they are then, from 0 to 1, by correlation."""
    from scipy.signal import correlate

    frames = min(input.shape[1], target.shape[1])
    size = min(frames, round(COMPARED_S * sample_rate))
    first = _loudest(input[:, :frames], size)
    before, after = (audio[:, first : first + size].astype(np.float64) for audio in (input, target))
    found = np.abs(sum(correlate(b, a, method="fft") for a, b in zip(before, after, strict=True)))
    most = min(size - 1, round(MOST_DELAY_S * sample_rate))
    near = found[size - 1 - most : size + most]
    norm = np.linalg.norm(before) * np.linalg.norm(after)
    return int(np.argmax(near)) - most, float(near.max() / norm) if norm else 0.0


def _loudest(audio: Block, size: int) -> int:
    """Return where the loudest part of so many frames begins, to a thirtieth of it."""
    step = max(1, size // 30)
    starts = range(0, audio.shape[1] - size + 1, step)
    powers = [float(np.square(audio[:, n : n + step]).sum()) for n in range(0, audio.shape[1], step)]
    sums = np.cumsum([0.0, *powers])
    return starts[int(np.argmax([sums[n + size // step] - sums[n] for n in range(len(starts))]))]


def matched(target: str, input: str) -> list[tuple[str, Path, Path]]:
    """Match the recordings of two folders by name: the name, the target, the input.

    Raises:
        AudioError: a folder is missing or holds no audio, or a recording has no partner.
    """
    after, before = (_named(Path(folder)) for folder in (target, input))
    for here, there, folder in ((after, before, input), (before, after, target)):
        alone = sorted(str(path) for name, path in here.items() if name not in there)
        if alone:
            more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
            raise AudioError(f"no partner here for {', '.join(alone[:3])}{more}", path=folder)
    return [(name, after[name], before[name]) for name in sorted(after)]


def _named(folder: Path) -> dict[str, Path]:
    """Return the recordings of a folder by their names, without suffix."""
    files = recordings(folder)
    named = {str(path.relative_to(folder).with_suffix("")): path for path in files}
    if len(named) < len(files):
        raise AudioError("two recordings have one name and differ in the suffix alone", path=folder)
    return named


def decoded(path: Path) -> NDArray[np.float32]:
    """Return a recording, (channels, frames), mapped from the cache.

    Raises:
        AudioError: the file cannot be read.
    """
    file = open_audio(path)
    status = path.stat()
    key = f"{path.resolve()}:{status.st_mtime_ns, status.st_size}:whole"
    kept = cache_folder() / "pairs" / f"{sha256(key.encode()).hexdigest()[:24]}.f32"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with Results(replace=True) as results:
            part = results.open(kept)
            for block in file:
                part.write(np.ascontiguousarray(block.T, np.float32).data)
    return np.memmap(kept, np.float32, "r").reshape(-1, file.format.channels).T
