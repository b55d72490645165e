"""Progress in the terminal: files are counted, each at work is shown, and the time left is steady."""

from __future__ import annotations

import io
import math
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from killed import watching
from recordings import voice, write
from rich.console import Console

from aural.cli import progress
from aural.cli.jobs import Job
from aural.cli.work import run_jobs
from aural.signals import Format

ONE_SECOND = Format(48000, 1), np.zeros((1, 48000), np.float32)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what a terminal is sent."""
    terminal = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=terminal, force_terminal=True, width=100))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return terminal


def test_a_terminal_obeys_nothing_in_a_name(drawn: io.StringIO) -> None:
    with progress.progress([Path("song [live]\x1b[5m.wav")]):
        pass
    assert r"song [live]\x1b[5m.wav" in drawn.getvalue()


def test_files_are_counted_and_those_at_work_are_shown(tmp_path: Path, drawn: io.StringIO) -> None:
    files = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in "abc"]
    with progress.progress(files) as display:
        assert isinstance(display, progress.Display)
        source, block = ONE_SECOND
        for number, watch in enumerate(display.watches[:2]):
            watch.expect(2)
            list(watch([block] * (number + 1), source))
        display.watches[1].end()
        display.refresh()
    said = drawn.getvalue()
    assert "1 of 3 files" in said
    assert "50 %" in said
    assert "a.wav" in said
    assert "c.wav" not in said


@pytest.mark.parametrize("workers", [1, 2])
def test_files_in_other_processes_are_shown_too(
    tmp_path: Path, drawn: io.StringIO, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []
    displays: list[progress.Display] = []
    lifted = progress.Display.lifted

    def watched(display: progress.Display) -> AbstractContextManager[None]:
        displays.append(display)
        display.refresh()
        shown.append(display.rows[:, progress.DONE].sum())
        return lifted(display)

    monkeypatch.setattr(progress.Display, "lifted", watched)
    files = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in "abc"]
    with run_jobs([Job(file) for file in files], watching, workers) as outcomes:
        assert [outcome.result for outcome in outcomes] == ["a.wav", "b.wav", "c.wav"]
        assert not displays[-1].live.is_started  # the last word, such as JSON, is not drawn among the bars
    assert shown[-1] == 3
    assert "3 of 3 files" in drawn.getvalue()


def test_the_time_left_runs_down_steadily() -> None:
    left = progress.TimeLeft()
    share, said = 0.0, []
    for second in range(1, 400):  # passes over the signal take turns: three times as fast, and slow
        share += (3 if second // 20 % 2 else 1) / 800
        said.append(left.update(min(share, 1.0), second))
    assert math.isnan(said[0])
    steps = -np.diff(said[40:])
    assert steps.min() > -1.0
    assert steps.max() < 4.0
    assert said[-1] == pytest.approx(0, abs=2)
    assert math.isnan(left.update(1.0, 400))  # at the end, no time is left to speak of


def test_a_slow_start_is_soon_forgotten() -> None:
    left = progress.TimeLeft()
    said = [left.update(0.003 + 0.05 * max(0, second - 2), second) for second in range(2, 13)]
    assert said[0] > 600  # programs were loaded, and hardly anything else was done
    assert said[-1] < 20


@pytest.mark.parametrize(("seconds", "written"), [(0.4, "0:00"), (59.4, "0:59"), (61, "1:01"), (3723, "1:02:03")])
def test_clock(seconds: float, written: str) -> None:
    assert progress.clock(seconds) == written
