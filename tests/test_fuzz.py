"""A minute of what `make fuzz` does for an hour: damaged and senseless input, of which nothing bad may come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each run is a fork")
def test_nothing_bad_comes_of_bad_input(tmp_path: Path) -> None:
    support = Path(__file__).parent / "support"
    command = [sys.executable, "-m", "fuzz", "--runs", "104", "--minutes", "1", "--keep", str(tmp_path / "findings")]
    run = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(support)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "findings" in run.stdout
