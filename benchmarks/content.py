"""What a recording is: the content network beside the rule of four signs that it replaced.

All clips are of speakers, songs, noises and rooms that the network never saw, and of sets that it never saw; but of
`smc_crowd` it saw two thirds of the 106 speakers. Each speaker gives two clips of 3 s and one of up to 30 s,
each song three and two, at 16 kHz, as they are, and every third in six conditions.
`speech` and `music` are the shares of clips that are taken for what they are.

    python benchmarks/content.py               what lies in the corpus
    python benchmarks/content.py SONGS         and the songs of a folder with a subfolder for each set
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
import soxr
from corpus import CORPUS
from four_signs import speech as four_signs
from report import table, write

from aural.degrade import Audio, BandLimit, Codec, HighPass, Microphone, Noise, Room, Take, codecs, degrade
from aural.measure.content.meter import Content, ContentMeter
from aural.signals import Format

RATE = 16000
MORE = (
    " The songs beyond the corpus are those of Debian's singularity-music, warzone2100-music and fretsonfire-songs,"
    " and the free songs of UltraStar (17, with singers)."
)
EVERY = 3  # clip is brought into conditions
SPEECH = {
    "speech": "asp_audio kde_artikulate kde_klettres kde_ktuberling",
    "speech_phone": "smc_crowd",
    "speech_fullband": "library_fixtures sil_hearthis teeworlds_voice",
    "speech_misc": "0ad_voices",
}
MUSIC = {
    "music": "ancientbeast openclonk openrct2 unknown_horizons web_audio_loops",
    "speech_fullband": "vocobox_singing",
}
NOISE = {
    "noise": "mod_sounds muges_ambientsounds openrct2_sfx unknown_horizons noisereduce_cafe keystrokes_macbook_zoom "
    "esc10_rain esc10_sea_waves esc10_person_sneeze"
}
ROOMS = {"ir": "web_audio_samples"}
HELD_OUT_SONG = "3.Sodium"
THIRD = {"smc_crowd"}
"""Sets of which training saw two thirds of the speakers."""
SECONDS = (3, 30)
LEAST_DBFS = -50.0
CONDITIONS = ("clean", "noise at 10 dB", "noise at 0 dB", "room", "phone call", "6 s of silence in front",
              "6 s of faint noise in front")  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """A piece of a recording that training never saw."""

    name: str
    kind: str
    set: str
    seconds: int
    audio: Audio


def listed(sets: dict[str, str]) -> Iterator[tuple[str, str, Path]]:
    """List the set, the speaker, song or recording, and the path of each file of some sets."""
    for folder, names in sets.items():
        with open(CORPUS / folder / "MANIFEST.csv", newline="") as file:
            for row in csv.DictReader(file):
                who = row.get("speaker") or Path(row["path"]).stem
                if row["set"] in names.split() and (row["set"] not in THIRD or crc32(who.encode()) % 3 == 0):
                    yield row["set"], who, CORPUS / folder / row["path"]


def sound(path: Path, most_s: float = 120.0) -> Audio:
    """Read the first channel, or the beginning of it."""
    with soundfile.SoundFile(path) as file:
        audio = file.read(int(most_s * file.samplerate), dtype="float32", always_2d=True)[:, 0]
        return np.asarray(soxr.resample(audio, file.samplerate, RATE), np.float32)


@cache
def clips() -> tuple[Clip, ...]:
    """Cut the clips."""
    return tuple(cutting())


def cutting() -> Iterator[Clip]:
    """Cut clips out of speakers and songs: two of 3 s of each speaker, three of a song, one and two of up to 30 s."""
    speakers: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for name, speaker, path in listed(SPEECH):
        speakers[name, speaker].append(path)
    for (name, speaker), paths in speakers.items():
        audio = np.zeros(0, np.float32)
        for path in paths[:30]:
            audio = np.concatenate([audio, sound(path, 30.0)])
            if len(audio) > 32 * RATE:
                break
        yield from cut(f"{name}/{speaker}", "speech", name, audio, (2, 1))
    for name, song, path in listed(MUSIC):
        yield from cut(f"{name}/{song}", "music", name, sound(path), (3, 2))
    for folder in sorted((CORPUS / "stems" / "everythingisfree").glob(f"{HELD_OUT_SONG}*")):
        stems = [sound(path) for path in sorted(folder.glob("*.opus"))]
        yield from cut(f"stems/{folder.name}", "music", "stems: the mix", np.sum(stems, axis=0), (3, 2))
        if (vocals := folder / "vocals.opus").exists():
            yield from cut(f"stems/{folder.name}", "music", "stems: the singer alone", sound(vocals), (6, 2))
    for path in sorted(Path(sys.argv[1]).rglob("*.wav")) if len(sys.argv) > 1 else ():
        yield from cut(f"{path.parent.name}/{path.stem}", "music", path.parent.name, sound(path), (3, 2))


def cut(name: str, kind: str, group: str, audio: Audio, counts: tuple[int, int]) -> Iterator[Clip]:
    """Cut clips that lie apart and are not nearly silent; a long one may be shorter where there is no more."""
    for seconds, count in zip(SECONDS, counts, strict=True):
        frames = min(seconds * RATE, len(audio))
        if frames < (3 if seconds == 3 else 10) * RATE:
            continue
        for start in sorted({int(x) for x in np.linspace(0, len(audio) - frames, 2 * count + 1)[1::2]}):
            piece = audio[start : start + frames]
            if 10 * np.log10(np.mean(np.square(piece)) + 1e-12) > LEAST_DBFS:
                yield Clip(f"{name} at {start / RATE:.0f} s", kind, group, seconds, piece)


@cache
def noises() -> list[Audio]:
    return [audio for _, _, path in listed(NOISE) if len(audio := sound(path, 35.0)) > 2 * RATE]


@cache
def rooms() -> list[Audio]:
    responses = [(str(path), sound(path)) for _, _, path in listed(ROOMS)]
    return [audio for path, audio in responses if "room" in path or "hall" in path or len(audio) > RATE // 4]


def harmed(audio: Audio, condition: str, rng: np.random.Generator) -> Audio:
    """Bring a clip into a condition."""
    take = Take.of(audio, RATE)
    if condition.startswith("noise"):
        snr_db = float(condition.split()[2])
        return degrade(take, [Noise(noises()[int(rng.integers(len(noises())))], snr_db=snr_db)], rng).noisy
    if condition == "room":
        return degrade(take, [Room(rooms()[int(rng.integers(len(rooms())))])], rng).noisy
    if condition == "phone call":
        codec = Codec("amr", 7950) if "amr" in codecs() else Codec("opus", 8000)
        return degrade(take, [Microphone(), HighPass(200.0, 2), BandLimit(3400.0), codec], rng).noisy
    front = np.zeros(6 * RATE, np.float32)
    if condition == "6 s of faint noise in front":
        front += np.float32(1e-3 * np.abs(audio).max()) * rng.standard_normal(front.size).astype(np.float32)
    return np.concatenate([front, audio]) if "front" in condition else audio


def content(audio: Audio) -> Content:
    meter = ContentMeter(Format(RATE, 1))
    meter.update(audio[None])
    return meter.compute()


RULES: dict[str, Callable[[Audio], str]] = {
    "four signs": lambda audio: "speech" if four_signs(audio[None], RATE) else "music",
    "network": lambda audio: content(audio).kind,
}
Right = dict[tuple[object, ...], list[bool]]


def judged() -> tuple[Right, Right, list[str]]:
    """Ask both about every clip; return what was right by condition and by set, and the clean clips that were not."""
    by_condition, by_set, wrong = defaultdict(list), defaultdict(list), []
    for number, clip in enumerate(clips()):
        for condition in CONDITIONS if number % EVERY == 0 else CONDITIONS[:1]:
            audio = harmed(clip.audio, condition, np.random.default_rng([number, len(condition)]))
            for name, rule in RULES.items():
                right = rule(audio) == clip.kind
                by_condition[condition, name, clip.kind, clip.seconds].append(right)
                if condition == "clean":
                    by_set[clip.kind, clip.set, name, clip.seconds].append(right)
                    if not right and name == "network":
                        wrong.append(f"{clip.name} ({clip.kind}, {clip.seconds} s)")
    return by_condition, by_set, wrong


def share(right: Right, *key: object) -> str:
    found = right.get(key, [])
    return f"{100 * np.mean(found):.1f} % of {len(found)}" if found else "-"


def neither() -> str:
    """Say what noises alone are taken for, second by second."""
    names = ("speech", "music", "both", "neither")
    seconds: dict[str, list[str]] = defaultdict(list)
    for name, _, path in listed(NOISE):
        audio = sound(path, 30.0)
        if len(audio) > 2 * RATE:
            seconds[name] += [c for c in content(audio).classes if c != "silence"]
    rows = [
        [name, len(found), *(f"{100 * np.mean([c == n for c in found]):.0f} %" for n in names)]
        for name, found in sorted(seconds.items())
    ]
    return table(["noises alone", "seconds", *names], rows)


def mixtures() -> str:
    """Say what becomes of speech over music and of a jingle before it, from held-out sets, second by second."""
    held_out = clips()
    voices = [clip.audio for clip in held_out if clip.kind == "speech" and len(clip.audio) >= 20 * RATE][::2]
    songs = [clip.audio for clip in held_out if clip.kind == "music" and len(clip.audio) >= 20 * RATE][::2]
    rows = []
    for above_db in (15, 10, 5, 0):
        found = [content(over(voice, songs[n % len(songs)], above_db, n)) for n, voice in enumerate(voices)]
        rows.append([f"speech {above_db} dB over music" if above_db else "speech as loud as music", *seconds(found)])
    jingles = [content(behind(voice, songs[n % len(songs)])) for n, voice in enumerate(voices)]
    rows.append(["a jingle of 8 s before speech: in it", *seconds(jingles, slice(0, 8))])
    rows.append(["and in the speech behind it", *seconds(jingles, slice(9, 28))])
    return table(["", "seconds", *ORDER, "taken for speech"], rows)


def over(voice: Audio, song: Audio, above_db: float, seed: int) -> Audio:
    """Mix a voice with a song."""
    return degrade(Take.of(voice, RATE), [Noise(song, snr_db=above_db)], np.random.default_rng(seed)).noisy


def behind(voice: Audio, song: Audio) -> Audio:
    """Put the beginning of a song before a voice, as loud as it is."""
    jingle = song[: 8 * RATE]
    return np.concatenate([jingle * np.float32(np.std(voice) / (np.std(jingle) + 1e-6)), voice])


def seconds(found: Sequence[Content], part: slice = slice(None)) -> list[object]:
    """Count the seconds of some maps, and say what share is of each class and how many recordings are speech."""
    classes = [name for map_ in found for name in map_.classes[part]]
    shares = [f"{100 * classes.count(name) / len(classes):.0f} %" for name in ORDER]
    return [len(classes), *shares, f"{sum(map_.kind == 'speech' for map_ in found)} of {len(found)}"]


ORDER = ("speech", "both", "music", "neither", "silence")


def speed() -> str:
    """Time the meter and what it is made of, on ten minutes of stereo."""
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.standard_normal((2, 600 * 48000))).astype(np.float32)

    def run() -> None:
        meter = ContentMeter(Format(48000, 2))
        for start in range(0, audio.shape[1], 65536):
            meter.update(audio[:, start : start + 65536])
        meter.compute()

    run()
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    return f"Ten minutes of stereo at 48 kHz take {seconds:.1f} s of one processor: {600 / seconds:.0f} x real time."


def main() -> None:
    import torch

    torch.set_num_threads(1)
    by_condition, by_set, wrong = judged()
    columns = [(kind, seconds) for seconds in SECONDS for kind in ("speech", "music")]
    header = [f"{kind}, {'3 s' if seconds == 3 else 'up to 30 s'}" for kind, seconds in columns]
    conditions = [
        [condition, name, *(share(by_condition, condition, name, *column) for column in columns)]
        for condition in CONDITIONS
        for name in RULES
    ]
    groups = dict.fromkeys((kind, name) for kind, name, _, _ in by_set)
    sets = [
        [kind, name, *(share(by_set, kind, name, rule, seconds) for seconds in SECONDS for rule in RULES)]
        for kind, name in groups
    ]
    of_sets = [f"{rule}, {seconds} s" for seconds in SECONDS for rule in RULES]
    write(
        "Content: speech and music",
        "content.py" + (" SONGS" if len(sys.argv) > 1 else ""),
        "\n\n".join([
            __doc__.split("\n\n")[1].replace("\n", " ") + MORE * (len(sys.argv) > 1),
            table(["condition", "", *header], conditions),
            "Clean, set by set:",
            table(["", "set", *of_sets], sets),
            f"Clean clips that the network takes for the other, {len(wrong)}: " + "; ".join(wrong) + ".",
            "What the network makes of noises alone, second by second:",
            neither(),
            "And of mixtures:",
            mixtures(),
            speed(),
        ]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
