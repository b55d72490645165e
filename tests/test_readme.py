"""What README and examples say can be typed."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path

import pytest
import soundfile
from films import film
from recordings import EXAMPLE, MAIN, ROOT, invoke, voice, write

from aural.audio.writing import write_audio
from aural.cache import cache_folder
from aural.signals import Format
from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", README)
LINES = [
    re.split(r"\s{3,}", line)[0]
    for language, block in BLOCKS
    for line in block.splitlines()
    if not language and "aural " in line and not line.startswith(("python3 ", " ", "aural app", "aural shortcut"))
]  # the app runs until it is ended, and its shortcut is put into the home of the user: tests/cli/app


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the files that the README speaks of."""
    files = tmp_path_factory.mktemp("files")
    shutil.copy(EXAMPLE, files / "memo.m4a")
    write_audio(files / "in.m4a", [voice(4.0, 2)], Format(48000, 2))
    shutil.copytree(ROOT / "examples", files / "examples")
    shutil.copy(write(files / "in.wav", voice(4.0, 2)), files / "talk.mkv")
    for name in ("reference", "a", "b"):
        (files / name).mkdir()
        write(files / name / "one.wav", voice(2.0))
        write(files / f"{name}.wav", voice(2.0))
    film(files / "talk.mp4", voice(4.0))
    (files / "recordings" / "monday").mkdir(parents=True)
    write(files / "recordings" / "monday" / "talk.wav", voice(2.0))
    for name in ("song.mp3", "old.mp3"):
        soundfile.write(files / name, voice(4.0, 2).T, 44100, format="MP3")
    (files / "stems").mkdir()
    for name in ("vocals", "guitar"):
        write(files / "stems" / f"{name}.wav", voice(4.0, 2))
    return files


