"""Faults of the machine: full disks, signals while a result is written; nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from recordings import MAIN, refused, voice, write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 KB, where that is possible."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["b.wav", "b.flac", "b.m4a"])
def test_disk_full(tmp_path: Path, small_disk: Path, name: str) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 20 * 48000))
    path = write(tmp_path / "a.wav", noise)
    refused(tmp_path, "no space left on the disk", "master", path, small_disk / name, "--gain-db", "0")
    assert not list(small_disk.iterdir())


def test_disk_of_the_spool_full(tmp_path: Path, small_disk: Path) -> None:
    path = write(tmp_path / "a.wav", voice(10))
    run = subprocess.run(
        [sys.executable, "-c", MAIN, "chain", path, tmp_path / "b.wav", "frequency-expansion", "master"],
        env={**os.environ, "TMPDIR": str(small_disk)}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 2
    assert "no space left on the disk that holds temporary files; set TMPDIR" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "b.wav").exists()


def test_a_disk_that_holds_one_stem_of_two(tmp_path: Path, small_disk: Path) -> None:
    path = write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal((2, 48000)))
    sentence = "a_sides.wav: cannot be written: no space left on the disk"
    refused(tmp_path, sentence, "source-separation", path, small_disk, "--engine", "center")
    assert not list(small_disk.iterdir())


@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        (signal.SIGINT, []),
        (signal.SIGINT, ["b.wav", "-j", "2", "--save-removed"]),
        (signal.SIGTERM, []),
        (signal.SIGHUP, ["b.wav", "-j", "2"]),
    ],
)
def test_interrupt(tmp_path: Path, number: signal.Signals, arguments: list[str]) -> None:
    path = write(tmp_path / "a.wav", np.tile(voice(10), 2))
    if arguments:
        os.link(path, tmp_path / "b.wav")
    run = subprocess.Popen(
        [sys.executable, "-c", MAIN, "clean", "a.wav", *arguments], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )  # fmt: skip
    deadline = time.monotonic() + 180
    while not list(tmp_path.glob(".*.part.*")) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    assert time.monotonic() < deadline  # something is being written
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert err.splitlines()[-1] == f"aural: {how}; nothing was left half-written"
    assert "Traceback" not in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav", *arguments[:1]]
