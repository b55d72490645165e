"""`aural shortcut`: what is written is what each system runs, and it opens the page."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from recordings import invoke

pytest.importorskip("starlette", reason='needs pip install "aural[app]"')
pytest.importorskip("uvicorn", reason='needs pip install "aural[app]"')
from aural.cli.app.shortcut import OPEN, written

ODD = 'C:\\a "b" $HOME `c` 100%\\python'


def read_entry(text: str) -> list[str]:
    """Read the command of a desktop entry as the specification says: first the value, then its quotes and fields."""
    (value,) = re.findall("(?m)^Exec=(.*)$", text)
    words = re.findall(r'"((?:\\.|[^"\\])*)"', re.sub(r"\\(.)", r"\1", value))
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "ONEDRIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_each_system_reads_the_command_that_was_meant(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [ODD, *OPEN]
    path, text = written("linux", command)
    assert path == home / ".local/share/applications/aural.desktop"
    assert read_entry(text) == command
    path, text = written("darwin", command)
    assert path == home / "Desktop/AURAL.command"
    assert shlex.split(text.splitlines()[1]) == ["exec", *command]
    path, text = written("win32", [r"C:\My Music 100%\python.exe", *OPEN])
    assert path == home / "Desktop/AURAL.bat"
    assert r'"C:\My Music 100%%\python.exe" -c "from aural.cli.main import main; main()" app --port 0' in text
    (home / "OneDrive" / "Desktop").mkdir(parents=True)
    monkeypatch.setenv("ONEDRIVE", str(home / "OneDrive"))
    assert written("win32", command)[0] == home / "OneDrive/Desktop/AURAL.bat"


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="reads what is written on Linux")
def test_a_double_click_opens_the_page_and_closing_the_window_ends_it(home: Path) -> None:
    code, out, err = invoke("shortcut")
    path = home / ".local/share/applications/aural.desktop"
    assert (code, out, err) == (0, f"{path}: opens the page of AURAL\n", "")
    assert invoke("shortcut")[0] == 2
    assert invoke("shortcut", "-f")[0] == 0
    browser = home / "browser.sh"
    browser.write_text(f"#!/bin/sh\necho $1 > {home}/new && mv {home}/new {home}/opened\n")
    browser.chmod(0o755)
    (home / "tmp").mkdir()
    env = {**os.environ, "BROWSER": f"{browser} %s", "TMPDIR": str(home / "tmp")}
    with subprocess.Popen(read_entry(path.read_text()), env=env, cwd=home, stdout=subprocess.PIPE) as app:
        try:
            while not (home / "opened").exists() and app.poll() is None:
                time.sleep(0.05)
            with urllib.request.urlopen((home / "opened").read_text().strip()) as page:
                assert b"Turns a poor recording into a good one" in page.read()
            app.send_signal(signal.SIGHUP)
            assert app.wait(20) == 128 + signal.SIGHUP
        finally:
            app.kill()
    assert not list((home / "tmp").iterdir())
