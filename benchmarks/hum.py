"""What taking hum out of music leaves of it: notches, and lines that are subtracted.

Songs that training holds out, 24 s of each, with five harmonics of hum whose frequency wanders by 0.01 Hz within a
minute, and without any. SI-SDR in dB against the song; the harmonics are known.

    python benchmarks/hum.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from corpus import CORPUS
from numpy.typing import NDArray
from report import table, write

from aural import Block, Format
from aural.dsp.biquads import BiquadStream
from aural.learning.material import find, read
from aural.learning.metrics.distortion import si_sdr
from aural.stages.noise_reduction.filters import filter_sections
from aural.stages.noise_reduction.stream import HumStream
from aural.stream import Stream, pump

RATE = 48000
SECONDS, LEAST_S = 24, 10
SONGS = 10
HARMONICS = (1, 2, 3, 5, 7)
CASES = ((50.02, None), (59.98, None), (50.02, -30.0), (59.98, -30.0), (50.02, -15.0), (59.98, -15.0))  # Hz, dB
Audio = NDArray[np.float32]


def songs() -> Iterator[Audio]:
    """Read one excerpt of each song."""
    groups = {clip.group: clip for part in ("validation", "test") for clip in find(CORPUS / "music", "music", part)}
    taken = 0
    for clip in groups.values():
        audio = read(clip, RATE)[: SECONDS * RATE]
        if len(audio) >= LEAST_S * RATE and taken < SONGS:
            taken += 1
            yield audio


def hum(audio: Audio, hz: float, below_db: float | None) -> Audio:
    """Return hum so far below a song."""
    if below_db is None:
        return np.zeros_like(audio)
    time = np.arange(len(audio)) / RATE
    turns = hz * time + 0.01 * 60 / (2 * np.pi) * (1 - np.cos(2 * np.pi * time / 60))
    lines = sum(np.sin(2 * np.pi * n * turns + n) / n for n in HARMONICS)
    return np.asarray(10 ** (below_db / 20) * np.std(audio) / np.std(lines) * lines, np.float32)


def through(stream: Stream, audio: Audio) -> Audio:
    block: Block = audio[None]
    return np.concatenate(list(pump(stream, [block])), axis=-1)[0]


def main() -> None:
    rows: dict[tuple[float, float | None], list[list[float]]] = {case: [] for case in CASES}
    for audio in songs():
        for (hz, below_db), scores in rows.items():
            noisy, source = audio + hum(audio, hz, below_db), Format(RATE, 1)
            notches = BiquadStream(source, filter_sections(RATE, 0.0, hz, HARMONICS), settled=True)
            made = [noisy, through(notches, noisy), through(HumStream(source, hz, HARMONICS), noisy)]
            scores.append([min(si_sdr(audio, one, RATE), 100.0) for one in made])
    lines = [
        [f"{hz:g} Hz", "none" if below_db is None else f"{below_db:.0f} dB", len(scores), *mean(scores)]
        for (hz, below_db), scores in rows.items()
    ]
    header = ["mains", "hum against the song", "songs", "SI-SDR before", "notches", "subtracted", "worst, subtracted"]
    write("Hum in music", "hum.py", __doc__.split("\n\n")[1].replace("\n", " ") + "\n\n" + table(header, lines))


def mean(scores: list[list[float]]) -> list[str]:
    values = np.array(scores)
    return [f"{value:.1f}" for value in (*np.median(values, axis=0), values[:, 2].min())]


if __name__ == "__main__":
    main()
