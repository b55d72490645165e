"""Stages register by entry point: AURAL's own and a stranger's alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recordings import EXAMPLE

import aural
from aural import registry, stages

PACKAGE = Path(__file__).parent.parent / "third_party"


@pytest.fixture(scope="module")
def with_tremolo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the stranger's package into a folder; return an environment that sees it."""
    folder = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for file in ("pyproject.toml", "aural_tremolo.py"):
        (source / file).write_text((PACKAGE / file).read_text())
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", folder, source], check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(folder)}


def run(env: dict[str, str], *command: object) -> str:
    done = subprocess.run([sys.executable, *map(str, command)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_strangers_stage_is_a_command(with_tremolo: dict[str, str]) -> None:
    script = "from aural.cli.main import main; import sys; sys.argv = ['aural', *sys.argv[1:]]; main()"
    assert "Modulate the level periodically." in run(with_tremolo, "-c", script, "stages")
    assert "--depth-db dB" in run(with_tremolo, "-c", script, "tremolo", "--help")


def test_a_strangers_stage_keeps_the_contract(with_tremolo: dict[str, str]) -> None:
    run(with_tremolo, "-c", "import aural, aural.testing as t; t.check_stage(aural.create('tremolo', rate_hz=3))")


def test_a_strangers_stage_advises_in_aural_clean(with_tremolo: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('[[stage]]\nuse = "tremolo"\n')
    script = "from aural.cli.main import main; import sys; sys.argv = ['aural', *sys.argv[1:]]; main()"
    shown = run(
        with_tremolo, "-c", script, "clean", EXAMPLE, "-n", "-o", tmp_path / "a.wav", "-p", tmp_path / "my.toml"
    )
    assert "- tremolo               tremolo is not for voices" in shown


def test_a_strangers_stream_gets_no_block_but_those_of_its_signal(with_tremolo: dict[str, str]) -> None:
    script = """
import aural, numpy as np
stream = aural.create("tremolo").open(aural.Format(48000, 2))
for wrong in (np.zeros((100, 2)), np.full((2, 10), np.nan), np.zeros((2, 10), int)):
    try:
        stream.push(wrong)
    except aural.AudioError as error:
        print(error)
"""
    said = run(with_tremolo, "-c", script).splitlines()
    assert len(said) == 3
    assert "got (100, 2); pass x.T" in said[0]


def test_all_stages_are_there() -> None:
    assert {
        "de-esser",
        "dynamic-compression",
        "equaliser",
        "frequency-expansion",
        "frequency-generation",
        "gate",
        "leveller",
        "master",
        "noise-reduction",
        "source-separation",
    } <= set(registry.names())
    for name in registry.names():
        assert registry.stage_class(name).name == name


def test_stages_can_be_imported_by_name() -> None:
    imported = {getattr(stages, name) for name in stages.__all__}
    assert imported == {registry.stage_class(name) for name in registry.names()}
    assert set(stages.__all__) <= set(dir(stages))
    shown_to_editors = Path(stages.__file__).read_text().split("if TYPE_CHECKING:")[1].split("\n\n")[0]
    assert {line.split()[-1] for line in shown_to_editors.strip().splitlines()} == set(stages.__all__)
    script = (
        "import sys; from aural.stages import Master; sys.exit(bool({'torch', 'numba', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_what_a_program_needs_stands_in_the_package() -> None:
    assert set(aural.__all__) <= set(dir(aural))
    assert {"clean", "inspect", "read", "write", "Mix", "Track"} <= set(aural.__all__)


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(aural.ChainError, match=r"no stage called 'mastr'; did you mean 'master'\?"):
        aural.create("mastr")
    with pytest.raises(
        aural.ParameterError, match=r"master: no parameter called 'target_luf'; did you mean 'target_lufs'"
    ):
        aural.create("master", target_luf=-16)
