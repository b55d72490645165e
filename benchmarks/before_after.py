"""`aural clean` of another revision of AURAL beside that of this one: wall time, processor time and memory.

    python benchmarks/before_after.py OTHER        20 minutes of stereo
    python benchmarks/before_after.py OTHER 5      another length, in minutes

OTHER is a checkout of the repository, installed into OTHER/.venv. The recording is that of clean.py. Both revisions
get the same chain files, so that the same stages run whatever their presets say. Each cleans a minute
first, so that its loops are compiled. Where other programs run, set OMP_NUM_THREADS=1, and compare the
processor time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import clean
import report

from aural.audio.writing import write_audio
from aural.signals import Format

HERE = Path(sys.executable).parent / "aural"
NOISE_REDUCTION = """
[[stage]]
use = "noise-reduction"
max_attenuation_db = 30.0
"""
REST = """
[[stage]]
use = "frequency-expansion"
level_db = -3.0

[[stage]]
use = "leveller"

[[stage]]
use = "master"
target_lufs = -20.0
ceiling_dbtp = 0.0

[[stage]]
use = "dynamic-compression"
threshold_db = -20.0
ratio = 2.2
knee_db = 8.0
attack_ms = 8.0
release_ms = 150.0

[[stage]]
use = "master"
target = "podcast"
"""
CHAINS = {
    "all stages": NOISE_REDUCTION + REST,
    "all stages, noise reduction by `mmse`": NOISE_REDUCTION + 'engine = "mmse"\n' + REST,
    "without noise reduction": REST,
}
TEXT = (
    "OTHER is revision {revision}. Stages: {stages}; the first is missing in the last rows. {threads}. The "
    "network `compact` is larger today, and the diagnosis, made before and after, measures more: content, noises, "
    "clicks, gaps, plosives and breaths. Where the wall time exceeds the processor time, other programs ran.\n\n"
)


def measured(program: Path, chain: Path, source: Path) -> clean.Cost:
    """Clean a recording by a chain file."""
    target = source.with_name("clean.flac")
    return clean.cost([program, "clean", source, "-o", target, "--force", "--preset", chain])


def rows(label: str, chain: Path, source: Path, programs: dict[str, Path]) -> tuple[list[list[str]], str]:
    """Run both revisions; return a row for each and one with the quotients, and the stages that ran."""
    costs = {version: measured(program, chain, source) for version, program in programs.items()}
    (stages,) = {cost.stages for cost in costs.values()}  # the same, or nothing can be compared
    before, after = ((cost.wall_s, cost.cpu_s, cost.megabytes) for cost in costs.values())
    made = [
        [label, version, *(f"{figure:.0f}" for figure in figures)]
        for version, figures in zip(costs, (before, after), strict=True)
    ]
    quotients = [f"{a / b:.2f}" for a, b in zip(before, after, strict=True)]
    return [*made, [label, "before / today", *quotients]], stages


def main() -> None:
    """Compare."""
    other, minutes = Path(sys.argv[1]), int((sys.argv[2:] or ["20"])[0])
    programs = {"before": other / ".venv" / "bin" / "aural", "today": HERE}
    lines, stages = [], []
    with tempfile.TemporaryDirectory() as folder:
        short, long = (Path(folder, f"{length}.flac") for length in ("short", "long"))
        write_audio(short, clean.talk(1), Format(clean.SAMPLE_RATE, 2))
        write_audio(long, clean.talk(minutes), Format(clean.SAMPLE_RATE, 2))
        for number, (label, text) in enumerate(CHAINS.items()):
            chain = Path(folder, f"{number}.toml")
            chain.write_text(text)
            for program in programs.values():
                measured(program, chain, short)
            made, ran = rows(label, chain, long, programs)
            lines += made
            stages.append(ran)
    revision = subprocess.check_output(["git", "-C", other, "rev-parse", "--short", "HEAD"], text=True).strip()
    threads = f"OMP_NUM_THREADS is {os.environ.get('OMP_NUM_THREADS', 'not set')}"
    head = ["chain", f"{minutes} min of stereo, 48 kHz, FLAC", "wall time, s", "processor time, s", "peak memory, MB"]
    text = TEXT.format(stages=stages[0], revision=revision, threads=threads) + report.table(head, lines)
    report.write("aural clean before and after", f"before_after.py OTHER {minutes}", text)


if __name__ == "__main__":
    main()
