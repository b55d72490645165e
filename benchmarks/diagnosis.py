"""What `aural inspect` finds and what it invents: recall and false alarms of what it looks for.

Voices and songs that training holds out, excerpts of 6 s, one each of three strengths of a defect, two to four
defects at once, and as they are. Recall is the share of recordings with a defect in which it is found. False alarms
are the share of those without it, clean or with other defects, in which it is found all the same. A cut-off counts
as found within 5 % of the filter's, hum where its frequency is right. Rooms, noise and plosives are looked for in
voices only.

    python benchmarks/diagnosis.py
    python benchmarks/diagnosis.py OTHER

OTHER is a checkout of an earlier revision, installed into OTHER/.venv, to be compared with.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from corpus import CORPUS
from defects import lost_packets, with_clicks, with_gaps, with_pops
from report import table, write
from scipy.io import wavfile
from scipy.signal import fftconvolve, firwin, oaconvolve

from aural.degrade import Audio, Noise, Take
from aural.learning.material import find, read
from aural.measure.diagnosis import Diagnosis
from aural.measure.examination import Examination
from aural.signals import Format

Plain = dict[str, Any]
"""A diagnosis as `aural inspect --json` writes it."""

RATE = 48000
SECONDS = 6
RECORDINGS = 10  # of each kind
STRENGTHS: dict[str, tuple[float, ...]] = {
    "clipping": (0.002, 0.01, 0.05),  # share of samples
    "bandwidth": (8000.0, 5000.0, 3400.0),  # Hz
    "room": (0.4, 0.8, 1.5),  # s
    "noise": (18.0, 12.0, 5.0),  # dB below the voice
    "hum": (-60.0, -45.0, -35.0),  # dBFS
}
SHORT: dict[str, tuple[float, ...]] = {
    "plosives": (1.0, 2.0, 4.0),  # peak, times the level of the voice, one a second
    "clicks": (2.0, 4.0, 8.0),  # peak, times the level of the recording, two a second
    "gaps": (0.01, 0.05, 0.1),  # share of the packets of 20 ms
}
"""Defects that come singly, and on top of each of the others."""
ORDER = ("plosives", "room", "noise", "bandwidth", "hum", "clipping", "clicks", "gaps")
VOICES_ONLY = ("room", "noise", "plosives")


def recordings(kind: str, folder: str) -> Iterator[Audio]:
    """Read the beginning of a recording of each of some groups that training holds out."""
    groups = defaultdict(list)
    for part in ("validation", "test"):
        for clip in find(CORPUS / folder, kind, part):
            if clip.bandwidth_hz >= 15500:
                groups[clip.group].append(clip)
    for group in sorted(groups)[:RECORDINGS]:
        audio = np.concatenate([read(clip, RATE)[: SECONDS * RATE] for clip in groups[group][:4]])[: SECONDS * RATE]
        if len(audio) >= 4 * RATE and (peak := np.abs(audio).max()) > 0:
            yield np.asarray(0.5 * audio / peak, np.float32)


@cache
def noises() -> list[Audio]:
    """Read the noises that training holds out, one of each kind."""
    clips = {clip.category: clip for clip in find(CORPUS / "noise", "noise", "test")}
    return [read(clips[category], RATE) for category in sorted(clips)]


def harmed(audio: Audio, harms: dict[str, float], rng: np.random.Generator) -> Audio:
    """Bring defects into a recording, in the order in which they come about."""
    for name in ORDER:
        strength = harms.get(name)
        if strength is None:
            continue
        if name == "room":
            tail = rng.standard_normal(round(strength * RATE)) * 10 ** (
                -3 * np.arange(round(strength * RATE)) / RATE / strength
            )
            tail *= 1 / np.sqrt(np.sum(tail**2))
            tail[0] += 1.0
            audio = fftconvolve(audio, tail)[: len(audio)]
        elif name == "noise":
            take = Take.of(np.asarray(audio, np.float32), RATE)
            audio = Noise(noises()[int(rng.integers(len(noises())))], snr_db=strength)(take, rng).noisy
        elif name == "bandwidth":
            audio = oaconvolve(audio, firwin(1201, strength, fs=RATE), "same")
        elif name == "hum":
            turn = 2 * np.pi * 50.03 * np.arange(len(audio)) / RATE
            audio = audio + 10 ** (strength / 20) * (np.sin(turn) + 0.5 * np.sin(3 * turn))
        elif name == "clipping":
            ceiling = np.quantile(np.abs(audio), 1 - strength)
            audio = np.clip(audio, -ceiling, ceiling)
        elif name == "plosives":
            audio = with_pops(audio, RATE, strength, rng)
        elif name == "clicks":
            audio = with_clicks(audio, RATE, strength, rng)
        elif name == "gaps":
            audio = with_gaps(audio, lost_packets(len(audio), RATE, strength, rng))
    return np.asarray(audio, np.float32)


def _says(words: str) -> Callable[[Plain, float | None], bool]:
    return lambda d, _: any(finding.startswith(words) for finding in d["findings"])


def _hums(diagnosis: Plain, _: float | None) -> bool:
    return _says("mains hum")(diagnosis, None) and abs(diagnosis["hum"]["frequency_hz"] - 50.03) < 0.1


def _cut(diagnosis: Plain, hz: float | None) -> bool:
    band = diagnosis["bandwidth"]
    return band["cut"] and (
        abs(band["cutoff_hz"] / hz - 1) < 0.05 if hz else _says("the spectrum ends")(diagnosis, hz)
    )


FOUND: dict[str, Callable[[Plain, float | None], bool]] = {
    "clipping": lambda d, _: any("clipping: " in finding for finding in d["findings"]),
    "bandwidth": _cut,
    "room": _says("a reverberant room"),
    "noise": lambda d, _: any("noise" in finding for finding in d["findings"]),
    "hum": _hums,
    "plosives": _says("plosives"),
    "clicks": _says("clicks"),
    "gaps": _says("gaps"),
}
DIAGNOSES = """
import json, sys
from aural import inspect
for line in sys.stdin:
    print(json.dumps(inspect(line.strip()).as_dict()), flush=True)
