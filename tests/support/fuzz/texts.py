"""Chains, mixes, presets and weights from strangers."""

from __future__ import annotations

import json
import struct
from importlib import resources
from pathlib import Path

import numpy as np

import aural
from fuzz import material
from fuzz.trial import Trial

MIX = """balance = true
sample_rate = 48000
[[track]]
file = "good.wav"
gain_db = 2.0
[[track.stage]]
use = "gate"
[[track]]
file = "other.wav"
pan = -0.4
[[stage]]
use = "master"
target = "streaming"
"""
SPLIT = """[[stage]]
use = "split"
separator = { use = "source-separation", engine = "center" }
[[stage.branch.center]]
use = "gate"
threshold_db = -30.0
[[stage]]
use = "source-separation"
model = "evil.th"
engine = "demucs"
"""
STAGES = """[[stage]]
use = "equaliser"
bands = ["peak:1000:3:1"]
[[stage]]
use = "noise-reduction"
engine = "mmse"
max_attenuation_db = 12.0
weights = ""
hum_harmonics = [1, 2]
[[stage]]
use = "match"
reference = "good.wav"
curve_db = [0.0, 1.0]
"""
VALUES = (
    "9" * 500, "-1", "0", "1e400", "nan", "inf", "-inf", "true", '""', '"\\u0000"', '"a\\u0000b.wav"',
    '"\\u001b[31m"', "[]",
    "[[]]", "{}", "{ use = 1 }", "1979-05-27", "[nan]", "[1, 'a']", '"evil.th"', '"evil.wav"', '"evil.safetensors"',
    '"evil.yaml"', '"bag.yaml"', '"hf://user/name"', '"/dev/zero"', '"../../../etc/passwd"', '"good.wav"', '"."',
    '"split"', '"chain"', "0x7fffffffffffffff", "1_0", '"""x\ny"""', "[" * 300 + "]" * 300, '"http://127.0.0.1:9/a"',
)  # fmt: skip


def family(trial: Trial) -> None:
    """Give a command a file that is wrong."""
    material.good(trial.folder)
    material.traps(trial.folder)
    if trial.chance(0.25):
        weights(trial)
    else:
        text(trial)


def text(trial: Trial) -> None:
    """Change lines of a chain or mix file."""
    material.good(trial.folder, "other.wav", 0.4)
    presets = sorted(f.name for f in resources.files("aural.cleaning.presets").iterdir() if f.name.endswith(".toml"))
    bases = [
        MIX,
        MIX,
        SPLIT,
        STAGES,
        *((resources.files("aural.cleaning.presets") / n).read_text("utf-8") for n in presets),
    ]
    base = bases[trial.rng.integers(len(bases))]
    data = changed(trial.rng, base).encode("utf-8", "surrogatepass")
    if trial.chance(0.1):
        data = bytes(b ^ int(trial.rng.random() < 0.01) << int(trial.rng.integers(8)) for b in data)
    (trial.folder / "x.toml").write_bytes(data)
    dry = ["-n"] if trial.chance(0.4) else []
    if base == MIX:
        trial.arguments = ["mix", "x.toml", "-o", "out.wav", *dry]
    elif trial.chance(0.5):
        trial.arguments = ["chain", "good.wav", "out.wav", "--chain", "x.toml", *dry]
    else:
        trial.arguments = ["clean", "good.wav", "-o", "out.wav", "-p", "x.toml", *dry]


def changed(rng: np.random.Generator, base: str) -> str:
    lines = base.splitlines()
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(lines)))
        value = VALUES[rng.integers(len(VALUES))] if rng.random() < 0.8 else json.dumps(material.word(rng))
        key = lines[at].partition("=")[0]
        match int(rng.integers(9)):
            case 0 | 1 | 2 | 3 if "=" in lines[at]:
                lines[at] = f"{key}= {value}"
            case 4:
                names = (
                    "name",
                    "use",
                    "mix",
                    "stage",
                    "file",
                    "weights",
                    "model",
                    "reference",
                    "description",
                    "track",
                )
                lines.insert(at + 1, f"{names[rng.integers(len(names))]} = {value}")
            case 5:
                del lines[at]
                lines = lines or [""]
            case 6:
                lines.insert(at, lines[at])
            case 7:
                lines[at] = lines[at][: rng.integers(len(lines[at]) + 1)]
            case 8 if rng.random() < 0.15:
                deep = '{ use = "chain", stage = [' * 400 + "]}" * 400
                return f"stage = [{deep}]" if rng.random() < 0.5 else '[[stage]]\nuse = "gate"\n' * 2000
    return "\n".join(lines) + "\n"


def weights(trial: Trial) -> None:
    """Change the header or the numbers of weights."""
    rng = trial.rng
    network = trial.pick("unet", "compact", "envelope")
    room = "frequency_expansion" if network == "envelope" else "noise_reduction"
    engine = Path(aural.__file__).parent.parent / "stages" / room / "engines" / network
    (path,) = engine.glob("weights/*.safetensors")
    data = bytearray(path.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    match int(rng.integers(6)):
        case 0:
            header = json.loads(data[8 : 8 + size])
            odd = [[], {}, "x", 3, None, [1, "a"], {"about": "[]"}, {"about": "3"}, {"about": '{"settings": 1}'}]
            odd += [{"about": '{"settings": {"pretrain": "x"}}'}, {"klass": "os.system", "about": "null"}]
            key = "__metadata__" if rng.random() < 0.6 else list(header)[rng.integers(len(header))]
            header[key] = odd[rng.integers(len(odd))]
            new = json.dumps(header).encode()
            data[: 8 + size] = struct.pack("<Q", len(new)) + new
        case 1:
            data[:8] = struct.pack("<Q", int(rng.choice([0, 1, size - 1, 2**31, 2**62])))
        case 2:
            del data[int(rng.integers(len(data))) :]
        case 3:
            at = 8 + size + 4 * int(rng.integers((len(data) - 8 - size) // 4 - 4))
            data[at : at + 4] = struct.pack("<f", float(rng.choice([np.nan, np.inf, -np.inf, 3e38])))
        case 4:
            for _ in range(20):
                data[8 + int(rng.integers(size))] ^= 1 << int(rng.integers(8))
        case 5:
            data = bytearray((trial.folder / "evil.th").read_bytes())
    name = trial.pick("w.safetensors", "w.th", "w.bin")
    (trial.folder / name).write_bytes(data)
    if room == "frequency_expansion":
        trial.arguments = ["frequency-expansion", "good.wav", "out.wav", "--weights", name, "--engine", "envelope"]
    else:
        trial.arguments = ["noise-reduction", "good.wav", "out.wav", "--weights", name, "--engine", network]
