"""Timing side by side, and the file the figures are written to."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from aural.markdown import table as table

REPORT = Path(__file__).parent.parent / "benchmarks.md"
HEAD = "# Benchmarks\n\nEvery figure comes from a script in benchmarks/; each section says which, and when it ran.\n"


def side_by_side(runs: dict[str, Callable[[], object]], repeats: int = 7) -> dict[str, float]:
    """Time calls in turn, A B A B ..., after one warm-up each; return median seconds by name."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for attempt in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if attempt:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def write(title: str, script: str, text: str) -> None:
    """Put a section into benchmarks.md, in the place of its last version, and print it."""
    section = f"## {title}\n\n`python benchmarks/{script}` on {date.today()}.\n\n{text.strip()}\n"
    old = REPORT.read_text() if REPORT.exists() else HEAD
    head, *sections = re.split(r"(?m)^(?=## )", old)
    kept = [s.strip() + "\n" for s in sections if not s.startswith(f"## {title}\n")]
    REPORT.write_text("\n".join([head.strip() + "\n", *sorted([*kept, section])]))
    print(section)
