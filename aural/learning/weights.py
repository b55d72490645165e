"""Weights as files: safetensors whose name carries the hash of what is inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aural.atomic import write_bytes
from aural.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

M = TypeVar("M", bound="nn.Module")

NAMED = re.compile(r"(?P<network>.+)-(?P<hash>[0-9a-f]{8})\.safetensors")


def save(state: Mapping[str, Tensor], folder: Path, network: str, about: Mapping[str, Any]) -> Path:
    """Write weights as network-HASH.safetensors, with what is known about them in the file; return the path."""
    from safetensors.torch import save as serialise

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    known = {"about": json.dumps({"network": network, **about})}  # one entry: several would come in any order
    data = serialise(tensors, known)
    path = folder / f"{network}-{sha256(data).hexdigest()[:8]}.safetensors"
    write_bytes(path, data)
    return path


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights and what is known about them.

    Raises:
        WeightsError: the file is missing, no safetensors, or not what its name says.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load as deserialise

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    named = NAMED.fullmatch(path.name)
    if named and sha256(data).hexdigest()[:8] != named["hash"]:
        raise WeightsError(f"{path}: is damaged: its content is not what its name says")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
        return deserialise(data), about
    except (SafetensorError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path}: is not a file of weights: {error}") from error


def into(network: M, path: Path) -> M:
    """Load weights into a network that is to be used; return it.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    state, about = load(path)
    if about.get("settings", {}).get("pretrain"):
        raise WeightsError(f"{path}: is pre-trained only; train on from it with --init")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        kind = type(network).__name__.lower()
        raise WeightsError(f"{path}: holds no weights of the network {kind}") from error
    return network.eval()


def shipped(package: str, network: str) -> Path:
    """Return the path of the weights that come with a room, such as aural.stages.noise_reduction.

    Raises:
        WeightsError: there are none of this network, or several.
    """
    folder = Path(str(files(package) / "weights"))
    found = [path for path in folder.glob("*.safetensors") if _network(path) == network]
    if len(found) != 1:
        number = "several" if found else "no"
        raise WeightsError(f"{package}: {number} weights of {network} in {folder}; name the path of the right ones")
    return found[0]


def _network(path: Path) -> str | None:
    named = NAMED.fullmatch(path.name)
    return named["network"] if named else None
