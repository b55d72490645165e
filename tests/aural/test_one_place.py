"""One place for each thing, one name for each class, and the same furniture in every stage's folder."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(path for folder in ("aural", "stages", "cli") for path in (ROOT / folder).rglob("*.py"))
SAME_EVERYWHERE = {"Parameters"}
"""Classes that have one name in every stage: what its engines add to its parameters."""
FILTERS = {"butter", "cheby1", "firwin", "iirnotch", "kaiserord", "lfilter", "oaconvolve", "sosfilt", "sosfiltfilt"}
DEGRADING = "stages/frequency_expansion/published/"
"""Where filters of many kinds are training material."""
MEASURES = {"lsd", "si_sdr", "lufs", "estoi"}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(*kinds: type[ast.AST], modules: list[Path] = MODULES) -> Iterator[tuple[str, ast.AST]]:
    for path in modules:
        yield from ((place(path), node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


def test_classes_that_differ_have_names_that_differ() -> None:
    where = defaultdict(set)
    for module, node in nodes(ast.ClassDef):
        where[node.name].add(module)  # type: ignore[attr-defined]
    assert {name: found for name, found in where.items() if len(found) > 1 and name not in SAME_EVERYWHERE} == {}


def test_decibels_become_factors_in_one_place() -> None:
    def is_power_of_ten(node: ast.AST) -> bool:
        match node:
            case ast.BinOp(ast.Constant(10), ast.Pow(), ast.BinOp(_, ast.Div(), ast.Constant(10 | 20))):
                return True
        return False

    found = {module for module, node in nodes(ast.BinOp) if is_power_of_ten(node)}
    assert found == {"aural/dsp/decibels.py"}


def test_filters_are_designed_and_run_in_one_place() -> None:
    used: dict[str, set[str]] = defaultdict(set)
    for module, node in nodes(ast.ImportFrom):
        if node.module == "scipy.signal":  # type: ignore[attr-defined]
            used[module] |= FILTERS & {alias.name for alias in node.names}  # type: ignore[attr-defined]
    assert {
        module: names for module, names in used.items() if names and not module.startswith((DEGRADING, "aural/dsp/"))
    } == {}


def test_recordings_of_folders_are_listed_in_one_place() -> None:
    found = {module for module, node in nodes(ast.Name) if node.id == "READABLE"}  # type: ignore[attr-defined]
    found = {module for module in found if not module.startswith("cli/")}  # which names what it passes over
    assert found == {"aural/audio/files.py", "aural/audio/folders.py"}


def test_tables_are_written_in_one_place() -> None:
    texts = (
        (module, node.value)  # type: ignore[attr-defined]
        for module, node in nodes(ast.Constant)
        if isinstance(node.value, str)  # type: ignore[attr-defined]
    )
    assert {module for module, text in texts if "|---" in text or text == "---"} == {"aural/markdown.py"}


def test_measures_are_defined_once() -> None:
    modules = [*MODULES, *(ROOT / "tests").rglob("*.py")]
    found = defaultdict(set)
    for module, node in nodes(ast.FunctionDef, modules=modules):
        found[node.name].add(module)  # type: ignore[attr-defined]
    places = {"lsd": "aural/learning/metrics/distortion.py", "si_sdr": "aural/learning/metrics/distortion.py",
              "estoi": "aural/learning/metrics/speech.py", "lufs": "tests/support/meters.py"}  # fmt: skip
    of_values = {"aural/mix/mixing.py", "aural/pages/sound.py"}  # what a meter read of a part, or of a sound
    assert {name: found[name] - of_values for name in MEASURES} == {n: {p} for n, p in places.items()}


STRANGERS = {"_exit", "_init_args_kwargs", "_open_for_write", "_replace"}
"""Private names of demucs and numba, for which there are no public ones, and two of Python."""


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=place)
def test_tests_use_public_names_alone(path: Path) -> None:
    """What begins with _ may change at any time, but for what a test calls so itself. `_repr_html_` is a protocol."""
    tree = ast.parse(path.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls")
    }
    imported = {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}
    replaced = {
        ast.literal_eval(node.args[1])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr") and len(node.args) == 3
        if isinstance(node.args[1], ast.Constant)
    }
    assert {name for name in used | imported | replaced if re.fullmatch(r"_[a-z]\w*[a-z0-9]", name)} <= STRANGERS


@pytest.mark.parametrize("path", [p for p in MODULES if place(p).startswith("stages/")], ids=place)
def test_streams_of_stages_are_in_stream_py(path: Path) -> None:
    """An engine that is a single module holds its own."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    streams = {node.name for node in classes if any("Stream" in ast.unparse(base) for base in node.bases)}
    alone = path.parent.name == "engines" and path.name != "__init__.py"
    assert not streams or alone or path.name == "stream.py", streams
