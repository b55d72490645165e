"""The engines of frequency generation on held-out voices and songs: codecs, undamaged recordings, speed and memory.

    python benchmarks/frequency_generation.py [--music FOLDER ...] [--network FILE ...]

Voices and songs are those of the part `test`, as `aural evaluate frequency-generation` splits the audio that
AURAL_CORPUS names (default ../shared/audio), and the folders of music that `--music` adds, such as MIDI files played
by fluidsynth. `--network` names weights to judge besides those included with AURAL; the result is then printed and
not written to benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import report
from corpus import CORPUS
from separation_cost import peak_megabytes

from aural import Block, Format
from aural.learning.excerpts import Excerpts
from aural.learning.material import Clip, load_stereo
from aural.learning.metrics.metric import Metric
from aural.learning.report import Report, Row
from aural.stages.frequency_generation.clips import SAMPLE_RATE
from aural.stages.frequency_generation.evaluate import FrequencyGenerationEvaluation, generations
from aural.stages.frequency_generation.stage import FrequencyGeneration

CODECS = (
    "mp3:16", "mp3:32", "mp3:64", "mp3:96", "mp3:128", "mp3:V7", "aac:32", "aac:64", "opus:24", "vorbis:q1",
    "mp3:64+aac:64",
)  # fmt: skip
HIGH = ("mp3:96", "mp3:128")
"""Where nothing may get worse."""
SLACK = {"LSD": 0.1, "SI-SDR": 0.3, "ViSQOL": 0.05}
"""What does not count as worse."""
CLIP_S, TAKES = 6.0, 2
PIECES = 7  # of music
WHOLE_HZ = 19000.0  # that a recording must reach to count as undamaged
WHOLE_S = 30.0  # of it are taken
LONGEST_S = 60  # of the test of speed


class FewPieces(FrequencyGenerationEvaluation):
    """The evaluation on all voices and on the first pieces of music, in the order of their names."""

    def held_out(self) -> list[tuple[str, str, list[Clip]]]:
        found = super().held_out()
        return [f for f in found if f[0] == "speech"] + [f for f in found if f[0] == "music"][:PIECES]


def judged(scores: Report) -> str:
    """Write the table: a line for each codec and engine; then what got worse."""
    (table,) = scores.tables
    names = [metric.title for metric in table.metrics]
    rows = [[f"{row.group} ({row.files})", row.system, *cells(row, table.metrics)] for row in table.rows]
    slacks = ", ".join(f"{name} by more than {slack:g}" for name, slack in SLACK.items())
    return "\n\n".join([
        report.table(["", "engine", *names], rows),
        f"What got worse: lines at 96 and 128 kbit/s as they are written above; of all lines and of single excerpts, "
        f"{slacks}.",
        report.table(["engine", "", "lines at 96 and 128", "lines", "excerpts"], list(harm(scores))),
    ])  # fmt: skip


def cells(row: Row, metrics: Sequence[Metric]) -> list[str]:
    pairs = zip(row.means, metrics, strict=True)
    return [f"{value:.{metric.decimals}f}" if np.isfinite(value) else "" for value, metric in pairs]


def harm(scores: Report) -> Iterator[list[str]]:
    """Name for each engine and metric the lines that are worse than the input, and count single excerpts."""
    (table,) = scores.tables
    means = {(row.group, row.system): named(row, table.metrics) for row in table.rows}
    single = {(score.name, score.system): score.values for score in scores.scores}
    for system in dict.fromkeys(row.system for row in table.rows):
        if system == "input" or "best of" in system:
            continue
        groups = [(group, means[group, "input"], found) for (group, name), found in means.items() if name == system]
        pairs = [(single[name, "input"], values) for (name, by), values in single.items() if by == system]
        for metric in (metric for metric in table.metrics if metric.name in SLACK):
            slack = SLACK[metric.name]
            high = [group for group, before, now in groups if group.endswith(HIGH) and worse(metric, before, now)]
            lines = [group for group, before, now in groups if worse(metric, before, now, slack)]
            excerpts = sum(worse(metric, before, now, slack) for before, now in pairs)
            yield [system, metric.name, "; ".join(high), "; ".join(lines), f"{excerpts} of {len(pairs)}"]


def named(row: Row, metrics: Sequence[Metric]) -> dict[str, float]:
    return {metric.name: value for metric, value in zip(metrics, row.means, strict=True)}


def worse(metric: Metric, before: Mapping[str, float], now: Mapping[str, float], slack: float | None = None) -> bool:
    """Say whether a value is worse than before: by more than some slack, or else as written in the table."""
    values = before[metric.name], now[metric.name]
    first, second = values if slack is not None else (round(value, metric.decimals) for value in values)
    return (first - second if metric.rising else second - first) > (slack or 0.0)


def undamaged(settings: FrequencyGenerationEvaluation) -> str:
    """Count the recordings that come back bit for bit, and name the others."""
    lines = []
    for kind in ("speech", "music"):
        for what, whole in ((f"reach {WHOLE_HZ / 1000:.0f} kHz", True), ("end below", False)):
            true, changed = 0, []
            for _, name, clips in (found for found in settings.held_out() if found[0] == kind):
                if (min(clip.bandwidth_hz for clip in clips) >= WHOLE_HZ) is whole:
                    audio = Excerpts(clips, WHOLE_S, SAMPLE_RATE, load_stereo)[0]
                    added = FrequencyGeneration()(audio, SAMPLE_RATE) - audio
                    true += not added.any()
                    if added.any():
                        level_db = 10 * np.log10(np.square(added).sum() / np.square(audio).sum())
                        changed.append(f"{name} ({level_db:.0f} dB)")
            if true or changed:
                lines.append([kind, what, true + len(changed), true, ", ".join(changed)])
    return report.table(["", "recordings that", "", "bit-identical", "others, and the level of what is added"], lines)


def costs(engines: Sequence[tuple[str, str | None]], audio: Block) -> Iterator[list[str]]:
    """Measure speed and memory of each engine, in a process of its own."""
    for name, weights in engines:
        with get_context("spawn").Pool(1) as pool:
            taken_s, megabytes = pool.apply(run, (name, weights, audio))
        yield [name, f"{LONGEST_S / taken_s:.0f}", f"{megabytes:.0f}"]


def run(name: str, weights: str | None, audio: Block) -> tuple[float, float]:
    """Restore a recording second by second; return seconds of processor time, both passes, and peak memory in MB."""
    import torch

    torch.set_num_threads(1)
    source = Format(SAMPLE_RATE, len(audio))
    stage = FrequencyGeneration(engine=name, weights=weights)
    for measured in (False, True):  # compiled at first
        start = time.process_time()
        blocks = [np.roll(audio, n, axis=-1)[:, :SAMPLE_RATE] for n in range(LONGEST_S if measured else 3)]
        stream = stage.measure(blocks, source).open(source)
        for block in blocks:
            stream.push(block)
        stream.flush()
    return time.process_time() - start, peak_megabytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--music", action="append", default=[], help="another folder of music")
    parser.add_argument("--network", action="append", default=[], help="weights of a network")
    given = parser.parse_args()
    settings = FewPieces(
        speech=tuple(str(CORPUS / name) for name in ("speech", "speech_fullband", "speech_misc")),
        music=(str(CORPUS / "music"), str(CORPUS / "stems"), *given.music),
        network=tuple(given.network), codec=CODECS, takes=TAKES, clip_s=CLIP_S,
    )  # fmt: skip
    scores = settings.run(jobs=len(os.sched_getaffinity(0)))
    song = Excerpts(settings.held_out()[-1][2], 10.0, SAMPLE_RATE, load_stereo)[0]
    (codec,) = generations("mp3:32")
    parts = [
        f"Part `test`, {CLIP_S:.0f} s of each voice and of {PIECES} pieces of music; the mean of {TAKES} takes. "
        "Nothing is filled above the frequency up to which a recording is known.",
        *scores.notes, *(f"Failed: {error}" for error in scores.errors),
        judged(scores),
        "### Undamaged recordings",
        f"The first {WHOLE_S:.0f} s of each. What ends below was cut off by an earlier codec or a microphone.",
        undamaged(settings),
        "### Speed and memory",
        "Stereo, 48 kHz, MP3 at 32 kbit/s; both passes, one thread, processor time.",
        report.table(["engine", "times real time", "peak memory in MB"],
                     list(costs(settings.weighted(), codec.there_and_back(song, SAMPLE_RATE)))),
    ]  # fmt: skip
    text = "\n\n".join(part for part in parts if part)
    if given.network:
        print(text)
    else:
        options = [f"--music {Path(folder).name}" for folder in given.music]
        report.write("Frequency generation", " ".join([Path(__file__).name, *options]), text)


if __name__ == "__main__":
    main()
