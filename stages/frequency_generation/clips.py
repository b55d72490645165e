"""Training clips: mixes of music and voices, and what a codec has made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import write_bytes
from aural.cache import cache_folder
from aural.degrade.codec import Codec, codecs
from aural.degrade.fourier import filtered
from aural.dsp.decibels import db_to_gain
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.material import Clip, load_stereo
from aural.signals import Block

SAMPLE_RATE = 48000
SECONDS = 10.0  # that an excerpt of the pool lasts
LEAST_HZ = 15000.0  # that a recording must reach to be a target
SOURCES = (0.5, 0.3, 0.2)  # of the mixes have one, two, three sources
SPREAD_DB = 10.0  # by which they are louder or softer than each other
PEAK_DB = -12.0, -0.5
MONO, TWICE, WHOLE = 0.35, 0.1, 0.04  # of the excerpts are coded in mono; twice; of the clips nothing is missing
RATES = {
    "mp3": (16, 24, 32, 32, 40, 48, 48, 56, 64, 64, 80, 96, 112, 128),
    "aac": (24, 32, 48, 64, 96, 128),
    "opus": (12, 16, 24, 32, 48, 64),
}
"""Bit rates in kbit/s; those named twice are drawn twice as often."""
SHARES = {"mp3": 0.65, "aac": 0.25, "opus": 0.1}
TILTED, TILT_DB = 0.5, 1.5  # of the clips get another slope; its spread in dB an octave
CORNERS_HZ = 500.0, 4000.0

Audio = NDArray[np.float32]


def whole(clips: Sequence[Clip]) -> list[Clip]:
    """List the clips that are fit to be a target: of full band, and of a speaker or song of which there is enough."""
    wide = [clip for clip in clips if clip.bandwidth_hz >= LEAST_HZ]
    seconds = Counter[str]()
    for clip in wide:
        seconds[clip.group] += clip.seconds  # type: ignore[assignment]
    return [clip for clip in wide if seconds[clip.group] >= SECONDS]


class Pool:
    """Coded excerpts of 10 s, made when they are first asked for and kept in the cache."""

    def __init__(self, settings: Any, part: str) -> None:
        folders = [clips for clips in map(whole, settings.folders(part)) if clips]
        if not folders:
            raise ParameterError(
                f"no audio for {part} reaches {LEAST_HZ:.0f} Hz, and lasts {SECONDS:.0f} s", stage="training"
            )
        self.sources = [Excerpts(clips, SECONDS, SAMPLE_RATE, load_stereo) for clips in folders]
        roots = np.array([sum(clip.seconds for clip in clips) ** 0.25 for clips in folders])
        self.shares = roots / roots.sum()
        self.key = f"{part}:{_listing(folders)}"

    def __getitem__(self, number: int) -> tuple[NDArray[np.int16], NDArray[np.int16], float]:
        """Return an excerpt before and after, (channels, frames), and up to where it is true in Hz."""
        name = sha256(f"{self.key}:{number}".encode()).hexdigest()[:24]
        kept = cache_folder() / "coded" / f"{name}.npz"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            target, coded, end_hz = self._made(np.random.default_rng(list(bytes.fromhex(name))))
            file = BytesIO()
            np.savez(file, target=_integers(target), coded=_integers(coded), end_hz=np.float64(end_hz))
            write_bytes(kept, file.getvalue())
        with np.load(kept) as found:
            return found["target"], found["coded"], float(found["end_hz"])

    def _made(self, rng: np.random.Generator) -> tuple[Block, Block, float]:
        target, end_hz = self._mix(rng)
        if rng.random() < MONO:
            target = target.mean(axis=0, keepdims=True)
        coded = target
        for _ in range(1 + (rng.random() < TWICE)):
            coded = drawn_codec(len(target), rng).there_and_back(coded, SAMPLE_RATE)
        return target, coded, end_hz

    def _mix(self, rng: np.random.Generator) -> tuple[Block, float]:
        count = 1 + int(rng.choice(len(SOURCES), p=SOURCES))
        mixed, end_hz = np.zeros((2, round(SECONDS * SAMPLE_RATE)), np.float32), np.inf
        while count:
            source = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
            index = int(rng.integers(len(source)))
            audio = source[index]
            level = float(np.sqrt(np.square(audio).mean())) if audio.size else 0.0
            if level > 1e-4:
                first = int(rng.integers(mixed.shape[1] - audio.shape[1] + 1))
                gain = np.float32(db_to_gain(rng.uniform(-SPREAD_DB, SPREAD_DB)) / level)
                mixed[:, first : first + audio.shape[1]] += gain * audio
                end_hz = min(end_hz, *(clip.bandwidth_hz for clip in source.group_of(index).clips))
                count -= 1
        peak = np.float32(db_to_gain(rng.uniform(*PEAK_DB)) / np.abs(mixed).max())
        return peak * mixed, min(end_hz, SAMPLE_RATE / 2)


class CodedClips:
    """Draws clips of the pool: one channel, or the mean of two."""

    def __init__(self, settings: Any, part: str, multiple: int) -> None:
        self.pool, self.size = Pool(settings, part), settings.pool if part == "train" else settings.validation_clips
        self.frames = round(settings.clip_s * SAMPLE_RATE) // multiple * multiple

    def __call__(self, rng: np.random.Generator) -> tuple[Audio, Audio, np.float32]:
        """Return what the codec has left, the original, and up to where that is true in Hz."""
        target, coded, end_hz = self.pool[int(rng.integers(self.size))]
        first = int(rng.integers(max(1, target.shape[1] - self.frames + 1)))
        channels = np.eye(2)[[0, 1]] if len(target) == 2 else np.ones((1, 1))
        weights = channels.mean(axis=0) if rng.random() < 0.34 else channels[int(rng.integers(len(channels)))]
        gain = np.float32(rng.choice((-1, 1)) * db_to_gain(rng.uniform(-20, 0)) / 32768)
        after, before = (
            gain * (weights.astype(np.float32) @ x[:, first : first + self.frames]) for x in (coded, target)
        )
        if rng.random() < WHOLE:
            after = before
        if rng.random() < TILTED:
            slope_db, corner_hz = rng.normal(0, TILT_DB), np.exp(rng.uniform(*np.log(CORNERS_HZ)))

            def response(hz: Audio) -> Audio:
                return 10 ** (slope_db / 20 * np.log2(np.maximum(hz, corner_hz) / corner_hz))

            after, before = (filtered(x, SAMPLE_RATE, response) for x in (after, before))
        return after.astype(np.float32), before.astype(np.float32), np.float32(end_hz)


def drawn_codec(channels: int, rng: np.random.Generator) -> Codec:
    """Draw a codec, its bit rate, and the sample rate that it codes at: the fewer bits, the lower."""
    names = [name for name in SHARES if name in codecs()]
    shares = np.array([SHARES[name] for name in names])
    name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    kbps = int(rng.choice(RATES[name]))
    if name == "opus":
        return Codec(name, 1000 * kbps)
    if name == "mp3" and kbps < 32:
        rates = [24000, 22050, 16000]
    elif kbps / channels <= 24:
        rates = [48000, 44100, 32000, 24000, 22050]
    else:
        rates = [48000, 44100]
    return Codec(name, 1000 * kbps, int(rng.choice(rates)))


def _listing(folders: Sequence[Sequence[Clip]]) -> str:
    names = [f"{Path(clip.path).name}:{clip.seconds:.2f}" for clips in folders for clip in clips]
    return sha256("\n".join(names).encode()).hexdigest()


def _integers(audio: Block) -> NDArray[np.int16]:
    return np.clip(np.round(audio * 32768), -32768, 32767).astype(np.int16)
