"""Demucs networks in files: built from a closed list of classes, with plain numbers, out of safetensors.

A checkpoint of Python's pickle (.th) can run any program. None is opened unless the caller trusts who made it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import yaml
from demucs.apply import BagOfModels
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from demucs.repo import LocalRepo
from demucs.states import load_model
from torch import Tensor, nn

from aural.audio.contents import content_of, text_of
from aural.errors import Untrusted, WeightsError
from aural.learning.weights import alike, decoded, unpack
from aural.parameters import brief
from aural.signals import HIGHEST_RATE, LOWEST_RATE

CLASSES: Mapping[str, Any] = {
    f"{network.__module__}.{network.__qualname__}": network for network in (Demucs, HDemucs, HTDemucs)
}
MOST_BYTES = 2 << 30
MOST_NUMBER, MOST_LAYERS, MOST_ENTRIES = 1e6, 64, 64
LAYERS = ("depth", "layers", "iters")  # each takes time
MOST_SEGMENT_S = 600
NAME = re.compile(r"[\w-]{1,64}")  # of a stem or a file: it becomes part of a path
PICKLED = (b"PK", b"\x80")
"""How files begin that `torch.save` and `pickle` write."""
PICKLE = (
    "it is a pickle, which can run any program; AURAL opens safetensors, and a pickle only if you say that you trust "
    "who made it"
)

Member = Callable[[str], Any]


def from_path(path: Path, trust: bool) -> Any:
    """Open a checkpoint (.safetensors; .th if it is trusted), a bag (.yaml), or a folder with one of them.

    Raises:
        WeightsError: it is a pickle and not trusted, or holds no network that demucs has.
    """
    if path.is_dir():
        return from_path(_only(path), trust)
    if path.suffix == ".yaml":
        return bag(path, lambda name: _member(path, name, trust))
    if path.suffix == ".safetensors":
        return from_tensors(path)
    if not path.is_file() or not _is_pickle(path):
        raise WeightsError("it is not a model: neither safetensors, nor a checkpoint, nor a bag")
    if not trust:
        raise Untrusted(PICKLE)
    return sane(_from_pickle(path))


def _from_pickle(path: Path) -> Any:
    """Open a checkpoint that demucs saved, which runs any program in it.

    Raises:
        WeightsError: it is damaged, or holds no network.
    """
    try:
        parts = torch.load(path, map_location="cpu", weights_only=False)
    except (UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise WeightsError("it is damaged, or was cut off") from error
    if not isinstance(parts, dict) or "klass" not in parts:
        raise WeightsError("it does not say which network its tensors belong to, as what demucs saves does")
    return load_model(parts)  # type: ignore[no-untyped-call]


def from_tensors(path: Path) -> nn.Module:
    """Open a network that demucs saved for the Hugging Face hub: its class and arguments stand beside the tensors."""
    state, known = unpack(content_of(path, MOST_BYTES, WeightsError), path)
    if known.get("klass") not in CLASSES:
        raise WeightsError(f"its class {brief(known.get('klass'))} is none of {', '.join(CLASSES)}")
    args, kwargs = (_plain(decoded(known.get(key, none), path)) for key, none in (("args", "[]"), ("kwargs", "{}")))
    return from_parts({"klass": CLASSES[known["klass"]], "args": args, "kwargs": kwargs, "state": state})


def from_parts(parts: Mapping[str, Any]) -> nn.Module:
    """Build a network of the closed list from its class, arguments and tensors, once these are known to fit.

    Raises:
        WeightsError: they do not, or an argument is no plain value of a sane size.
    """
    network: Any = parts.get("klass")
    args, kwargs, state = (parts.get(key) for key in ("args", "kwargs", "state"))
    if network not in CLASSES.values() or not isinstance(state, dict):
        raise WeightsError("its class is not one of demucs's, or its tensors are quantised")
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise WeightsError("its arguments are not a list and a table")
    known = inspect.signature(network).parameters
    kwargs = {name: value for name, value in kwargs.items() if name in known}  # older versions had others
    for name, value in (*zip(known, args, strict=False), *kwargs.items()):
        check_plain(name, value)
    with torch.device("meta"):  # takes no memory
        drawn = network(*args, **kwargs).state_dict()
    if drawn.keys() != state.keys() or not all(_fits(state[name], tensor) for name, tensor in drawn.items()):
        raise WeightsError("its tensors are not those of its class and arguments")
    built: nn.Module = network(*args, **kwargs)
    built.load_state_dict(state)
    return sane(built)  # type: ignore[no-any-return]


def bag(recipe: Path, member: Member) -> nn.Module:
    """Open the networks that a recipe names, to be run together.

    Raises:
        WeightsError: the recipe is no list of names, with weights or without.
    """
    text = text_of(recipe, WeightsError)
    try:
        table = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WeightsError("it is not valid YAML, or holds more than plain values") from error
    names = table.get("models") if isinstance(table, dict) else None
    if not isinstance(names, list) or not 0 < len(names) <= MOST_ENTRIES or not all(map(_is_name, names)):
        raise WeightsError("a bag is a list of models, each the name of a file beside it")
    for key in ("weights", "segment"):
        check_plain(key, table.get(key))
    return sane(BagOfModels([member(name) for name in names], table.get("weights"), table.get("segment")))


def sane(network: Any) -> Any:
    """Return a network if what it says about itself can be.

    Raises:
        WeightsError: its stems have no names that a file can have, or it was trained for no time that can be.
    """
    stems = list(network.sources)
    if not 0 < len(stems) <= MOST_ENTRIES or not all(map(_is_name, stems)) or len(set(stems)) < len(stems):
        raise WeightsError(f"its stems are called {brief(stems)}")
    for each in getattr(network, "models", [network]):
        if not (0 < each.segment <= MOST_SEGMENT_S and LOWEST_RATE <= each.samplerate <= HIGHEST_RATE):
            raise WeightsError(f"it takes {each.segment} s at {each.samplerate} Hz")
    return network


def _only(folder: Path) -> Path:
    for suffix in (".yaml", ".safetensors", ".th"):
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) > 1:
            raise WeightsError(f"it holds {', '.join(f.name for f in found)}; give the path of one")
        if found:
            return found[0]
    raise WeightsError("no .yaml, .safetensors or .th file in it")


def _member(recipe: Path, name: str, trust: bool) -> Any:
    """Open a checkpoint beside its recipe, under the names of either of demucs's repositories."""
    tensors = recipe.with_name(f"{name}.safetensors")
    if tensors.exists():
        return from_tensors(tensors)
    if not trust:
        pickled = list(recipe.parent.glob(f"{name}*.th"))
        raise Untrusted(PICKLE) if pickled else WeightsError(f"{tensors.name} is missing beside it")
    return LocalRepo(recipe.parent).get_model(name)


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2).startswith(PICKLED)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _plain(value: Any) -> Any:
    """Turn what demucs writes for a fraction into one."""
    if isinstance(value, dict) and value.get("_type") == "fraction":
        parts: Any = value.get("numerator"), value.get("denominator")
        if not all(isinstance(part, int) and 0 < part <= MOST_NUMBER for part in parts):
            raise WeightsError("holds a fraction that is none")
        return Fraction(*parts)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def check_plain(name: str, value: Any, depth: int = 0) -> None:
    """Raise WeightsError unless an argument is a plain value that builds no giant."""
    if isinstance(value, list | tuple) and len(value) <= MOST_ENTRIES and depth < 2:
        for inner in value:
            check_plain(name, inner, depth + 1)
        return
    most = MOST_LAYERS if any(word in name for word in LAYERS) else MOST_NUMBER
    if isinstance(value, int | float | Fraction) and -most <= value <= most:
        return
    if value is None or (isinstance(value, str) and len(value) <= 100):
        return
    raise WeightsError(f"its argument {name} is not a plain value, or beyond all measure")


def _fits(tensor: Any, drawn: Tensor) -> bool:
    return isinstance(tensor, Tensor) and alike(tensor, drawn)
