"""Files appear complete or not at all; what exists is spared; what dead processes leave is swept."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from recordings import voice, write

from aural import AudioError, Chain, Format
from aural.audio.atomic import Results, write_text
from aural.audio.files import read
from aural.audio.leftovers import create, scratch, sweep
from aural.audio.writing import write_audio
from aural.cleaning.processing import process
from aural.cleaning.stems import separate
from aural.errors import TargetExists
from aural.stream import Watch

KILLED = """
import sys, time
from aural.audio.atomic import Results
from aural.audio.leftovers import scratch
with Results(True) as results, scratch() as folder:
    results.open(sys.argv[1]).write(b"half")
    print(folder, flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nothing_is_seen_until_all_is_complete(tmp_path: Path) -> None:
    with Results(replace=False) as results:
        for name in ("a.txt", "b.txt"):
            results.open(tmp_path / name).write(name.encode())
        assert not [name for name in names(tmp_path) if not name.startswith(".aural-")]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "a.txt", "b.txt": "b.txt"}


def two(folder: Path, then: Callable[[], object]) -> None:
    with Results(replace=False) as results:
        results.open(folder / "a.txt").write(b"a")
        results.open(folder / "b.txt").write(b"b")
        then()


def test_one_that_fails_takes_the_others_along(tmp_path: Path) -> None:
    def fail() -> None:
        raise AudioError("no more")

    with pytest.raises(AudioError, match="no more"):
        two(tmp_path, fail)
    assert names(tmp_path) == []


def test_a_file_made_meanwhile_is_spared(tmp_path: Path) -> None:
    with pytest.raises(TargetExists, match=r"b.txt: exists already"):
        two(tmp_path, lambda: (tmp_path / "b.txt").write_text("precious"))
    assert (names(tmp_path), (tmp_path / "b.txt").read_text()) == (["b.txt"], "precious")


class Rival(Watch):
    """Makes a file while a recording goes by."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, blocks, source):  # type: ignore[no-untyped-def]
        for block in blocks:
            self.path.write_text("precious")
            yield block


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_result_made_by_another_run_is_spared(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import aural

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "not on this file system")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path, target = write(tmp_path / "a.wav", voice(0.5)), tmp_path / "b.wav"
    stage = aural.create("gate")
    with pytest.raises(TargetExists):
        process(Chain((stage,)), path, target, watch=Rival(target))
    assert (names(tmp_path), target.read_text()) == (["a.wav", "b.wav"], "precious")
    target.unlink()
    process(Chain((stage,)), path, target)
    assert read(target)[0].shape == (1, 24000)
    assert names(tmp_path) == ["a.wav", "b.wav"]


def test_stems_appear_together(tmp_path: Path) -> None:
    import aural

    path = write(tmp_path / "a.wav", voice(0.5, 2))
    folder = tmp_path / "stems"
    with pytest.raises(TargetExists):
        separate(
            aural.create("source-separation", engine="center"), path, folder, watch=Rival(folder / "a_sides.wav")
        )
    assert names(folder) == ["a_sides.wav"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "b.txt", tmp_path / "a.txt"
    real.write_text("old")
    link.symlink_to(real)
    with pytest.raises(TargetExists):
        write_text(link, "new", replace=False)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert (names(tmp_path), names(real.parent)) == (["a.txt", "there"], ["b.txt"])


def test_links_that_lead_astray_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "nothing.wav")
    with pytest.raises(AudioError, match=r"a.wav: is a link to .*nothing.wav, which does not exist"):
        write_audio(tmp_path / "a.wav", [voice(0.1)], Format(48000, 1))
    (tmp_path / "song.mp3").write_text("precious")
    (tmp_path / "b.wav").symlink_to(tmp_path / "song.mp3")
    with pytest.raises(AudioError, match=r"b.wav: is a link to .*song.mp3, which is another kind of file"):
        write_audio(tmp_path / "b.wav", [voice(0.1)], Format(48000, 1))
    (tmp_path / "c.wav").symlink_to(tmp_path / "c.wav")
    with pytest.raises(AudioError, match=r"c.wav: "):
        write_audio(tmp_path / "c.wav", [voice(0.1)], Format(48000, 1))
    assert (tmp_path / "song.mp3").read_text() == "precious"
    assert names(tmp_path) == ["a.wav", "b.wav", "c.wav", "song.mp3"]


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(AudioError, match=r"a.wav: is a pipe or a device; name the output -"):
        write_audio(tmp_path / "a.wav", [voice(0.1)], Format(48000, 1))
    assert (tmp_path / "a.wav").is_fifo()


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("of_input", "of_result"), [(0o600, 0o600), (0o640, 0o640), (0o444, 0o644), (0o777, 0o644)])
def test_a_result_is_as_readable_as_its_input(tmp_path: Path, of_input: int, of_result: int) -> None:
    (tmp_path / "in").write_text("")
    (tmp_path / "in").chmod(of_input)
    with Results(replace=False, likes=[tmp_path / "in"]) as results:
        part = results.open(tmp_path / "out")
        assert mode(part.name) == of_result  # nor is it before it is complete
    assert mode(tmp_path / "out") == of_result


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    for wanted in (0o640, 0o600, 0o444, 0o666):
        (tmp_path / "a.txt").touch()
        (tmp_path / "a.txt").chmod(wanted)
        write_text(tmp_path / "a.txt", "new")
        assert (mode(tmp_path / "a.txt"), (tmp_path / "a.txt").read_text()) == (wanted, "new")


def killed(folder: Path, scratches: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that writes to a folder; return it with its temporary folder."""
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, folder / "a.wav"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(scratches)},
    )  # fmt: skip
    assert run.stdout
    return run, Path(run.stdout.readline().strip())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_what_a_dead_process_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    work, scratches = tmp_path / "work", tmp_path / "scratch"
    work.mkdir()
    scratches.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratches))
    mine = [".b.part.wav", ".aural-1234abcd.part", "aural-notes", ".aural-12345678.part.wav.bak"]
    for name in (mine[0], mine[2], mine[3]):
        (work / name).write_text("precious")
    (scratches / "aural-projects").mkdir()
    run, folder = killed(work, scratches)
    half = next(work.glob(".aural-????????.part.wav"))
    write_text(work / "b.txt", "")
    with scratch():
        pass
    assert half.exists()  # its owner lives
    assert folder.exists()
    run.send_signal(number)
    run.wait(timeout=30)
    assert half.exists()
    write_text(work / "c.txt", "")
    with scratch():
        pass
    assert names(work) == sorted([mine[0], mine[2], mine[3], "b.txt", "c.txt"])
    assert names(scratches) == ["aural-projects"]


