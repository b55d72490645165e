"""What surrounds a run: names and tags in the terminal, locales, closed and full streams, processes, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from killed import doubled, half_written, killing, threads
from recordings import MAIN, aural, invoke, voice, write

from aural.cli import work
from aural.cli.jobs import Batch, Job, Outcome
from aural.cli.processes import Died, in_processes
from aural.cli.terminal import sentence
from aural.errors import AuralError
from aural.markup import visible

CURE = "run aural --debug ... to see where"
ODD = "new\nline \x1b[31mred\x9b1m \u202egnp.wav"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which $AURAL is the command."""
    line = line.replace("$AURAL", f'"{sys.executable}" -c "$MAIN"')
    env = {**os.environ, "MAIN": MAIN, **environment}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, timeout=120)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202e\u2066\u2028", r"\u202e\u2066\u2028"),
        ("\udcff", r"\udcff"),
        ("naïve – 音声 😀 [live]", "naïve – 音声 😀 [live]"),
    ],
)
def test_a_terminal_obeys_nothing_in_a_name(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_names_are_one_line_each(tmp_path: Path) -> None:
    good, bad = write(tmp_path / ODD, voice(0.5)), tmp_path / f"no {ODD}"
    code, out, err = invoke("gate", good, bad, "-o", tmp_path / "out")
    assert code == 1
    name = r"new\nline \x1b[31mred\x9b1m \u202egnp"
    assert out.splitlines()[0] == f"{tmp_path}/{name}.wav -> {tmp_path}/out/{name}_gate.wav  gate"
    assert err == f"aural: {tmp_path}/no {name}.wav: no such file or directory\n"


def test_json_is_ascii_and_a_name_comes_back_from_it(tmp_path: Path) -> None:
    name = os.fsdecode("naïve ".encode() + b"\xff\x7f.wav")
    recording = write(tmp_path / "a.wav", voice(0.5))
    _, out, _ = invoke("clean", "-n", "--json", recording, "-o", tmp_path / name)
    assert out.isascii()
    assert "\x7f" not in out
    assert json.loads(out)["target"] == str(tmp_path / name)


def test_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(0.5))
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    run = shell("$AURAL gate é.wav a.wav -o out", tmp_path, **ascii_only)
    assert run.returncode == 1
    assert run.stderr == b"aural: \\udcc3\\udca9.wav: no such file or directory\n"
    assert run.stdout.startswith(b"a.wav -> out/a_gate.wav  gate\n1 done, 1 failed, 0:")
    run = shell("$AURAL gate a.wav -o é.wav", tmp_path, LC_ALL="C.UTF-8", PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stdout) == (0, b"a.wav -> \\xe9.wav\n  gate\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(tmp_path: Path, closed: str) -> None:
    write(tmp_path / "a.wav", voice(0.5))
    run = shell(f"$AURAL gate a.wav no.wav -o out {closed}", tmp_path)
    assert run.returncode == 1
    assert run.stderr == (b"" if "2>" in closed else b"aural: no.wav: no such file or directory\n")
    assert run.stdout.splitlines()[:1] == (
        [] if ">&-" in closed.replace("2>", "") else [b"a.wav -> out/a_gate.wav  gate"]
    )
    assert (tmp_path / "out" / "a_gate.wav").read_bytes().startswith(b"RIFF")


def test_audio_to_a_stream_that_is_closed(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(0.5))
    run = shell("$AURAL gate a.wav -o - >&-", tmp_path)
    assert (run.returncode, run.stderr) == (2, b"aural: standard output: is closed\n")
    run = shell("$AURAL gate - out.wav <&-", tmp_path)
    assert (run.returncode, run.stderr) == (2, b"aural: standard input: is empty (0 bytes)\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("arguments", ["stages", "gate a.wav -o -", "inspect a.wav", "--help", "gate a.wav b.wav"])
def test_output_to_a_full_disk(tmp_path: Path, arguments: str) -> None:
    write(tmp_path / "a.wav", voice(0.5))
    run = shell(f"$AURAL {arguments} > /dev/full", tmp_path)
    assert (run.returncode, run.stderr) == (2, b"aural: standard output: no space left on device\n")
    run = shell(f"$AURAL {arguments} 2> /dev/full >/dev/null", tmp_path)
    assert run.returncode == 2 * ("b.wav" in arguments)  # b.wav is there by now


def test_a_reader_that_goes_is_no_error_worth_a_word(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(20.0))
    assert shell("$AURAL gate a.wav -o - | head -c 9 >&2", tmp_path).stderr.startswith(b"RIFF")


def test_an_error_of_our_own_is_a_sentence_and_the_batch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aural.cleaning import processing

    real = processing.open_audio  # type: ignore[attr-defined]

    def failing(path: Path, *others: Any) -> Any:
        if path.name == "bug.wav":
            raise TypeError("that was not foreseen\nsecond line")
        return real(path, *others)

    monkeypatch.setattr(processing, "open_audio", failing)
    bug, good = write(tmp_path / "bug.wav", voice(0.5)), write(tmp_path / "good.wav", voice(0.5))
    wanted = f"aural: {bug}: an error of AURAL's own: TypeError: that was not foreseen; {CURE}\n"
    assert invoke("gate", bug, good, "-o", tmp_path / "out")[0::2] == (1, wanted)
    assert (tmp_path / "out" / "good_gate.wav").is_file()
    assert invoke("gate", bug, tmp_path / "b.wav")[0::2] == (2, wanted)
    code, _, err = invoke("--debug", "gate", bug, tmp_path / "b.wav")
    assert code == 2
    assert err.startswith("Traceback")
    assert "in failing" in err
    assert err.endswith(wanted)


def test_an_error_outside_of_any_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aural.registry.names", lambda: 1 / 0)
    wanted = f"aural: an error of AURAL's own: ZeroDivisionError: division by zero; {CURE}\n"
    assert invoke("stages") == (2, "", wanted)
    assert "Traceback" in invoke("--debug", "stages")[2]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(36, "File name too long", "a.wav"), "a.wav: file name too long"),
        (PermissionError(13, "Permission denied", b"a\xff.wav"), "a\udcff.wav: permission denied"),
        (OSError(5, "Input/output error"), "x.wav: input/output error"),
        (OSError(28, "No space left on device"), "no space left on the disk that holds temporary files; set TMPDIR"),
        (MemoryError(), "x.wav: out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "x.wav: out of memory"),
        (AuralError("as it is", path="y.wav"), "y.wav: as it is"),
        (AuralError("as it is", stage="gate"), "x.wav: gate: as it is"),
        (RecursionError(), "x.wav: an error of AURAL's own: RecursionError; run"),
    ],
)
def test_sentences(error: Exception, said: str) -> None:
    assert sentence(error, "x.wav").startswith(said)


