"""Compiled loops need no cache: not where nothing can be written, and not where it is damaged."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recordings import EXAMPLE, MAIN, ROOT, voice, write

TEN_TWICE = """
from aural.dsp.compiled import njit

@njit()
def twice(x):
    return 2 * x

if __name__ == "__main__":
    print(twice(10), type(twice._cache).__name__, sum(twice.stats.cache_hits.values()))
"""
NOWHERE = """
import errno
from numba.core import caching

def refuse(self):
    raise OSError(errno.EROFS, "Read-only file system")

caching._CacheLocator.ensure_cache_path = refuse
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "twice.py").write_text(TEN_TWICE)
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return tmp_path / "twice.py"


def run(*command: object, **environment: str) -> str:
    """Run Python; return what it prints, if it prints nothing but that."""
    done = subprocess.run(
        [sys.executable, *map(str, command)], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def cached(module: Path) -> list[Path]:
    return sorted((module.parent / "cache").rglob("*.nb?"))


def test_what_was_compiled_is_kept(module: Path) -> None:
    assert [run(module) for _ in range(2)] == ["20 Cache 0", "20 Cache 1"]
    assert len(cached(module)) == 2
    assert not (module.parent / "__pycache__").exists(), "what is left there would shadow another installation"


@pytest.mark.parametrize("damage", [b"", b"no pickle", None], ids=["empty", "nonsense", "cut short"])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_damaged_cache_is_made_anew(
    module: Path, suffix: str, damage: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    def again() -> str:
        """Run the module within this process, with loops that are made anew."""
        runpy.run_path(str(module), run_name="__main__")
        return capsys.readouterr().out.strip()

    assert again() == "20 Cache 0"
    (file,) = (path for path in cached(module) if path.suffix == suffix)
    file.write_bytes(file.read_bytes()[:40] if damage is None else damage)
    assert [again() for _ in range(2)] == ["20 Cache 0", "20 Cache 1"]


def test_no_place_for_a_cache_is_no_error(module: Path) -> None:
    refused = f"import runpy; {NOWHERE}\nrunpy.run_path({str(module)!r}, run_name='__main__')"
    assert run("-c", refused.replace("import runpy; ", "import runpy\n")) == "20 NullCache 0"


def test_a_full_disk_is_no_error(module: Path) -> None:
    full = """
import errno, runpy
from numba.core import caching

def refuse(self, path):
    raise OSError(errno.ENOSPC, "No space left on device")

caching.IndexDataCacheFile._open_for_write = refuse
"""
    assert run("-c", f"{full}\nrunpy.run_path({str(module)!r}, run_name='__main__')") == "20 Cache 0"


def test_a_stage_runs_where_nothing_but_the_result_can_be_written(tmp_path: Path) -> None:
    source, target = write(tmp_path / "memo.wav", voice(2.0)), tmp_path / "even.wav"
    typed = ["aural", "dynamic-compression", str(source), str(target)]
    code = f"{NOWHERE}\nimport sys\nsys.argv = {typed!r}\n{MAIN}"
    run("-c", code.replace("; sys.argv[0] = 'aural'", ""), HOME="/nonexistent", XDG_CACHE_HOME="/proc/none")
    assert target.stat().st_size > 100_000


@pytest.mark.skipif(not shutil.which("setpriv") or os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_user_without_a_home_cleans_the_example_with_a_package_of_root(tmp_path: Path) -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    if subprocess.run([*nobody, "-c", "import aural, numba"], env=environment, capture_output=True).returncode:
        pytest.skip("nobody can read this package")
    shutil.copy(EXAMPLE, tmp_path / "memo.m4a")
    done = subprocess.run(
        [*nobody, "-c", MAIN, "clean", "memo.m4a"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memo.m4a", "memo_clean.wav"]
