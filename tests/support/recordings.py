"""Recordings for tests, made on the spot, and the command line as a user types it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile

from aural.cli.main import main
from aural.signals import Block
from aural.testing import SAMPLE_RATE, probe

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "phone_memo.m4a"
CORPUS = Path(os.environ.get("AURAL_CORPUS", ROOT.parent / "shared" / "audio"))
MAIN = "import sys; from aural.cli.main import main; sys.argv[0] = 'aural'; main()"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no recordings in {CORPUS}; set AURAL_CORPUS")


def voice(seconds: float = 3.0, channels: int = 1) -> Block:
    """Return a voice-like signal over noise and hum, float32 (channels, frames)."""
    return probe("voice", seconds, channels)


def loud(seconds: float, seed: int = 0, rate: int = SAMPLE_RATE) -> Block:
    """Return noise that goes up and down by 40 dB, with peaks near full scale, float32 (1, frames)."""
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.uniform(-40, 0, 1 + round(8 * seconds)), rate // 8)[: round(seconds * rate)]
    noise = 0.3 * rng.standard_normal(len(steps)) * 10 ** (steps / 20)
    return noise[None].astype(np.float32)


def write(path: Path, audio: Block, sample_rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> Path:
    """Write audio to a file and return its path."""
    soundfile.write(path, np.asarray(audio).T, sample_rate, subtype)
    return path


def aural(
    *arguments: object, cwd: Path | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-c", MAIN, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )


def invoke(*arguments: object) -> tuple[int, str, str]:
    """Run the command within this process, which is faster: (exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "argv", ["aural", *map(str, arguments)]):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


def refused(tmp_path: Path, sentence: str, *arguments: object) -> None:
    """Run the command; it must say the sentence and leave the folder as it was."""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