@pytest.fixture
def folder(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy them to a folder of the test's own, and go there."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_list_of_commands_was_found() -> None:
    assert len(LINES) >= 8


def typed(text: str, folder: Path) -> None:
    """Run what a user types, with this Python and this AURAL."""
    commands = folder / "bin"
    commands.mkdir()
    for name, call in (("aural", f'-c "{MAIN}"'), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        (commands / name).chmod(0o755)
    caches = {"AURAL_CACHE": str(folder / "cache"), "NUMBA_CACHE_DIR": str(cache_folder() / "compiled")}
    env = {**os.environ, **caches, "PATH": f"{commands}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", LINES)
def test_command(folder: Path, line: str) -> None:
    if "ffmpeg" in line and not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    program, *arguments = shlex.split(line, comments=True)
    if program != "aural" or set(line) & set("|<>*"):  # a shell understands these
        typed(line, folder)
    else:
        code, _, err = invoke(*arguments)
        assert code == 0, err


def test_training_and_evaluating(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All within this process, and without DNSMOS, which would take a third of the time."""
    for package in ("lightning", "pesq", "pystoi"):
        pytest.importorskip(package, reason='needs pip install "aural[train,eval]"')
    quick = tuple(metric for metric in NoiseReductionEvaluation.metrics if metric.name != "DNSMOS")
    monkeypatch.setattr(NoiseReductionEvaluation, "metrics", quick)
    monkeypatch.setenv("AURAL_CACHE", str(folder / "cache"))
    (text,) = (block for language, block in BLOCKS if language == "sh")
    for line in text.splitlines():
        program, *words = shlex.split(line)
        arguments = [match for word in words for match in (sorted(glob(word)) or [word])]
        if program == "python":
            monkeypatch.setattr(sys, "argv", arguments)
            runpy.run_path(arguments[0], run_name="__main__")
        else:
            code, _, err = invoke(*arguments)
            assert code == 0, err
    assert "compact" in (folder / "scores.md").read_text()


def test_library_call(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = (block for language, block in BLOCKS if language == "python")
    exec(compile(code, "README.md", "exec"), {})
    assert "hum" in capsys.readouterr().out
    assert (folder / "memo.wav").is_file()


def test_chain_file(folder: Path) -> None:
    text, _ = (block for language, block in BLOCKS if language == "toml")
    (folder / "my.toml").write_text(text)
    for chain in ("my.toml", "examples/mid_and_sides.toml"):
        code, _, err = invoke("chain", "in.wav", "out.wav", "--chain", chain, "-f")
        assert (code, err) == (0, "")


def test_mix_file(folder: Path) -> None:
    _, text = (block for language, block in BLOCKS if language == "toml")
    (folder / "stems" / "song.toml").write_text(text)
    code, out, err = invoke("mix", "stems/song.toml", "-o", "song.wav")
    assert (code, err) == (0, "")
    assert "0.4 left" in out


def test_music_bed(folder: Path) -> None:
    shutil.copy(folder / "examples" / "music_bed.toml", folder / "stems")
    for name, other in (("voice", "vocals"), ("music", "guitar")):
        shutil.copy(folder / "stems" / f"{other}.wav", folder / "stems" / f"{name}.wav")
    code, out, err = invoke("mix", "stems/music_bed.toml", "-o", "show.wav")
    assert (code, err) == (0, "")
    assert "-14.0 dB while voice sounds" in out


def test_podcast(folder: Path) -> None:
    shutil.copy(folder / "examples" / "podcast.toml", folder / "stems")
    for name, other in (("host", "vocals"), ("guest", "vocals"), ("music", "guitar")):
        shutil.copy(folder / "stems" / f"{other}.wav", folder / "stems" / f"{name}.wav")
    code, out, err = invoke("mix", "stems/podcast.toml", "-o", "podcast.wav")
    assert (code, err) == (0, "")
    assert "of host and guest, -9.0 dB while only another speaks" in out
    assert "-12.0 dB while host or guest sounds" in out


@pytest.mark.parametrize(
    ("script", "results"),
    [
        ("one_stage.py", ["quieter.wav", "removed.wav"]),
        ("live.py", ["live.wav"]),
        ("karaoke.py", ["karaoke.wav"]),
        ("rehearsal.py", ["rehearsal.wav"]),
    ],
)
def test_example(folder: Path, script: str, results: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script, "memo.m4a", *results])
    runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    frames = {soundfile.info(result).frames for result in results}
    assert len(frames) == 1
    assert frames.pop() > 20 * 44100


@pytest.mark.parametrize("script", ["one_stage.py", "live.py", "karaoke.py", "rehearsal.py"])
def test_an_example_without_arguments_says_what_it_takes(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    assert end.value.code == 2
    assert f"usage: {script} [-h] " in capsys.readouterr().err


@pytest.mark.parametrize("script", ["one_stage.py", "live.py", "karaoke.py", "rehearsal.py"])
def test_an_example_overwrites_nothing(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "song.wav").write_bytes(b"mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, "song.wav", *["song.wav"] * (1 + (script == "one_stage.py"))])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    assert end.value.code == 2
    assert "song.wav exists already" in capsys.readouterr().err
    assert (tmp_path / "song.wav").read_bytes() == b"mine"


def test_the_notebook_runs_and_shows_what_it_ends_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason='needs pip install "aural[plot]"')
    matplotlib.use("Agg")
    monkeypatch.chdir(folder / "examples")
    cells = json.loads((ROOT / "examples" / "memo.ipynb").read_text("utf-8"))["cells"]
    space: dict[str, object] = {}
    shown = []
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        *body, last = ast.parse("".join(cell["source"])).body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(body, []), "memo.ipynb", "exec"), space)
        shown.append(eval(compile(ast.Expression(last.value), "memo.ipynb", "eval"), space))
    assert [type(value).__name__ for value in shown] == ["Diagnosis", "Cleaned", "Chain", "Figure", "Axes"]
    assert (Path(str(space["folder"])) / "memo.html").is_file()
    shutil.rmtree(str(space["folder"]))