"""


class Diagnoses:
    """Examines recordings by a revision of AURAL, in a process of its own."""

    def __init__(self, python: Path) -> None:
        command = [python, "-c", DIAGNOSES]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def __call__(self, path: Path) -> Plain:
        assert self.process.stdin
        assert self.process.stdout
        print(path, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())  # type: ignore[no-any-return]


def examined(audio: Audio, sample_rate: int = RATE) -> Diagnosis:
    """Examine a recording, shape (frames,)."""
    examination = Examination(Format(sample_rate, 1))
    examination.update(audio[None])
    return examination.compute()


def trials(kind: str, number: int, rng: np.random.Generator) -> Iterator[dict[str, float]]:
    """List the defects of each trial: none, each alone, two to four at once, and a short one with another."""
    names = _names(STRENGTHS, kind)
    yield {}
    yield from ({name: STRENGTHS[name][(number + n) % 3]} for n, name in enumerate(names))
    for count in (2, min(4, len(names))):
        chosen = rng.choice(names, count, replace=False)
        yield {name: STRENGTHS[name][int(rng.integers(3))] for name in chosen}
    for n, name in enumerate(_names(SHORT, kind)):
        strength, other = SHORT[name][(number + n) % 3], names[(number + n) % len(names)]
        yield {name: strength}
        yield {name: strength, other: STRENGTHS[other][number % 3]}


def _names(strengths: dict[str, tuple[float, ...]], kind: str) -> list[str]:
    return [name for name in strengths if kind == "speech" or name not in VOICES_ONLY]


def main() -> None:
    others = [Path(other).resolve() for other in sys.argv[1:]]
    pythons = [other / ".venv" / "bin" / "python" for other in others] + [Path(sys.executable)]
    revisions = [Diagnoses(python) for python in pythons]
    hits, alarms = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "recording.wav")
        for kind in ("speech", "music"):
            for number, audio in enumerate(recordings(kind, kind)):
                rng = np.random.default_rng(number)
                for harms in trials(kind, number, rng):
                    wavfile.write(path, RATE, harmed(audio, harms, rng))
                    for revision, diagnose in enumerate(revisions):
                        diagnosis = diagnose(path)
                        for name, found in FOUND.items():
                            if name in harms:
                                alone = "alone" if len(harms) == 1 else "with others"
                                hits[revision, name, kind, alone].append(found(diagnosis, harms[name]))
                            elif kind == "speech" or name not in VOICES_ONLY:
                                alarms[revision, name, kind].append(found(diagnosis, None))
    numbers = range(len(revisions))
    rows = [
        [
            name,
            kind,
            *(share(*(hits[n, name, kind, alone] for n in numbers)) for alone in ("alone", "with others")),
            share(*(alarms[n, name, kind] for n in numbers)),
        ]
        for name in FOUND
        for kind in ("speech", "music")
        if (0, name, kind) in alarms
    ]
    header = ["finding", "in", "recall, alone", "recall, with others", "false alarms"]
    text = __doc__.split("\n\n")[1].replace("\n", " ") + "\n\n"
    for other in others:
        revision = subprocess.check_output(["git", "-C", other, "rev-parse", "--short", "HEAD"], text=True).strip()
        text += f"The first figure of each pair is that of OTHER, revision {revision}; the second, of today.\n\n"
    script = "diagnosis.py OTHER" if others else "diagnosis.py"
    write("Diagnosis", script, text + table(header, rows))


def share(*right: list[bool]) -> str:
    """Write which share is right, of each revision."""
    return " / ".join(f"{100 * np.mean(each):.0f}" for each in right) + f" % of {len(right[0])}" if right[0] else "-"


if __name__ == "__main__":
    main()
