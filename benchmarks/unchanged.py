"""Compare what every stage and preset gives with what it gave before: for changes that must not be heard.

python benchmarks/unchanged.py                    compare with benchmarks/unchanged.json
python benchmarks/unchanged.py --write            store today's outputs, and say in the commit what changed on purpose

Of each output its length, its level and its products with a few fixed noises are stored, not the audio. Two outputs
count as the same where all of these agree within a millionth of the output's level: the networks are not bit-equal
from one kind of processor to the next.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import firwin, oaconvolve

import aural
from aural import registry
from aural.chainfile import presets
from aural.parameters import parameters
from aural.testing import SAMPLE_RATE, probe

ROOT = Path(__file__).parent.parent
STORED = Path(__file__).with_suffix(".json")
EXAMPLE = ROOT / "examples" / "phone_memo.m4a"
TOLERANCE = 1e-6
PRODUCTS = 16
DAMAGED = {"conceal": "gaps", "de-breath": "pops", "de-plosive": "pops", "declick": "peaks", "declip": "voice",
           "frequency-expansion": "voice", "frequency-generation": "voice"}  # fmt: skip
"""Kinds of probe that give a stage something to do."""
CUTOFF_HZ = 5000.0
WITHOUT_WEIGHTS = ("demucs", "msst")  # engines whose weights do not come with AURAL


def damaged(name: str) -> np.ndarray:
    """Return a signal that a stage changes."""
    audio = probe(DAMAGED[name])
    if name.startswith("frequency-"):
        low_pass = firwin(1201, CUTOFF_HZ, fs=SAMPLE_RATE)[np.newaxis]
        return oaconvolve(audio, low_pass, mode="same", axes=-1).astype(np.float32)
    most = 0.3 * np.abs(audio).max()
    return np.clip(audio, -most, most) if name == "declip" else audio


def outputs() -> Iterator[tuple[str, np.ndarray]]:
    """Run every stage with every engine over a probe, and every preset over the example: name, (channels, frames)."""
    aural.device("cpu")
    for name in registry.names():
        audio = damaged(name) if name in DAMAGED else probe("voice", 3.0, 2)
        kind = registry.stage_class(name)
        engines = next((p.spec.choices for p in parameters(kind) if p.name == "engine"), ("",))
        for engine in engines:
            if engine not in WITHOUT_WEIGHTS:
                result: Any = registry.create(name, **({"engine": engine} if engine else {}))(audio, SAMPLE_RATE)
                stems = result.items() if isinstance(result, dict) else [("", result)]
                for stem, out in stems:
                    yield " ".join(filter(None, (name, engine, stem))), out
    from aural.audio.files import read

    with tempfile.TemporaryDirectory() as folder:
        for preset in ("auto", *presets()):
            target = Path(folder) / f"{preset}.wav"
            aural.clean(EXAMPLE, target, preset)
            yield f"clean --preset {preset}", read(target)[0]


def signature(audio: np.ndarray) -> dict[str, Any]:
    """Return what is stored of an output."""
    noises = np.random.default_rng(0).standard_normal((PRODUCTS, audio.shape[-1]))
    products = (audio.astype(np.float64) @ noises.T) / np.sqrt(audio.shape[-1])
    return {"shape": list(audio.shape), "rms": float(np.sqrt(np.mean(audio.astype(np.float64) ** 2))),
            "products": products.round(9).tolist()}  # fmt: skip


def difference(before: dict[str, Any], after: dict[str, Any]) -> float:
    """Return how far two outputs differ, in parts of the level; infinity where their shapes do."""
    if before["shape"] != after["shape"]:
        return float("inf")
    apart = np.abs(np.subtract(before["products"], after["products"])).max()
    return float(max(apart, abs(before["rms"] - after["rms"])) / max(before["rms"], 1e-9))


def main() -> None:
    """Compare, or write."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="store today's outputs")
    found = {name: signature(audio) for name, audio in outputs()}
    if arguments.parse_args().write:
        STORED.write_text(json.dumps(found, indent=1) + "\n")
        return
    stored = json.loads(STORED.read_text())
    changed = 0
    for name in sorted(stored.keys() | found.keys()):
        missing = "is new" if name not in stored else "is gone" if name not in found else ""
        apart = float("inf") if missing else difference(stored[name], found[name])
        changed += apart > TOLERANCE
        print(f"{name:45} {missing or f'{apart:.1e}'}{'  CHANGED' if apart > TOLERANCE else ''}")
    sys.exit(f"{changed} outputs have changed" if changed else 0)


if __name__ == "__main__":
    main()
