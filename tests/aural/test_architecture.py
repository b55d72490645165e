"""The arrows of the house: cli -> aural <- stages, and nothing else."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from aural import registry

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("torch", "librosa", "numba", "scipy", "demucs", "noisereduce", "lightning")


def imports(path: Path, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module or ""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", modules("aural"), ids=str)
def test_the_core_imports_neither_stages_nor_cli(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith(("aural.stages", "aural.cli"))]


@pytest.mark.parametrize("path", sorted((ROOT / "stages").rglob("*/*.py")), ids=str)
def test_no_stage_imports_another_or_the_cli(path: Path) -> None:
    room = path.relative_to(ROOT / "stages").parts[0]
    found = [name for name in imports(path) if name.startswith(("aural.stages", "aural.cli"))]
    assert all(name == "aural.stages" or name.startswith(f"aural.stages.{room}") for name in found), found


@pytest.mark.parametrize("path", modules("cli"), ids=str)
def test_the_cli_reaches_stages_only_through_the_registry(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("aural.stages")]


def module(path: Path) -> str:
    folder, *inner = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(["aural" if folder == "aural" else f"aural.{folder}", *inner]).removesuffix(".__init__")


def test_no_module_of_the_core_imports_itself_by_way_of_others() -> None:
    """Imports inside functions count: a circle that is hidden is a circle."""
    names = {module(path): path for path in modules("aural")}
    arrows = {
        name: {found for wanted in written_imports(path) if (found := nearest(wanted, names)) and found != name}
        for name, path in names.items()
        if name != "aural"
    }
    while free := [name for name, wanted in arrows.items() if not wanted & arrows.keys()]:
        for name in free:
            del arrows[name]
    assert not arrows


def written_imports(path: Path) -> Iterator[str]:
    """Give what a module imports when it runs, name by name; what only type checkers see is left out."""
    tree = ast.parse(path.read_text())
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in unseen:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import) and id(node) not in unseen:
            yield from (alias.name for alias in node.names)


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the module that a name is, or is defined in."""
    return next((part for part in (name, name.rpartition(".")[0]) if part in known and part != "aural"), None)


def texts(path: Path) -> Iterator[str]:
    """Give every text of a module that is not documentation."""
    tree = ast.parse(path.read_text())
    described = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


@pytest.mark.parametrize("path", [*modules("aural"), *modules("cli")], ids=str)
def test_the_core_and_the_cli_know_no_stage_by_name(path: Path) -> None:
    own = {"master"} if path.name in ("mixing.py", "mixfile.py") else set()  # the chain over a mix is called so
    assert not (set(texts(path)) & set(registry.names())) - own


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*/stage.py")), ids=str)
def test_stages_are_light_to_import(path: Path) -> None:
    assert not [name for name in imports(path, top_only=True) if name.split(".")[0] in HEAVY]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from aural.cli.commands import aural; aural.main(['--help'], standalone_mode=False);"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_setup_cfg_lists_every_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    names = {"aural": "aural", "stages": "aural.stages", "cli": "aural.cli"}
    found = {
        ".".join([names[folder], *init.parent.relative_to(ROOT / folder).parts])
        for folder in names
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == found
    assert "".join(config["options"]["package_dir"].split()) == "aural=auralaural.stages=stagesaural.cli=cli"


def test_every_room_has_its_furniture() -> None:
    for room in (path.parent for path in (ROOT / "stages").glob("*/__init__.py")):
        assert (room / "stage.py").is_file()
        assert (room / "README.md").is_file()


LIBRARY = [*modules("aural"), *modules("stages")]
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])(?![\w-])")


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_library_does_not_speak_of_options_of_the_command(path: Path) -> None:
    """Neither in sentences nor in docstrings; but a report says how its chain is run again."""
    texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    found = {option for text in texts if isinstance(text, str) for option in OPTION.findall(text)}
    assert found == ({"--chain"} if module(path) == "aural.pages.report" else set())


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_library_does_not_print(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "print"]
    assert not [name for name in imports(path) if name == "rich.console"]
    assert not {"sys.stdout.write", "sys.stderr.write"} & {ast.unparse(node) for node in ast.walk(tree)}


def test_tests_mirror_the_tree() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
