"""Finding and opening demucs networks."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from pickle import UnpicklingError
from socket import gaierror
from typing import Any

import huggingface_hub
import torch
from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name
from demucs.pretrained import REMOTE_ROOT, _parse_remote_files
from huggingface_hub import constants
from torch import nn

from aural.devices import placed
from aural.errors import WeightsError
from aural.parameters import brief, hint
from aural.stages.source_separation.engine import NAME
from aural.stages.source_separation.engines.demucs import checkpoint
from aural.stages.source_separation.engines.demucs.engine import MODELS

UNREACHABLE = "no connection to huggingface.co or dl.fbaipublicfiles.com"
CURE = "give the path of a checkpoint as model, or choose engine voice, hpss or center, which need no download"


def load(model: str | PathLike[str] | nn.Module, trust: bool = False) -> Any:
    """Return a network: a module as it is, a path or a name of demucs's opened once and kept.

    A network from a path or a name is moved to the device that `aural.device` chose; a module stays where it is.

    Args:
        model: the module, path or name.
        trust: whether a checkpoint that is a pickle (.th) is opened, which runs any code that its author put into it.

    Raises:
        WeightsError: it is missing, damaged, a pickle that is not trusted, or cannot be downloaded.
    """
    if isinstance(model, nn.Module):
        return model
    if not isinstance(model, str | PathLike):
        raise WeightsError(f"model must be a name, a path or a torch module, got {brief(model)}", stage=NAME)
    if str(model) in MODELS:
        try:
            return placed(fetch(str(model)))
        except WeightsError as error:
            raise WeightsError(f"{error.what}; {CURE}", stage=NAME) from error
    if os.path.exists(model):
        return placed(opened(Path(model).resolve(), trust))
    if Path(model).suffix or isinstance(model, PathLike):
        raise WeightsError(f"no such model: {brief(str(model))[1:-1]}", stage=NAME)
    raise WeightsError(f"no demucs model called {brief(model)}{hint(model, MODELS)}", stage=NAME)


def load_trusted(model: Any) -> Any:
    """Return a network as `load` does, a pickle too: the `trusted` of the stage."""
    return load(model, trust=True)


@lru_cache(maxsize=2)
def opened(path: Path, trust: bool) -> Any:
    """Open a checkpoint, a bag or a folder on the CPU, once."""
    try:
        return checkpoint.from_path(path, trust).eval()
    except WeightsError as error:
        said = error.what if error.path == path else str(error)
        raise type(error)(f"{path} cannot be opened as a model: {said}", stage=NAME) from error
    except (Exception, SystemExit) as error:  # demucs exits where a package is missing
        said = " ".join(str(error).split())
        raise WeightsError(f"{path} cannot be opened as a model: {said}", stage=NAME) from error


@lru_cache(maxsize=2)
def fetch(name: str) -> Any:
    """Open one of the models that demucs publishes on the CPU, once; it is downloaded if need be.

    Raises:
        WeightsError: it is not here, and cannot be downloaded.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr) if reachable() else _offline():
            return checkpoint.bag(REMOTE_ROOT / f"{name}.yaml", partial(fetched, name)).eval()
    except (Exception, SystemExit) as error:
        cause = getattr(error, "reason", error)  # what urllib wraps
        offline = isinstance(cause, gaierror | ConnectionError | TimeoutError)
        why = UNREACHABLE if offline else getattr(cause, "strerror", None) or str(cause)
        raise WeightsError(f"the model {name} cannot be downloaded: {why}", stage=NAME) from error


def fetched(name: str, signature: str) -> nn.Module:
    """Download one network of a model, from the hub or else from its original server.

    There it is a pickle, of which nothing but tensors, plain values and the classes of the closed list are read, and
    its name says the hash of its content.

    Raises:
        WeightsError: the pickle holds more, or has another hash.
    """
    try:
        path = huggingface_hub.hf_hub_download(
            f"{DEFAULT_NAMESPACE}/{hf_repo_name(name)}", f"{signature}.safetensors"
        )
    except Exception:
        try:
            with torch.serialization.safe_globals([*checkpoint.CLASSES.values(), Fraction]):
                parts = torch.hub.load_state_dict_from_url(
                    first_home(signature), map_location="cpu", check_hash=True, weights_only=True
                )
        except UnpicklingError as error:
            raise WeightsError("its checkpoint holds more than tensors, which could run any program") from error
        except RuntimeError as error:
            raise WeightsError(f"its checkpoint is damaged or was cut off: {error}") from error
        return checkpoint.from_parts(parts)
    return checkpoint.from_tensors(Path(path))


def first_home(signature: str) -> str:
    """Return the address at which demucs published a network first."""
    return str(_parse_remote_files(REMOTE_ROOT / "files.txt")[signature])


def reachable() -> bool:
    """Ask once whether the hub answers.

    Left to itself its client asks six times for each file, for half a minute, even for a file it has.
    """
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=5)
    except Exception:
        return False
    return True


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Let the hub's client look into its cache only, and keep what the libraries print from the user."""
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    void = io.StringIO()
    try:
        with contextlib.redirect_stdout(void), contextlib.redirect_stderr(void):
            yield
    finally:
        constants.HF_HUB_OFFLINE = before
