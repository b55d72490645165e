"""Run it: `python -m fuzz --minutes 60`, or `--only audio:123 --seed 0` for one run again."""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from fuzz import audio, faults, library, material, options, starts, texts
from fuzz.judge import KINDS, judge
from fuzz.trial import Trial

FAMILIES = {
    "audio": audio.family,
    "options": options.family,
    "texts": texts.family,
    "library": library.family,
    "faults": faults.family,
    "starts": starts.family,
}
ORDER = "audio options texts audio library faults audio options texts audio library faults starts".split()
CPU_S, WALL_S = 30, 150
MEMORY_BYTES, ADDRESSES_BYTES = 900 << 20, 3 << 30


@dataclass
class Child:
    """A run that is under way."""

    family: str
    number: int
    pid: int
    folder: Path
    began: float


class Fuzz:
    """Starts runs, ends those that take too long, and counts what was found."""

    def __init__(self, seed: int, keep: Path, scratch: Path) -> None:
        self.seed, self.keep, self.scratch = seed, keep, scratch
        self.runs: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.children: list[Child] = []
        self.seeds = scratch / "seeds"
        material.make(self.seeds)
        warm(scratch / "warm")
        gc.freeze()

    def start(self, family: str, number: int) -> None:
        folder = self.scratch / f"{family}-{number}"
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                self.perform(family, number, folder)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        self.children.append(Child(family, number, pid, folder, time.monotonic()))

    def perform(self, family: str, number: int, folder: Path) -> None:
        """Do one run, in the child."""
        (folder / "files" / "tmp").mkdir(parents=True)
        (folder / "notes").mkdir()
        rng = np.random.default_rng([self.seed, list(FAMILIES).index(family), number])
        trial = Trial(folder / "files", folder / "notes", self.seeds, rng)
        os.chdir(trial.folder)
        os.chmod(trial.folder / "tmp", 0o777)
        tempfile.tempdir = None
        os.environ["TMPDIR"] = str(trial.folder / "tmp")
        verdict = os.open(folder / "verdict.json", os.O_WRONLY | os.O_CREAT)
        FAMILIES[family](trial)
        (trial.notes / "arguments").write_text(json.dumps(trial.arguments))
        trial.inputs = trial.listing()
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES_BYTES, resource.RLIM_INFINITY))
        try:
            code = (trial.run or trial.command)()
            self.judged(trial, family, code, begun)
        except BaseException:
            code = -1
            trial.report("crash", traceback.format_exc())
        said = {"code": code, "found": trial.found}
        os.write(verdict, json.dumps(said).encode())

    def judged(self, trial: Trial, family: str, code: int, begun: int) -> None:
        """Report what is wrong with a run that has come to its end."""
        resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) << 10
        if grown > MEMORY_BYTES:
            trial.report("memory", f"{grown >> 20} MiB")
        if family != "library":
            judge(trial, code)
        elif (trial.folder / "PWNED").exists():
            trial.report("code run")

    def collect(self) -> None:
        """Take in the runs that have ended."""
        for child in list(self.children):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid and time.monotonic() - child.began < WALL_S:
                continue
            if not pid:
                os.killpg(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
            self.children.remove(child)
            self.count(child, status if pid else None)

    def count(self, child: Child, status: int | None) -> None:
        self.runs[child.family] += 1
        verdict = child.folder / "verdict.json"
        text = verdict.read_text() if verdict.exists() else ""
        said = json.loads(text) if text else {"found": []}
        typed = child.folder / "notes" / "arguments"
        ended = status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL))
        if not text:
            said["found"].append(("endless" if ended else "crash", f"status {status}"))
        for kind in {kind for kind, _ in said["found"]}:
            self.found[child.family, kind] += 1
        if said["found"]:
            target = self.keep / f"{child.family}-{child.number}"
            shutil.rmtree(target, ignore_errors=True)
            unlocked(child.folder)
            shutil.copytree(child.folder, target, symlinks=True, ignore=pipes)
            print(f"{child.family}:{child.number} {typed.read_text() if typed.exists() else ''}")
            for kind, detail in said["found"]:
                print(f"    {kind}: {str(detail).strip().splitlines()[-1] if detail else ''!a}"[:300], flush=True)
        unlocked(child.folder)
        shutil.rmtree(child.folder, ignore_errors=True)

    def table(self) -> str:
        """Write the counts."""
        used = [kind for kind in KINDS if any(self.found[family, kind] for family in FAMILIES)] or ["findings"]
        rows = [["family", "runs", *used]]
        for family in FAMILIES:
            rows.append([family, str(self.runs[family]), *(str(self.found[family, kind]) for kind in used)])
        sums = [str(sum(self.found[family, kind] for family in FAMILIES)) for kind in used]
        rows.append(["all", str(self.runs.total()), *sums])
        return "\n".join(
            "  ".join(f"{cell:>{max(8, len(rows[0][i]))}}" for i, cell in enumerate(row)) for row in rows
        )


def pipes(folder: str, names: list[str]) -> list[str]:
    """List what cannot be copied."""
    return [name for name in names if (Path(folder) / name).is_fifo()]


def unlocked(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            os.chmod(path, 0o777)


def warm(folder: Path) -> None:
    """Load and compile once what every run needs."""
    folder.mkdir()
    material.good(folder, seconds=1.0)
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 24000)).astype(np.float32)

    import aural.cleaning.running
    import aural.cli.main
    import aural.cli.processes
    import aural.cli.work
    import aural.mix.mixdown
    from aural import registry
    from aural.cli.commands import COMMANDS

    for place in COMMANDS.values():
        import_module(place.partition(":")[0])

    for name in registry.names():
        library.stage_of(name)(noise, 48000)  # type: ignore[operator]
    aural.cleaning.running.clean(folder / "good.wav", folder / "out.wav")


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where failing inputs go")
    parser.add_argument("--only", action="append", help="FAMILY:NUMBER, or FAMILY; may be given several times")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="aural-fuzz-"))
    scratch.chmod(0o755)
    try:
        fuzz = Fuzz(given.seed, given.keep, scratch)
        began = time.monotonic()
        for family, number in sequence(given.only, given.runs):
            while len(fuzz.children) >= given.workers:
                fuzz.collect()
                time.sleep(0.003)
            if time.monotonic() - began > 60 * given.minutes:
                break
            fuzz.start(family, number)
        while fuzz.children:
            fuzz.collect()
            time.sleep(0.003)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(fuzz.table())
    print(f"seed {given.seed}; one run again: python -m fuzz --seed {given.seed} --only FAMILY:NUMBER")
    return 1 if fuzz.found.total() else 0


def sequence(only: list[str] | None, runs: int):  # type: ignore[no-untyped-def]
    """Give family and number of each run: the same for everybody who counts."""
    exact = [one.split(":") for one in only or () if ":" in one]
    if exact:
        yield from ((family, int(number)) for family, number in exact)
        return
    counts: Counter[str] = Counter()
    for index in range(runs):
        family = ORDER[index % len(ORDER)] if not only else only[index % len(only)]
        yield family, counts[family]
        counts[family] += 1


if __name__ == "__main__":
    sys.exit(main())
