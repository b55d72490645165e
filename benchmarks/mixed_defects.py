"""Voices with one to four defects at once, through `aural clean`, against the clean voice.

Voices, noises and rooms that training holds out, 6 s of each speaker. Every voice is degraded several times, by one
to four of these at once: recorded noise (0 to 15 dB), hum, a measured room, clipping, clicks, lost packets, a band
limit, a telephone codec. Nothing says which; `aural clean` decides by its diagnosis. DeepFilterNet3, for comparison,
runs alone. PESQ and ESTOI do not depend on the level.

    python benchmarks/mixed_defects.py
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from corpus import CORPUS
from defects import Clicks
from joblib import Parallel, delayed, parallel_config
from report import table, write

import aural
from aural.degrade import Audio
from aural.degrade.codec import Codec, PacketLoss
from aural.degrade.device import BandLimit, Clipping
from aural.degrade.noise import Hum, Noise
from aural.degrade.room import Room
from aural.degrade.take import Degradation, Take, active_db
from aural.dsp.decibels import db_to_gain
from aural.learning.material import Clip, find, read
from aural.learning.metrics.speech import estoi, pesq
from aural.stages.noise_reduction.stage import NoiseReduction

RATE = 48000
PART = "test"
SECONDS, LEAST_S = 6, 4
SPEAKERS = 12
TRIALS = 8  # of each speaker: two each with one, two, three and four defects
FOLDERS = ("speech", "speech_fullband", "speech_phone")
LEVEL_DBFS = -26.0
Rng = np.random.Generator


def picked(clips: list[Clip], rng: Rng) -> Audio:
    """Read one recording of some."""
    return read(clips[int(rng.integers(len(clips)))], RATE)


def stock() -> dict[str, Callable[[Rng], Degradation]]:
    """Return what draws each defect, in the order in which they come about."""
    noises, rooms = find(CORPUS / "noise", "noise", PART), find(CORPUS / "ir", "ir", PART)
    return {
        "room": lambda rng: Room(picked(rooms, rng)),
        "noise": lambda rng: Noise(picked(noises, rng), snr_db=rng.uniform(0, 15)),
        "hum": lambda rng: Hum(50.0 + rng.normal(0, 0.03), 10, -6.0, snr_db=rng.uniform(5, 20)),
        "clipping": lambda rng: Clipping(rng.uniform(-18, -8)),
        "clicks": lambda _: Clicks(),
        "band limit": lambda rng: BandLimit(float(rng.choice((3900.0, 5500.0, 7900.0)))),
        "codec": lambda rng: Codec("amr", 12_200) if rng.random() < 0.3 else Codec("opus", 16_000),
        "lost packets": lambda rng: PacketLoss(0.05),
    }


def voices() -> dict[str, list[Clip]]:
    """List clips of speakers that training holds out, taking the folders in turn."""
    folders = []
    for folder in FOLDERS:
        groups = defaultdict(list)
        for clip in find(CORPUS / folder, "speech", PART):
            if clip.snr_db >= 30:
                groups[clip.group].append(clip)
        long = [g for g in sorted(groups) if sum(clip.seconds for clip in groups[g]) >= LEAST_S]
        folders.append([(group, groups[group]) for group in long])
    turns = [entry for turn in range(SPEAKERS) for found in folders for entry in found[turn : turn + 1]]
    return dict(turns[:SPEAKERS])


def harmed(voice: Audio, names: list[str], rng: Rng) -> Audio:
    """Degrade a voice by the defects of these names."""
    take = Take.of(voice, RATE)
    for name, draw in stock().items():
        if name in names:
            take = draw(rng)(take, rng)
    return take.noisy


def cleaned(audio: Audio) -> Audio:
    """Let `aural clean` make a file of a file."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "memo.wav", Path(folder) / "clean.wav"
        soundfile.write(before, audio, RATE, "FLOAT")
        aural.clean(before, after)
        return aural.read(after)[0][0]


def trial(clips: list[Clip], number: int, place: int) -> tuple[int, list[str], list[tuple[float, float]]]:
    """Degrade a voice, and score it and what is made of it."""
    rng = np.random.default_rng([number, place])
    voice = np.concatenate([read(clip, RATE) for clip in clips[:4]])[: SECONDS * RATE]
    voice = voice * np.float32(db_to_gain(LEVEL_DBFS - active_db(voice, RATE)))
    count = 1 + place % 4
    names = list(rng.choice(list(stock()), count, replace=False))
    bad = harmed(voice, names, rng)
    peer = NoiseReduction(engine="deepfilternet")
    made = [bad, cleaned(bad), peer(bad[None], RATE)[0]]
    return count, names, [(pesq(voice, x, RATE), estoi(voice, x, RATE)) for x in made]


def main() -> None:
    jobs = [
        partial(trial, clips, number, place)
        for number, clips in enumerate(voices().values())
        for place in range(TRIALS)
    ]
    with parallel_config("loky", inner_max_num_threads=1):
        done = Parallel(n_jobs=len(os.sched_getaffinity(0)))(delayed(job)() for job in jobs)
    by_count, by_name = defaultdict(list), defaultdict(list)
    for count, names, values in done:
        by_count[f"{count} at once" if count > 1 else "one defect"].append(values)
        for name in names:
            by_name[f"with {name}"].append(values)
    counts = sorted(by_count.items(), key=lambda found: found[0] != "one defect")
    all_of_them = [("all", [values for _, _, values in done])]
    rows = [[label, str(len(found)), *row(found)] for label, found in [*counts, *all_of_them, *by_name.items()]]
    systems = ("input", "aural clean", "DeepFilterNet3 alone")
    header = ["", "recordings", *(f"{metric}, {system}" for metric in ("PESQ", "ESTOI") for system in systems),
              "PESQ lower than the input's by .1"]  # fmt: skip
    write(
        "Mixed defects",
        "mixed_defects.py",
        __doc__.split("\n\n")[1].replace("\n", " ") + "\n\n" + table(header, rows),
    )


def row(found: list[list[tuple[float, float]]]) -> list[str]:
    values = np.array(found)
    means = values.mean(axis=0)
    worse = np.mean(values[:, 1, 0] < values[:, 0, 0] - 0.1)
    return [*(f"{x:.2f}" for x in means[:, 0]), *(f"{x:.3f}" for x in means[:, 1]), f"{100 * worse:.0f} %"]


if __name__ == "__main__":
    main()
