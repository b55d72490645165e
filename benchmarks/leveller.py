"""A lecture of a loud and a far voice through the leveller: the loudness of their turns, and the pauses.

python benchmarks/leveller.py                         writes a table, and the picture in the room of the leveller
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from corpus import CORPUS
from numpy.typing import NDArray
from report import table, write

from aural import Format, plot
from aural.degrade import SimulatedRoom, Take, degrade
from aural.learning.material import find, read
from aural.measure.loudness import LoudnessMeter
from aural.stages.leveller.stage import Leveller

Audio = NDArray[np.float32]
RATE = 48000
PICTURE = Path(__file__).parent.parent / "stages" / "leveller" / "lecture.png"
FAR_DB, NOISE_DBFS, PAUSE_S = -15.0, -60.0, 1.5
RECORDED_DBFS = -55.0
PAIRS = (("stella-maris-namae", "niko-lewman"), ("niko-lewman", "magdalena-rostkowska"),
         ("magdalena-rostkowska", "stella-maris-namae"))  # fmt: skip


@dataclass(frozen=True)
class Lecture:
    """Turns of a near and a far voice, and what lies between them, in frames."""

    audio: Audio
    near: list[slice]
    far: list[slice]
    pauses: list[slice]


def lecture(speakers: tuple[str, str], noise: Audio | None = None, noise_dbfs: float = NOISE_DBFS) -> Lecture:
    """Let two speakers take turns, the second 3 m away in a room and softer, over noise, white if not given."""
    rng = np.random.default_rng(0)
    found: dict[str, list[Audio]] = {name: [] for name in speakers}
    for clip in find(CORPUS / "speech", "speech"):
        if clip.group in found and clip.snr_db >= 30 and clip.seconds >= 5 and len(found[clip.group]) < 4:
            found[clip.group].append(read(clip, RATE)[: 7 * RATE])
    room = SimulatedRoom(7, 6, 3, decay_s=0.5, distance_m=3.0)
    parts: list[Audio] = []
    turns: dict[str, list[slice]] = {name: [] for name in speakers}
    pauses, end, silence = [], 0, np.zeros(round(PAUSE_S * RATE), np.float32)
    for number in range(8):
        name = speakers[number % 2]
        voice = found[name][number // 2 % len(found[name])]
        if number % 2:
            voice = degrade(Take.of(voice, RATE), [room], rng).noisy
        voice = voice * np.float32(0.05 * 10 ** (FAR_DB / 20 * (number % 2)) / np.std(voice))
        turns[name].append(slice(end, end + len(voice)))
        end += len(voice) + len(silence)
        pauses.append(slice(end - round(0.9 * RATE), end - round(0.2 * RATE)))
        parts += [voice, silence]
    audio = np.concatenate(parts)
    lasting = rng.standard_normal(len(audio)) if noise is None else np.resize(noise, len(audio))
    noisy = audio + 10 ** (noise_dbfs / 20) * lasting / np.std(lasting)
    return Lecture(noisy.astype(np.float32), *turns.values(), pauses)


def loudness_lufs(audio: Audio) -> float:
    """Measure integrated loudness."""
    meter = LoudnessMeter(Format(RATE, 1))
    meter.update(audio[np.newaxis])
    return meter.compute().integrated_lufs


def distance_lu(talk: Lecture, audio: Audio) -> float:
    """Measure how much louder the near voice is."""
    near, far = ([loudness_lufs(audio[turn]) for turn in turns] for turns in (talk.near, talk.far))
    return float(np.mean(near) - np.mean(far))


def rises_db(talk: Lecture, audio: Audio) -> list[float]:
    """Measure by how much each pause has risen."""
    return [float(20 * np.log10(np.std(audio[p]) / np.std(talk.audio[p]))) for p in talk.pauses]


def main() -> None:
    lines = []
    for pair in PAIRS:
        talk = lecture(pair)
        levelled = Leveller()(talk.audio, RATE)
        for name, audio in (("input", talk.audio), ("levelled", levelled)):
            near, far = (np.array([loudness_lufs(audio[t]) for t in turns]) for turns in (talk.near, talk.far))
            widest = max(*near, *far) - min(*near, *far)
            figures = (near.mean(), far.mean(), distance_lu(talk, audio), widest, max(rises_db(talk, audio)))
            lines.append([", ".join(pair), name, *(f"{value:.1f}" for value in figures)])
        if pair == PAIRS[0]:
            draw(talk, levelled)
    head = ["near and far voice", "", "near, LUFS", "far, LUFS", "distance, LU", "widest, of all turns, LU",
            "most that a pause rises, dB"]  # fmt: skip
    text = (
        f"White noise of {NOISE_DBFS:g} dBFS; pauses from 0.9 to 0.2 s before they end.\n\n{table(head, lines)}\n\n"
        f"The second pair in other noise, recorded ones at {RECORDED_DBFS:g} dBFS, one of each kind that training "
        f"holds out:\n\n{table(NOISY_HEAD, noisy())}"
    )
    write("Leveller", "leveller.py", text)


NOISY_HEAD = ["noise", "level difference before, LU", "after", "rise of a pause, median, dB", "maximum of eight"]


def noisy() -> Iterator[list[str]]:
    """Level the second pair in one noise after the other."""
    kinds = {clip.category: clip for clip in find(CORPUS / "noise", "noise", "test") if clip.seconds >= 8}
    scenes: dict[str, tuple[Audio | None, float]] = {f"white, {dbfs} dBFS": (None, dbfs) for dbfs in (-50, -45)}
    scenes |= {kind: (read(clip, RATE), RECORDED_DBFS) for kind, clip in sorted(kinds.items())}
    for name, scene in scenes.items():
        talk = lecture(PAIRS[1], *scene)
        levelled = Leveller()(talk.audio, RATE)
        rises = rises_db(talk, levelled)
        figures = distance_lu(talk, talk.audio), distance_lu(talk, levelled), np.median(rises), max(rises)
        yield [name, *(f"{value:.1f}" for value in figures)]


def draw(talk: Lecture, levelled: Audio) -> None:
    """Draw the loudness of both."""
    figure, axes = plt.subplots(2, 1, figsize=(11, 5), sharex=True, sharey=True, layout="constrained")
    for ax, name, audio in zip(axes, ("input", "levelled"), (talk.audio, levelled), strict=True):
        plot.loudness(audio, RATE, ax=ax).set(title=f"{name}; grey: the far voice", xlabel="")
        for turn in talk.far:
            ax.axvspan(turn.start / RATE, turn.stop / RATE, color="#eee", zorder=0)
    axes[-1].set_xlabel("s")
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    main()
