"""Mixes as TOML files: reading and writing. The grammar is that of a chain file; paths are relative to the file.

description = "The song, the voice in front"
balance = true

[[track]]
file = "vocals.wav"
gain_db = 2.0
[[track.stage]]
use = "de-esser"

[[track]]
file = "guitar.wav"
pan = -0.4
under = ["vocals"]

[[stage]]
use = "master"
target = "streaming"
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aural.audio.contents import table_of, text_of
from aural.audio.folders import recordings
from aural.chain import Chain
from aural.chainfile import chain_of, chain_table, refuse_unknown, toml_of
from aural.errors import AuralError, ChainError
from aural.mix.mixing import Mix, Track
from aural.parameters import parameters

CHAIN = ("stage", "mix")
"""Entries of a table that make up its chain."""


def read_mix(source: str | Path) -> Mix:
    """Read a mix from a file.

    Raises:
        ChainError: the file is missing or malformed, or something in it is wrong; the sentence names the file, the
            track by number and the cure. The recordings are not opened.
    """
    path = Path(source)
    text = text_of(path, ChainError)
    try:
        return _mix(table_of(text, ChainError), path.parent)
    except AuralError as error:
        raise ChainError(str(error), path=path) from error


def write_mix(mix: Mix, folder: str | Path) -> str:
    """Write a mix as TOML text, for a file in this folder.

    Raises:
        ChainError: the name of a track is no UTF-8.
    """
    tracks = [
        {"file": _relative(track.file, Path(folder)), **_values(track), **_stages(track.chain)}
        for track in mix.tracks
    ]
    return toml_of({**_values(mix), "track": tracks, **_stages(mix.master)})


def mix_of(sources: Sequence[str | Path]) -> Mix:
    """Return the mix that a mix file describes, or the plain sum of recordings and of all those in folders.

    Raises:
        ChainError: as `read_mix`, or a mix file is named along with something else, or a recording twice.
        AudioError: a folder holds no recordings.
    """
    paths = [Path(source) for source in sources]
    described = [path for path in paths if path.suffix == ".toml"]
    if described and len(paths) > 1:
        raise ChainError("is a mix file, which names all its tracks; nothing can stand beside it", path=described[0])
    if described:
        return read_mix(described[0])
    files = [file for path in paths for file in (recordings(path, below=False) if path.is_dir() else [path])]
    for number, file in enumerate(files):
        if file.resolve() in {other.resolve() for other in files[:number]}:
            raise ChainError("is named twice; name it once, or write a mix file with two tracks of it", path=file)
    return Mix(tuple(map(Track, files)))


def _mix(table: dict[str, Any], folder: Path) -> Mix:
    known = [p.name for p in parameters(Mix)]
    refuse_unknown("a mix file", table, ("description", "track", *CHAIN, *known))
    entries = table.get("track")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ChainError("a mix is a list of [[track]] tables, each with file = the name of a recording")
    tracks = []
    for number, entry in enumerate(entries, 1):
        try:
            tracks.append(_track(entry, folder))
        except AuralError as error:
            raise ChainError(f"track {number}: {error}") from error
    return Mix(tuple(tracks), _chain(table), **_given(table, known))


def _track(table: dict[str, Any], folder: Path) -> Track:
    known = [p.name for p in parameters(Track)]
    refuse_unknown("a track", table, ("file", *CHAIN, *known))
    file = table.get("file")
    if not isinstance(file, str) or "\0" in file:
        raise ChainError('says no file = "name of a recording"')
    try:
        chain = _chain(table)
    except AuralError as error:
        raise ChainError(str(error), path=file) from error
    return Track(folder / file, chain, **_given(table, known))


def _given(table: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that a table gives; lists become tuples."""
    given = {name: table[name] for name in known if name in table}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _chain(table: dict[str, Any]) -> Chain:
    return chain_of({"stage": [], **{key: table[key] for key in CHAIN if key in table}})


def _relative(file: Path, folder: Path) -> str:
    """Return the path of a file as seen from a folder."""
    return Path(os.path.relpath(file.parent.resolve() / file.name, folder.resolve())).as_posix()


def _values(value: Mix | Track) -> dict[str, Any]:
    """Return the parameters that differ from their defaults."""
    owner: type = type(value)
    pairs = [(p, getattr(value, p.name)) for p in parameters(owner)]
    return {p.name: given for p, given in pairs if given != p.default}


def _stages(chain: Chain) -> dict[str, Any]:
    """Return what stands for a chain: nothing for none."""
    return chain_table(chain) if chain.stages else {}
