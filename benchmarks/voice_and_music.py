"""Held-out voices over music, and songs with vocals: the network `voice`, the classical engines and plain peers.

    python benchmarks/voice_and_music.py [--weights FILE]

Voices, music and songs are those of the part `test`, as `aural evaluate` splits the audio that AURAL_CORPUS names
(default ../shared/audio). `--weights` names weights to judge instead of those included with AURAL; the result is then
printed and not written to benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import report
import separation_cost
from corpus import CORPUS

from aural import Block
from aural.degrade import active_db
from aural.dsp.decibels import db_to_gain
from aural.learning.material import Clip, find, load_stereo
from aural.learning.metrics.speech import pesq as pesq_of_channel
from aural.learning.metrics.stems import sdr_of_stem, si_sdr_of_stem
from aural.learning.stems import is_voice, songs
from aural.stages.source_separation.engines import center
from aural.stages.source_separation.stage import SourceSeparation

RATE, CLIP_S = 48000, 6
RATIOS_DB = (-5.0, 0.0, 5.0, 10.0)
LEVEL_DBFS = -26.0
WINDOWS = 3  # of one recording of music, at most
LONGEST_S = 40  # of the memory test
TRAINED_ON = {"en-northwind", "en-uberi", "greek-male-48k", "megaglest-indian", "persian-male"}
"""Speakers of the part `test` that the weights included with AURAL know: they came into training by mistake."""
Pair = tuple[Block, Block]
"""Estimates of the voice and of the rest, or the two themselves."""


class Systems:
    """The systems by name; each gives estimates of voice and rest."""

    def __init__(self, weights: str | None) -> None:
        self.stages = {name: SourceSeparation(engine=name) for name in ("center", "hpss")}
        self.stages["voice"] = SourceSeparation(engine="voice", weights=weights)
        self.names = ("input", "(L+R)/2", "(L+R)/2, low cut", *self.stages)

    def __call__(self, name: str, mixture: Block) -> Pair:
        if name == "input":
            return mixture, mixture
        if name in self.stages:
            first, second = self.stages[name](mixture, RATE).values()  # hpss: the harmonic stem as the voice
            return first, second
        voice = np.repeat(mixture.mean(axis=0, keepdims=True), 2, axis=0)
        if name.endswith("low cut"):
            hz = np.fft.rfftfreq(mixture.shape[-1], 1 / RATE)
            gains = center.high_pass(hz, self.stages["center"].low_hz)
            voice = np.fft.irfft(np.fft.rfft(voice) * gains, mixture.shape[-1]).astype(np.float32)
        return voice, mixture - voice


def voices() -> list[Block]:
    """Read one piece of each speaker."""
    clips: dict[str, list[Clip]] = {}
    for folder in ("speech", "speech_fullband", "speech_misc"):
        for clip in find(CORPUS / folder, "speech", "test"):
            if clip.snr_db >= 20 and clip.group not in TRAINED_ON:
                clips.setdefault(clip.group, []).append(clip)
    return [
        np.repeat(cut(np.concatenate([sound(c) for c in several], axis=-1))[:1], 2, 0) for several in clips.values()
    ]


def music() -> list[Block]:
    """Read pieces of each recording that is long enough, and of the songs without their voices."""
    frames, found = CLIP_S * RATE, []
    for clip in find(CORPUS / "music", "rest", "test"):
        if clip.seconds >= CLIP_S:
            count = min(WINDOWS, int(clip.seconds / CLIP_S / 2) or 1)
            found += [cut(sound(clip)[:, n * clip_frames(clip) // count :]) for n in range(count)]
    for song in songs(str(CORPUS / "stems"), "test"):
        stems = song.read(RATE, 20 * RATE, frames)
        found.append(sum((audio for name, audio in stems.items() if not is_voice(name)), np.zeros((2, frames), "f")))
    return [audio for audio in found if level_db(audio) > -80]


def clip_frames(clip: Clip) -> int:
    return round(clip.seconds * RATE)


def sound(clip: Clip) -> Block:
    return load_stereo(clip, RATE).astype(np.float32) / np.float32(32768)


def cut(audio: Block) -> Block:
    """Bring audio to the length of a clip: its beginning, or again and again."""
    return np.tile(audio, (1, -(-CLIP_S * RATE // audio.shape[-1])))[:, : CLIP_S * RATE]


def level_db(audio: Block) -> float:
    return max(active_db(channel, RATE) for channel in audio)


def at(audio: Block, level_dbfs: float) -> Block:
    """Bring audio to an active level."""
    return audio * np.float32(db_to_gain(level_dbfs - level_db(audio)))


def pairs() -> list[Pair]:
    """Give each speaker a piece of music, both at one level, the voice in the middle."""
    spoken, played = voices(), music()
    return [
        (at(voice, LEVEL_DBFS), at(played[number % len(played)], LEVEL_DBFS)) for number, voice in enumerate(spoken)
    ]


def si_sdr(truth: Block, found: Block) -> float:
    return si_sdr_of_stem(truth, found, found, RATE)


def pesq(truth: Block, found: Block) -> float:
    return pesq_of_channel(truth.mean(axis=0), found.mean(axis=0), RATE)


def spoken(systems: Systems, mixed: list[Pair]) -> str:
    """Score voices over music: means over the pairs at each ratio."""
    cases = [(f"{ratio:g} dB", ratio, False) for ratio in RATIOS_DB] + [("0 dB, mono", 0.0, True)]
    rows = []
    for title, ratio_db, mono in cases:
        scores: dict[str, list[list[float]]] = {name: [] for name in systems.names}
        for voice, rest in mixed:
            wanted = [voice * np.float32(db_to_gain(ratio_db)), rest]
            if mono:
                wanted = [np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0) for audio in wanted]
            for name in systems.names:
                one, other = systems(name, wanted[0] + wanted[1])
                scores[name].append([si_sdr(wanted[0], one), pesq(wanted[0], one), si_sdr(wanted[1], other)])
        means = {name: np.mean(np.maximum(values, -60), axis=0) for name, values in scores.items()}
        for name in systems.names:
            gained = means[name] - means["input"]
            cells = [
                f"{now:.{n}f} ({gain:+.{n}f})" for now, gain, n in zip(means[name], gained, (1, 2, 1), strict=True)
            ]
            rows.append([title, name, *cells])
    return report.table(
        ["voice above music", "system", "voice SI-SDR (gain)", "voice PESQ (gain)", "music SI-SDR (gain)"], rows
    )


def sung(systems: Systems) -> str:
    """Score songs with vocals: SDR, the median over seconds, and SI-SDR, all channels together, of voice and rest."""
    rows = []
    for song in songs(str(CORPUS / "stems"), "test"):
        stems = song.read(RATE)
        mixture = sum(stems.values(), np.zeros_like(stems["vocals"]))
        wanted = stems["vocals"], mixture - stems["vocals"]
        for name in systems.names:
            found = systems(name, mixture)
            cells = [
                f"{sdr_of_stem(truth, made, mixture, RATE):.1f} / {si_sdr(truth, made):.1f}"
                for truth, made in zip(wanted, found, strict=True)
            ]
            rows.append([song.name.rpartition("/")[2], name, *cells])
    return report.table(["song", "system", "vocals SDR / SI-SDR", "rest SDR / SI-SDR"], rows)


def alone(systems: Systems, mixed: list[Pair]) -> str:
    """Say how much of a voice alone lands in the rest, and of music alone in the voice: mean and worst two, in dB."""
    rows = []
    for name in systems.names[1:]:
        leaks: Mapping[str, list[float]] = {"voice": [], "music": []}
        for voice, rest in mixed:
            leaks["voice"].append(below(systems(name, voice)[1], voice))
            leaks["music"].append(below(systems(name, rest)[0], rest))
        rows.append([name, *map(mean_and_worst, leaks.values())])
    return report.table(["system", "voice alone, in the rest", "music alone, in the voice"], rows)


def mean_and_worst(levels_db: Sequence[float]) -> str:
    next_db, worst_db = sorted(levels_db)[-2:]
    return f"{np.mean(levels_db):.1f} ({worst_db:.1f}, {next_db:.1f})"


def below(part: Block, whole: Block) -> float:
    """Return the level of a part below the whole in dB, at least -100."""
    return float(10 * np.log10(max(1e-10, np.square(part).sum() / np.square(whole).sum())))


def sums(systems: Systems, mixed: list[Pair]) -> str:
    """Say of how many mixtures of 16 bits the stems sum to them bit for bit."""
    exact = 0
    for voice, rest in mixed:
        mixture = np.rint((voice + rest) * 32768).astype(np.float32) / np.float32(32768)
        one, other = systems("voice", mixture)
        exact += bool(np.array_equal(one + other, mixture))
    return f"The stems of `voice` sum to the mixture bit for bit in {exact} of {len(mixed)} mixtures of 16 bits."


def costs() -> Iterator[list[str]]:
    """Measure speed and memory of the command line, each in a process of its own."""
    for seconds in (LONGEST_S // 2, LONGEST_S):
        with TemporaryDirectory() as place, get_context("spawn").Pool(1) as pool:
            song = Path(place, "noise.wav")
            separation_cost.write_noise(song, seconds)
            taken_s, megabytes = pool.apply(separation_cost.run, ("aural", "voice", song, Path(place, "stems")))
        yield [str(seconds), f"{seconds / taken_s:.1f}", f"{megabytes:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="weights of the network voice, instead of those included with AURAL")
    weights = parser.parse_args().weights
    systems, mixed = Systems(weights), pairs()
    parts = [
        f"Part `test`. {len(mixed)} speakers, each over {CLIP_S} s of music, the voice in the middle. "
        "All in dB but PESQ, which is that of the mean of both channels; figures below -60 dB count as -60.",
        "### Voices over music",
        spoken(systems, mixed),
        "### Songs with vocals",
        sung(systems),
        "### A voice alone, music alone: mean (worst, next)",
        alone(systems, mixed),
        sums(systems, mixed),
        "### Cost of `voice` in one thread, by processor time",
        report.table(["seconds of stereo", "times real time", "peak memory in MB"], list(costs())),
    ]
    text = "\n\n".join(parts)
    if weights:
        print(text)
    else:
        report.write("Voice and music", "voice_and_music.py", text)


if __name__ == "__main__":
    main()
