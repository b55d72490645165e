"""Faults of the machine, and of what surrounds a run."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import soundfile

from aural.testing import SAMPLE_RATE, probe
from fuzz import material
from fuzz.trial import Trial

NOBODY = 65534
NAMES = (
    "new\nline.wav", "\x1b[31mred.wav", "song [live].wav", "[bold].wav", "\u202etxt.wav", "byte\udcff.wav",
    "naïve 音声.wav",
    "\x9b5n.wav", "-f.wav", "--help", "a\u2028b.wav", "%s%n.wav", " .wav", "😀.wav", "a:b.wav", "tab\t.wav", "*.wav",
)  # fmt: skip


def family(trial: Trial) -> None:
    """Run a good command on a machine that is not."""
    kinds = (
        disk_full, memory_full, read_only, no_terminal, ascii_terminal, odd_names, signalled, killed, replaced,
        no_recording,
    )  # fmt: skip
    kinds[trial.rng.integers(len(kinds))](trial)


def long(trial: Trial, seconds: float = 3.0, name: str = "good.wav") -> None:
    audio = 0.3 * probe("voice", min(seconds, 3.0), 2).T
    soundfile.write(trial.folder / name, audio, SAMPLE_RATE, "PCM_16")


def command(trial: Trial) -> list[str]:
    """Choose a command that writes out.wav."""
    target = trial.pick("out.wav", "out.flac", "out.m4a", "out.opus")
    stage = trial.pick("gate", "master", "leveller")
    chosen = trial.rng.integers(3)
    if chosen == 0:
        return ["clean", "good.wav", "-o", target, *(["--save-removed"] if trial.chance(0.3) else [])]
    if chosen == 1:
        return [stage, "good.wav", target]
    return ["source-separation", "good.wav", "stems", "--engine", "center"]


def limited(trial: Trial, kind: int, value: int) -> None:
    def run() -> int:
        resource.setrlimit(kind, (value, value))
        return trial.command()

    trial.run = run


def disk_full(trial: Trial) -> None:
    """No file may grow beyond some size."""
    long(trial)
    trial.arguments = command(trial)
    limited(trial, resource.RLIMIT_FSIZE, int(10 ** trial.rng.uniform(3, 6)))


def memory_full(trial: Trial) -> None:
    """There is little memory beyond what is used."""
    long(trial)
    trial.arguments = command(trial)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limited(trial, resource.RLIMIT_AS, used + int(10 ** trial.rng.uniform(5.5, 8.3)))
    trial.scarce = True


def as_nobody(trial: Trial) -> None:
    """Run as a user who owns nothing."""

    def run() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.environ["HOME"] = "/nonexistent"
        return trial.command()

    trial.notes.chmod(0o777)
    trial.run = run


def read_only(trial: Trial) -> None:
    """The folder, the input, or the output cannot be written or read."""
    material.good(trial.folder)
    os.chmod(trial.folder, 0o777)
    trial.arguments = ["gate", "good.wav", "out.wav"]
    match int(trial.rng.integers(5)):
        case 0:
            os.chmod(trial.folder, 0o555)
        case 1:
            os.chmod(trial.folder / "good.wav", 0)
        case 2:
            trial.arguments = ["gate", "good.wav", "new/sub/out.wav"]
        case 3:
            (trial.folder / "locked").mkdir(mode=0)
            trial.arguments = ["gate", "good.wav", "locked/out.wav"]
        case 4:
            (trial.folder / "out.wav").write_bytes(b"precious")
            os.chmod(trial.folder / "out.wav", 0)
    as_nobody(trial)


def no_terminal(trial: Trial) -> None:
    """Standard streams are closed, or lead to a full disk."""
    material.good(trial.folder)
    trial.arguments = [*trial.pick("inspect", "clean", "stages", "clean --nonsense", "gate").split(), "good.wav"]
    if trial.arguments[0] == "gate":
        trial.arguments.append("out.wav")
    if trial.chance(0.4):
        trial.stdout = "/dev/full"
    else:
        trial.closed = tuple(fd for fd in (0, 1, 2) if trial.chance(0.5))


def ascii_terminal(trial: Trial) -> None:
    """The terminal knows no letters beyond ASCII."""
    odd_names(trial)
    trial.encoding = "ascii"


def odd_names(trial: Trial) -> None:
    """Names that a terminal would act upon, and a good recording beside."""
    name = NAMES[trial.rng.integers(len(NAMES))]
    material.good(trial.folder)
    material.good(trial.folder, name)
    if trial.chance(0.3):
        (trial.folder / name).write_text("no audio")
    before = ["--"] if name.startswith("-") else []
    if trial.chance(0.5):
        trial.arguments = ["inspect", *(["--json"] if trial.chance(0.5) else []), *before, name, "good.wav"]
    else:
        trial.arguments = ["gate", "-o", "results", *before, name, "good.wav"]
        trial.results = ("results/good_gate.wav",)


def later(delay_s: float, act: Callable[[], object]) -> None:
    timer = threading.Timer(delay_s, act)
    timer.daemon = True
    timer.start()


def signalled(trial: Trial) -> None:
    """A signal comes at some time."""
    long(trial)
    number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[trial.rng.integers(3)]
    trial.arguments = command(trial)
    trial.codes = (0, 128 + number)
    delay_s = trial.rng.uniform(0, 1.5)

    def run() -> int:
        os.set_blocking(os.dup(2), True)
        done = threading.Event()
        later(delay_s, lambda: done.is_set() or os.kill(os.getpid(), number))
        try:
            return trial.command()
        finally:
            done.set()

    trial.run = run


def killed(trial: Trial) -> None:
    """The process is killed; the next run must clean up after it."""
    long(trial)
    trial.arguments = command(trial)
    delay_s = trial.rng.uniform(0.05, 1.0)

    def run() -> int:
        child = os.fork()
        if child == 0:
            trial.command()
            os._exit(0)
        time.sleep(delay_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for name in ("out", "err"):
            (trial.notes / name).unlink(missing_ok=True)
        trial.arguments.append("-f")
        return trial.command()

    trial.run = run


def replaced(trial: Trial) -> None:
    """One input of two changes while it is read."""
    long(trial)
    long(trial, 3.0, "odd.wav")
    path = trial.folder / "odd.wav"
    seed = material.files(trial.seeds)[trial.rng.integers(len(material.files(trial.seeds)))]
    acts: list[Callable[[], object]] = [
        path.unlink,
        lambda: os.truncate(path, 1000),
        lambda: os.truncate(path, 0),
        lambda: os.truncate(path, 10**7),
        lambda: shutil.copy(seed, path),
        lambda: os.replace(path, trial.folder / "away.wav"),
        lambda: (path.unlink(), path.mkdir()),
        lambda: path.write_bytes(trial.rng.bytes(5000)),
    ]
    act = acts[trial.rng.integers(len(acts))]
    trial.changing = True
    trial.arguments = [
        *trial.pick("gate", "master", "clean", "leveller").split(),
        "odd.wav",
        "good.wav",
        "-o",
        "results",
    ]
    trial.results = (f"results/good_{trial.arguments[0]}.wav",)
    delay_s = trial.rng.uniform(0, 0.4)

    def run() -> int:
        later(delay_s, act)
        return trial.command()

    trial.run = run


def no_recording(trial: Trial) -> None:
    """Something else than a file is named, beside a good one."""
    material.good(trial.folder)
    odd = trial.folder / "odd.wav"
    match int(trial.rng.integers(7)):
        case 0:
            odd.mkdir()
        case 1:
            os.mkfifo(odd)
        case 2:
            odd.symlink_to("odd.wav")
        case 3:
            odd.symlink_to("/dev/zero")
        case 4:
            odd.symlink_to("/proc/self/mem")
        case 5:
            odd.symlink_to("/dev/null")
        case 6:
            odd.write_text("#EXTM3U\n#EXTINF:1,x\ngood.wav\n")
            odd.rename(odd.with_suffix(".m3u8"))
            odd.symlink_to("odd.m3u8")
    trial.arguments = ["gate", "odd.wav", "good.wav", "-o", "results"]
    trial.results = ("results/good_gate.wav",)