def test_no_unfinished_file_of_this_process_is_swept(tmp_path: Path) -> None:
    with Results(replace=False) as results:
        part = results.open(tmp_path / "a.txt")
        sweep(tmp_path)
        assert part.name.exists()
        part.write(b"whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_file_that_another_run_sweeps_as_it_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removing, begin, remove = threading.Event(), os.open, os.unlink

    def slowly(path: str) -> None:
        removing.set()
        time.sleep(0.1)
        remove(path)

    def begun(path: Path, flags: int, *mode: int) -> int:
        descriptor = begin(path, flags, *mode)
        if flags & os.O_CREAT and not removing.is_set():
            threads.submit(sweep, tmp_path)  # it finds the file before that has its lock
            assert removing.wait(30)
        return descriptor

    monkeypatch.setattr(os, "unlink", slowly)
    monkeypatch.setattr(os, "open", begun)
    with ThreadPoolExecutor() as threads:
        name, descriptor = create(tmp_path / "a.wav", 0o600)
    assert names(tmp_path) == [name.name]
    os.close(descriptor)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    write_audio(tmp_path / f"{'a' * 251}.wav", [voice(0.1)], Format(48000, 1))
    with pytest.raises(AudioError, match=r"a.wav: cannot be written: file name too long$"):
        write_audio(tmp_path / f"{'a' * 252}.wav", [voice(0.1)], Format(48000, 1))
    assert names(tmp_path) == [f"{'a' * 251}.wav"]


@pytest.mark.parametrize("name", ["b.wav", "b.flac", "b.m4a", "b.mp3", "b.opus", "b.aiff", "b.txt"])
def test_a_limit_of_size_is_said(tmp_path: Path, name: str) -> None:
    script = f"""
import resource, sys
import numpy as np
from aural import AudioError, Format
from aural.audio.atomic import write_text
from aural.audio.writing import write_audio
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = (0.1 * np.random.default_rng(0).standard_normal((2, 480_000))).astype("f4")
try:
    write_text("{name}", "x" * 100_000) if "{name}" == "b.txt" else write_audio("{name}", [noise], Format(48000, 2))
except AudioError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == (f"{name}: cannot be written: a file may not become so large here\n", "")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only file system"),
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.ENOENT, "no file can be made there"),
    ],
)
def test_errors_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/a/b/.aural-12345678.part.wav")

    for function in ("open", "fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, refuse)
            with pytest.raises(AudioError, match=f"^{re.escape(str(tmp_path))}/a.wav: cannot be written: {why}$"):
                write_audio(tmp_path / "a.wav", [voice(0.1)], Format(48000, 1))
    assert names(tmp_path) == []


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def blocks() -> Iterator[np.ndarray]:
        yield voice(0.1)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    with pytest.raises(AudioError, match=r"a.wav: cannot be written: its folder does not exist any more"):
        write_audio(folder / "a.wav", blocks(), Format(48000, 1))
