"""What `aural inspect` finds and what it invents: recall and false alarms of what it looks for.

Voices and songs that training holds out, excerpts of 6 s, one each of three strengths of a defect, two to four
defects at once, and as they are. Recall is the share of recordings with a defect in which it is found. False alarms
are the share of those without it, clean or with other defects, in which it is found all the same. A cut-off counts
as found within 5 % of the filter's, hum where its frequency is right. Rooms, noise and plosives are looked for in
voices only.

    python benchmarks/diagnosis.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from corpus import CORPUS
from defects import lost_packets, with_clicks, with_gaps, with_pops
from report import table, write
from scipy.signal import fftconvolve, firwin, oaconvolve

from aural.degrade import Audio, Noise, Take
from aural.learning.material import find, read
from aural.measure.diagnosis import Diagnosis, Examination
from aural.signals import Format

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


FOUND: dict[str, Callable[[Diagnosis, float | None], bool]] = {
    "clipping": lambda d, _: d.clipping.samples > 0,
    "bandwidth": lambda d, hz: d.bandwidth.cut and (abs(d.bandwidth.cutoff_hz / hz - 1) < 0.05 if hz else d.dull),
    "room": lambda d, _: d.reverberant,
    "noise": lambda d, _: d.noisy,
    "hum": lambda d, _: abs(d.hum.frequency_hz - 50.03) < 0.1 if d.hums else False,
    "plosives": lambda d, _: bool(d.plosives),
    "clicks": lambda d, _: bool(d.clicks),
    "gaps": lambda d, _: bool(d.gaps),
}


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
    hits, alarms = defaultdict(list), defaultdict(list)
    for kind, folder in (("speech", "speech"), ("music", "music")):
        for number, audio in enumerate(recordings(kind, folder)):
            rng = np.random.default_rng(number)
            for harms in trials(kind, number, rng):
                diagnosis = examined(harmed(audio, harms, rng))
                for name, found in FOUND.items():
                    if name in harms:
                        alone = "alone" if len(harms) == 1 else "with others"
                        hits[name, kind, alone].append(found(diagnosis, harms[name]))
                    elif kind == "speech" or name not in VOICES_ONLY:
                        alarms[name, kind].append(found(diagnosis, None))
    rows = [
        [
            name,
            kind,
            *(share(hits[name, kind, alone]) for alone in ("alone", "with others")),
            share(alarms[name, kind]),
        ]
        for name in FOUND
        for kind in ("speech", "music")
        if (name, kind) in alarms
    ]
    header = ["finding", "in", "recall, alone", "recall, with others", "false alarms"]
    write("Diagnosis", "diagnosis.py", __doc__.split("\n\n")[1].replace("\n", " ") + "\n\n" + table(header, rows))


def share(right: list[bool]) -> str:
    return f"{100 * np.mean(right):.0f} % of {len(right)}" if right else "-"


if __name__ == "__main__":
    main()