def test_usage_is_one_sentence() -> None:
    wanted = "aural: no such option '--nonsense'; see aural clean --help\n"
    assert invoke("clean", "--nonsense") == (2, "", wanted)
    code, out, err = invoke("gate", "", "b.wav")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "a file has no empty name" in err
    code, _, err = invoke("gate", "a.wav", "b.wav", "-j", "0")
    assert code == 2
    assert err.startswith("aural: invalid value for '-j' / '--jobs': 0 is not in the range x>=1; see aural gate")


def what_is_no_recording(folder: Path) -> Iterator[tuple[str, Callable[[Path], object], str]]:
    yield "folder", Path.mkdir, "is a folder, not a recording"
    yield "pipe", os.mkfifo, "is a pipe"
    yield "loop", lambda path: path.symlink_to(path.name), "too many levels of symbolic links"
    yield "nothing", lambda path: None, "no such file or directory"
    yield "name", lambda path: None, "file name too long"


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "nothing", "name"])
def test_what_is_no_recording_stops_no_batch(tmp_path: Path, kind: str) -> None:
    make, said = next((make, said) for name, make, said in what_is_no_recording(tmp_path) if name == kind)
    bad, good = tmp_path / ("bad.wav" if kind != "name" else "b" * 300), write(tmp_path / "good.wav", voice(0.5))
    make(bad)
    code, out, err = invoke("gate", bad, good, "-o", tmp_path / "out")
    assert (code, len(err.splitlines()), len(out.splitlines())) == (1, 1, 2)
    assert said in err
    assert "[Errno" not in err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["good_gate.wav"]


