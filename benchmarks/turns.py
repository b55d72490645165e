"""Near and far voices in turn through `aural clean`: whether they are found to lie apart, and how far they do then.

Voices that training holds out, in pairs, 40 s of each pair, over white noise of -75 dBFS; the far one is only softer.
They are found to lie apart if `aural clean` levels them, which it does from 9 dB on. Beside it the loudness range of
EBU Tech 3342 with the same limit. Even voices pause for 5 s, in which a noise that training holds out goes on, 12 dB
below the voice: to level them is a false alarm.

    python benchmarks/turns.py
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
from corpus import CORPUS
from report import table, write

import aural
from aural.advice import EVEN_DB
from aural.cleaning.running import Cleaned
from aural.degrade import Audio, active_db
from aural.dsp.decibels import db_to_gain
from aural.learning.material import find, read

RATE, SECONDS, LEVEL_DBFS, FLOOR_DBFS = 48000, 40, -24.0, -75.0
TURNS_S, APART_DB = (2, 4, 8), (15.0, 20.0, 25.0)
PAUSE_S, NOISE_DB = 5, -12.0
VOICES, NOISES = 6, 6


def voices() -> list[Audio]:
    """Read as much of each of some speakers, at one active level."""
    groups = defaultdict(list)
    for part in ("validation", "test"):
        for folder in ("speech", "speech_fullband"):
            for clip in find(CORPUS / folder, "speech", part):
                if clip.snr_db >= 30 and clip.seconds >= 2:
                    groups[clip.group].append(clip)
    long = [clips for _, clips in sorted(groups.items()) if sum(clip.seconds for clip in clips) >= SECONDS]
    found = (np.concatenate([read(clip, RATE) for clip in clips])[: SECONDS * RATE] for clips in long[:VOICES])
    return [at(voice, LEVEL_DBFS) for voice in found]


def at(audio: Audio, level_dbfs: float) -> Audio:
    return audio * np.float32(db_to_gain(level_dbfs - active_db(audio, RATE)))


def in_turn(pair: tuple[Audio, Audio], turn_s: int, apart_db: float) -> Audio:
    """Let two voices take turns, the second softer."""
    gains = np.float32(1), np.float32(db_to_gain(-apart_db))
    size = turn_s * RATE
    return np.concatenate([
        pair[number % 2][number * size // 2 :][:size] * gains[number % 2] for number in range(SECONDS // turn_s)
    ])  # fmt: skip


def apart_db(audio: Audio, turn_s: int) -> float:
    """Measure how far the two lie apart: the difference of the mean active levels of their turns."""
    size = turn_s * RATE
    levels = [active_db(audio[first : first + size], RATE) for first in range(0, len(audio) - size + 1, size)]
    return float(np.mean(levels[::2]) - np.mean(levels[1::2]))


def beside_noise(voice: Audio, noise: Audio) -> Audio:
    """Let a voice pause again and again, and a noise go on."""
    spoken = np.arange(len(voice)) // (PAUSE_S * RATE) % 2 == 0
    return voice * spoken.astype(np.float32) + at(np.resize(noise, len(voice)), LEVEL_DBFS + NOISE_DB)


def cleaned(audio: Audio) -> tuple[Audio, Cleaned, bool]:
    """Return the result of `aural clean`, its account, and whether it levelled."""
    floor = db_to_gain(FLOOR_DBFS) * np.random.default_rng(0).standard_normal(len(audio))
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "in.wav"), Path(folder, "out.wav")
        soundfile.write(path, audio + floor, RATE, "PCM_24")
        account = aural.clean(path, out)
        result, _ = soundfile.read(out, dtype="float32")
    return result, account, any(d.effect and d.name == "leveller" for d in account.plan.decisions)


def rows() -> Iterator[list[str]]:
    spoken = voices()
    pairs = list(zip(spoken[::2], spoken[1::2], strict=False))
    for turn_s, distance_db in product(TURNS_S, APART_DB):
        left, by_range, levelled = [], [], []
        for pair in pairs:
            result, account, done = cleaned(in_turn(pair, turn_s, distance_db))
            left.append(apart_db(result, turn_s))
            by_range.append(account.before.loudness.range_lu > EVEN_DB)
            levelled.append(done)
        yield [f"turns of {turn_s} s, {distance_db:g} dB apart", *shares(by_range, levelled), f"{np.mean(left):.1f}"]
    clips = {clip.category: clip for clip in find(CORPUS / "noise", "noise", "test") if clip.seconds >= PAUSE_S}
    noises = [read(clip, RATE) for _, clip in sorted(clips.items())][:NOISES]
    tried = [cleaned(beside_noise(voice, noise)) for voice, noise in zip(spoken, noises, strict=False)]
    by_range = [account.before.loudness.range_lu > EVEN_DB for _, account, _ in tried]
    yield ["even, beside noise: false alarms", *shares(by_range, [done for *_, done in tried]), ""]


def shares(*found: list[bool]) -> list[str]:
    return [f"{sum(each)} of {len(each)}" for each in found]


def main() -> None:
    head = ["voices", "loudness range above 9 LU", "levelled by `aural clean`", "left of the distance, dB"]
    text = __doc__.split("\n\n")[1].replace("\n", " ")
    write("Voices in turn", "turns.py", f"{text}\n\n{table(head, list(rows()))}")


if __name__ == "__main__":
    main()
