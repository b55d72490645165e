"""What the fuzz driver finds, beside what it found before its findings were mended: `--runs 52` for a trial."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from report import table, write

SUPPORT = Path(__file__).parent.parent / "tests" / "support"
KINDS = (
    "traceback", "not finite", "short", "invented", "endless", "leftover", "batch", "crash", "memory", "harm",
    "code run", "exit code", "sentence",
)  # fmt: skip
BEFORE_AT = "499871e"
BEFORE = {"runs": 390, "traceback": 25, "endless": 1, "batch": 1, "exit code": 22, "sentence": 33}
"""What the driver printed there, with seed 0; its imports were given the names of that time."""
USAGE = 30
"""How many of those sentences are click's own about what was typed, in two lines and more."""


def fuzz(runs: int) -> str:
    """Run the driver; return what it prints."""
    command = [sys.executable, "-m", "fuzz", "--seed", "0", "--runs", str(runs), "--minutes", "60"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SUPPORT)}, capture_output=True, text=True)
    return done.stdout


def counts(printed: str) -> dict[str, int]:
    """Take the sums out of what the driver prints."""
    rows = {row[0]: row[1:] for row in (re.split(r"\s{2,}", line.strip()) for line in printed.splitlines())}
    return {name: int(figure) for name, figure in zip(rows["family"], rows["all"], strict=True)}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=BEFORE["runs"])
    parser.add_argument("--printed", type=Path, help="what a run of the driver printed, in place of another run")
    given = parser.parse_args()
    after = counts(given.printed.read_text() if given.printed else fuzz(given.runs))
    rows = [[kind, BEFORE.get(kind, 0), after.get(kind, 0)] for kind in ("runs", *KINDS)]
    text = (
        f"`PYTHONPATH=tests/support python -m fuzz --seed 0 --runs {after['runs']}`, in one process, here and in\n"
        f"revision {BEFORE_AT}: the same driver, seed and runs. There its imports had the names of that time, and\n"
        "`-j 5000` was made `-j 2`, since as many processes would have started. Each figure is the number of runs\n"
        f"in which something was found.\n\n{table(['', BEFORE_AT, 'now'], rows)}\n\n"
        "A traceback; a result with NaN or infinity, or shorter or longer than the recording; no end; files left\n"
        "behind; a good file of a batch not done; a process that dies; more than 900 MiB; an input changed; code of\n"
        "an input run; an exit code that the case does not allow; a refusal that is not one sentence of AURAL's own\n"
        f"({USAGE} of the {BEFORE['sentence']} are click's, about what was typed)."
    )
    write("Fuzzing", "fuzzing.py", text)


if __name__ == "__main__":
    main()
