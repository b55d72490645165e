"""Chains as TOML files: reading, writing, and the presets that come with AURAL.

description = "A talk recorded on a phone"
content = "speech"

[[stage]]
use = "noise-reduction"
max_attenuation_db = 18

[[stage]]
use = "split"
separator = { use = "source-separation", engine = "center" }
[[stage.branch.center]]
use = "dynamic-compression"

[[stage]]
use = "master"
target = "podcast"
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from aural.audio.contents import table_of, text_of
from aural.chain import Chain, Split
from aural.errors import AuralError, ChainError
from aural.parameters import brief, hint, parameters
from aural.registry import create
from aural.stage import Effect, Separator, Stage

CONTENTS = ("speech", "music")
"""What a chain may be for: a preset that is named says so of the recording."""


def read_chain(source: str | Path) -> Chain:
    """Read a chain from a file, or a preset by its name.

    Raises:
        ChainError: the file is missing or malformed, or a stage in it is wrong; the sentence names the file,
            the stage by number, and the cure.
    """
    path, text = _find(str(source))
    try:
        return chain_of(table_of(text, ChainError))
    except AuralError as error:
        raise ChainError(str(error), path=path) from error


def content_of(source: str | Path) -> str | None:
    """Return what a chain file or preset is for, speech or music; None if it does not say.

    Raises:
        ChainError: as `read_chain`.
    """
    read_chain(source)
    content: str | None = table_of(_find(str(source))[1], ChainError).get("content")
    return content


def write_chain(chain: Chain) -> str:
    """Write a chain as TOML text: every parameter that has a value, measured ones included.

    Raises:
        ChainError: as `toml_of`.
    """
    return toml_of(chain_table(chain))


def toml_of(table: dict[str, Any]) -> str:
    """Write plain values as TOML.

    Raises:
        ChainError: one is the name of a file that is no UTF-8, which TOML cannot hold.
    """
    import tomli_w

    text = tomli_w.dumps(table)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        name = text[: error.start].rpartition('"')[2] + text[error.start :].partition('"')[0]
        raise ChainError("the name is no UTF-8, and no TOML file can hold it; rename the file", path=name) from error
    return text


def chain_table(chain: Chain) -> dict[str, Any]:
    """Return a chain as plain values: what its TOML file says."""
    mix = {} if chain.mix == 1 else {"mix": chain.mix}
    return {**mix, "stage": [_table(stage) for stage in chain.stages]}


def presets() -> dict[str, str]:
    """List the presets: what each is for, by name."""
    files = sorted(resources.files("aural.cleaning.presets").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8")).get("description", "")
        for file in files
        if file.name.endswith(".toml")
    }


def _find(source: str) -> tuple[str, str]:
    """Return the name and text of a chain file or preset."""
    preset = resources.files("aural.cleaning.presets") / f"{source}.toml"
    if preset.is_file():
        return source, preset.read_text("utf-8")
    path = Path(source)
    if path.suffix != ".toml":
        raise ChainError(f"no preset called {brief(source)}{hint(source, presets())}")
    return source, text_of(path, ChainError)


def chain_of(table: dict[str, Any]) -> Chain:
    """Read a chain from plain values: what its TOML file says.

    Raises:
        ChainError: an entry is unknown or wrong.
    """
    refuse_unknown("a chain file", table, ("description", "content", "stage", "mix"))
    if table.get("content", CONTENTS[0]) not in CONTENTS:
        raise ChainError(f"content must be {' or '.join(CONTENTS)}, got {brief(table['content'])}")
    stages = []
    for number, entry in enumerate(_tables(table.get("stage"), "stage"), 1):
        try:
            stages.append(_effect(entry))
        except AuralError as error:
            raise ChainError(f"stage {number}: {error}") from error
        except RecursionError as error:
            raise ChainError(f"stage {number}: is nested too deeply") from error
    return Chain(tuple(stages), mix=table.get("mix", 1.0))


def refuse_unknown(where: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
    """Raise ChainError if a table has an entry of another name."""
    for key in table:
        if key not in known:
            raise ChainError(f"no entry called {brief(key)} in {where}{hint(key, known)}")


def _tables(entries: Any, key: str) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ChainError(f"a chain is a list of [[{key}]] tables, each with use = the name of a stage")
    return entries


def _effect(table: dict[str, Any]) -> Effect:
    match table:
        case {"use": "split"}:
            return _split(table)
        case {"use": "chain"}:
            refuse_unknown("a chain", table, ("use", "stage", "mix"))
            return Chain(_branch(table.get("stage")).stages, mix=table.get("mix", 1.0))
    stage = stage_of(table)
    if not isinstance(stage, Effect):
        raise ChainError(f'{stage.name} gives stems; write use = "split" and separator = {{ use = "{stage.name}" }}')
    return stage


def _split(table: dict[str, Any]) -> Split:
    refuse_unknown("a split", table, ("use", "separator", "branch", "mix"))
    separator, branches = table.get("separator"), table.get("branch", {})
    if not isinstance(separator, dict) or not isinstance(stage := stage_of(separator), Separator):
        raise ChainError("a split needs separator = { use = the name of a stage that gives stems }")
    if not isinstance(branches, dict):
        raise ChainError("a split's branches are [[stage.branch.NAME]] tables, NAME that of a stem")
    effects = tuple((stem, _branch(entries)) for stem, entries in branches.items())
    return Split(stage, effects, mix=table.get("mix", 1.0))


def _branch(entries: Any) -> Chain:
    return Chain(tuple(_effect(entry) for entry in _tables(entries, "stage")))


def stage_of(table: dict[str, Any]) -> Stage:
    """Read one stage from plain values.

    Raises:
        ChainError: there is no such stage, or a value is wrong.
    """
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    name = values.pop("use", None)
    if not isinstance(name, str):
        raise ChainError('says no use = "name of a stage"')
    return create(name, **values)


def _table(stage: Stage) -> dict[str, Any]:
    """Write a stage as a TOML table; what has no value is left out."""
    mix = {"mix": stage.mix} if isinstance(stage, Effect) and stage.mix != 1 else {}
    if isinstance(stage, Chain):
        return {"use": "chain", **mix, "stage": [_table(inner) for inner in stage.stages]}
    if isinstance(stage, Split):
        branches = {stem: [_table(inner) for inner in _in_series(effect)] for stem, effect in stage.branches}
        return {"use": "split", **mix, "separator": _table(stage.separator), "branch": branches}
    values = {p.name: getattr(stage, p.name) for p in parameters(type(stage))}
    for name, value in values.items():
        if not isinstance(value, int | float | str | tuple | None):
            raise ChainError(f"{name} was made in memory and cannot be written to a file", stage=stage.name)
    written = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}
    return {"use": stage.name, **written}


def _in_series(effect: Effect) -> tuple[Effect, ...]:
    """List the stages of a plain chain; an effect of another kind alone."""
    return effect.stages if isinstance(effect, Chain) and effect.mix == 1 else (effect,)