def test_what_is_logged_of_standard_input_names_no_temporary_file(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wav", voice(1.0)).read_bytes()
    run = aural("master", "-", "b.wav", "--gain-db", "0", cwd=tmp_path, stdin=data[:48044])
    assert (run.returncode, run.stderr) == (
        0, "standard input: is cut short: ends at 0.5 s of 1.0 s; what is there is read\n"
    )  # fmt: skip


def test_a_process_that_is_killed_takes_no_other_file_with_it() -> None:
    results = list(in_processes([1, 2, 3, 4, 5, 6], doubled, 2))
    assert isinstance(results.pop(2), Died)
    assert results == [2, 4, 8, 10, 12]


def test_the_file_that_killed_its_process_is_named() -> None:
    jobs = [Job(Path(name)) for name in ("a.wav", "b.wav", "c.wav")]
    with work.run_jobs(jobs, killing, 2) as outcomes:
        first, second, third = outcomes
    assert (first.result, third.result) == ("a.wav", "c.wav")
    assert second.error == "b.wav: the process that worked on it was killed; there may be too little memory"


def test_whoever_stops_reading_leaves_nothing_half_written(tmp_path: Path) -> None:
    jobs = [Job(Path(name), tmp_path / name) for name in ("a.wav", "b.wav")]
    seen = []

    def gone(outcome: Outcome) -> None:
        seen.append((outcome.job, len(list(tmp_path.iterdir()))))  # the other one still goes on
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError), work.run_jobs(jobs, half_written, 2) as outcomes:
        work.show_outcomes(outcomes, gone, Batch(jobs))
    assert seen == [(jobs[0], 1)]
    assert not list(tmp_path.iterdir())


def test_no_more_processes_than_files_and_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(jobs: Any, work: Any, workers: int) -> Iterator[Any]:
        asked.append(workers)
        yield from map(work, jobs)

    monkeypatch.setattr("aural.cli.processes.in_processes", counted)
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    files = [write(tmp_path / f"{number}.wav", voice(0.5)) for number in range(4)]
    assert invoke("gate", *files, "-o", tmp_path / "out", "-j", "5000")[0] == 0
    assert invoke("gate", *files[:2], "-o", tmp_path / "two", "-j", "9" * 400)[0] == 0
    assert asked == [3, 2]


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("aural.cli.processes.cpu_count", lambda: 2)
    assert list(in_processes([1, 2], threads, 2)) == [1, 1]


def test_threads_that_wait_leave_their_core_to_other_processes() -> None:
    started = "import os; from aural.cli.main import main; main(); print(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    shown = subprocess.run([sys.executable, "-c", started, "stages"], env=environment, capture_output=True, text=True)
    assert shown.stdout.endswith("passive\n"), shown.stderr


@pytest.mark.parametrize("delay_ms", [0, 20, 60, 150])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts(tmp_path: Path, number: signal.Signals, delay_ms: int) -> None:
    begun = tmp_path / "begun"
    script = f"import sys, aural.cli.main; open({str(begun)!r}, 'w').close(); {MAIN.replace('import sys; ', '')}"
    command = [sys.executable, "-c", script, "clean", write(tmp_path / "a.wav", voice(2.0)), "-o", "b.wav"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not begun.exists():
        time.sleep(0.001)
    time.sleep(0.01 + delay_ms / 1000)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    how = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert err.strip() == f"aural: {how}; nothing was left half-written"
    assert not (tmp_path / "b.wav").exists()


def test_a_hang_up_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(5.0))
    line = "trap '' HUP; $AURAL clean a.wav -o b.wav & sleep 1; kill -HUP $!; wait $!; echo $?"
    assert shell(line, tmp_path).stdout.endswith(b"0\n")
    assert (tmp_path / "b.wav").exists()
