"""Recordings that are damaged."""

from __future__ import annotations

import numpy as np

from fuzz import material
from fuzz.trial import Trial

SUFFIXES = (".wav", ".raw", ".m3u8", ".txt", ".mp3", ".m4a", ".ogg", ".toml", "")
WORDS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    0x7FFFF000,
    44100,
    96000,
)
FAST = (
    ["gate"], ["equaliser", "--bands", "peak:1000:3"], ["leveller"], ["master", "--gain-db", "0"],
    ["gate", "--mix", "0"],
)  # fmt: skip


def family(trial: Trial) -> None:
    """Damage a recording, and read it."""
    rng = trial.rng
    seeds = material.files(trial.seeds)
    seed = seeds[rng.integers(len(seeds))]
    data = bytearray(seed.read_bytes())
    for _ in range(rng.integers(1, 4)):
        data = mutated(rng, data, seeds)
    suffix = trial.pick(*SUFFIXES) if trial.chance(0.08) else seed.suffix
    trial.source = f"odd{suffix}"
    (trial.folder / trial.source).write_bytes(data)
    stage, target = (
        FAST[rng.integers(len(FAST))],
        f"out{trial.pick('.wav', '.wav', '.flac', '.mp3', '.m4a', '.opus')}",
    )
    kind = rng.random()
    if kind < 0.3:
        trial.arguments = ["inspect", trial.source, "--json"]
    elif kind < 0.7:
        trial.arguments = [stage[0], trial.source, target, *stage[1:]]
    elif kind < 0.8:
        trial.arguments = ["clean", trial.source, "-o", "out.wav"]
    elif kind < 0.9:
        material.good(trial.folder)
        trial.arguments = [stage[0], trial.source, "good.wav", "-o", "results", *stage[1:]]
        trial.results, trial.source = (f"results/good_{stage[0]}.wav",), ""
    else:
        material.good(trial.folder)
        trial.arguments = ["mix", trial.source, "good.wav", "-o", "out.wav", "--sample-rate", "48000"]
        trial.source = ""


def mutated(rng: np.random.Generator, data: bytearray, seeds: list) -> bytearray:  # type: ignore[type-arg]
    """Change some bytes, or many."""
    size = len(data)
    if size < 64:
        return data
    here, there = sorted(int(x) for x in rng.integers(0, size, 2))
    near = int(rng.integers(0, min(size, 512) - 8))  # headers
    width = int(rng.choice([1, 2, 4, 8]))
    order = rng.choice(["little", "big"])
    match int(rng.integers(12)):
        case 0:
            for _ in range(rng.integers(1, 30)):
                data[rng.integers(size)] ^= 1 << int(rng.integers(8))
        case 1 | 2 | 3:
            word = WORDS[rng.integers(len(WORDS))] & (256**width - 1)
            data[near : near + width] = word.to_bytes(width, order)
        case 4:
            data[near : near + width] = rng.bytes(width)
        case 5:
            del data[here:]
        case 6:
            del data[here : min(there, here + 5000)]
        case 7:
            data[here:here] = data[here : min(there, here + 20000)]
        case 8:
            data[here : min(there, here + 4000)] = bytes(min(there, here + 4000) - here)
        case 9:
            other = seeds[rng.integers(len(seeds))].read_bytes()
            data[here:] = other[int(rng.integers(len(other))) :]
        case 10:
            data += seeds[rng.integers(len(seeds))].read_bytes()
        case 11:
            data += rng.bytes(int(rng.integers(1, 3000))) if rng.random() < 0.5 else bytes(int(rng.integers(1, 3000)))
    return data
