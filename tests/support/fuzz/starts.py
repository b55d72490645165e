"""Runs in processes of their own, as a shell starts them: what happens while they start, or to one of several."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time

from fuzz import material
from fuzz.faults import long, odd_names
from fuzz.trial import Trial

MAIN = """
import sys
from aural.cli.main import main
open(sys.argv.pop(1), 'w').close()
sys.argv[0] = 'aural'
main()
"""


def family(trial: Trial) -> None:
    """Start the command, and let something happen to it."""
    (processes if trial.chance(0.4) else started)(trial)


def in_process(
    trial: Trial, *, before: str = "", delay_s: float | None = None, number: int = 0, after: str = ""
) -> None:
    """Run the command in a process of its own, as a shell does."""

    def run() -> int:
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):  # it loads and compiles everything itself
            resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        begun = trial.notes / "begun"
        command = ["sh", "-c", f'{before} exec "$0" "$@" {after}', sys.executable, "-c", MAIN, str(begun)]
        with (trial.notes / "out").open("wb") as out, (trial.notes / "err").open("wb") as err:
            run = subprocess.Popen([*command, *trial.arguments], stdout=out, stderr=err)
            if delay_s is not None:
                while not begun.exists() and run.poll() is None:  # before, nobody but Python is there to answer
                    time.sleep(0.001)
                time.sleep(delay_s)
                run.send_signal(number)
            code = run.wait()
        return code if code >= 0 else 128 - code

    trial.run = run


def processes(trial: Trial) -> None:
    """Two processes work; one of them may be killed."""
    for name in ("good.wav", "b.wav", "c.wav"):
        long(trial, 1.0, name)
    trial.arguments = ["clean", "good.wav", "b.wav", "c.wav", "-o", "results", "-j", trial.pick("2", "5000")]
    if trial.chance(0.5):
        trial.results = tuple(f"results/{name}_clean.wav" for name in ("good", "b", "c"))
        in_process(trial)
    else:
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[trial.rng.integers(3)]
        trial.codes = (0, 128 + number)
        in_process(trial, delay_s=trial.rng.uniform(0.5, 4.0), number=number)


def started(trial: Trial) -> None:
    """Something happens while it starts."""
    material.good(trial.folder)
    trial.arguments = ["gate", "good.wav", "out.wav"]
    match int(trial.rng.integers(3)):
        case 0:
            number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[trial.rng.integers(3)]
            trial.codes = (0, 128 + number)
            in_process(trial, delay_s=trial.rng.uniform(0, 0.8), number=number)
        case 1:
            closed = trial.rng.integers(3)
            trial.closed = (int(closed),)
            in_process(trial, after=("<&-", ">&-", "2>&-")[closed])
        case 2:
            odd_names(trial)
            in_process(trial, before="LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii PYTHONCOERCECLOCALE=0")
