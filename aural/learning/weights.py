"""Weights as files: safetensors whose name carries the hash of what is inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aural.audio.atomic import write_bytes
from aural.audio.contents import content_of
from aural.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

M = TypeVar("M", bound="nn.Module")

MOST_BYTES = 64 << 20  # of AURAL's own weights, which are some megabytes
MOST_HEADER = 1 << 20

NAMED = re.compile(r"(?P<network>.+)-(?P<hash>[0-9a-f]{8})\.safetensors")


def save(state: Mapping[str, Tensor], folder: Path, network: str, about: Mapping[str, Any]) -> Path:
    """Write weights as network-HASH.safetensors, with metadata in the file; return the path."""
    from safetensors.torch import save as serialise

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    known = {"about": json.dumps({"network": network, **about})}  # one entry: several would come in any order
    data = serialise(tensors, known)
    path = folder / f"{network}-{sha256(data).hexdigest()[:8]}.safetensors"
    write_bytes(path, data)
    return path


def load(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights and their metadata.

    Raises:
        WeightsError: the file is missing, too large, no safetensors, not what its name says, or holds NaN.
    """
    path = Path(path)
    data = content_of(path, MOST_BYTES, WeightsError)
    named = NAMED.fullmatch(path.name)
    if named and sha256(data).hexdigest()[:8] != named["hash"]:
        raise WeightsError("is damaged: its content is not what its name says", path=path)
    tensors, known = unpack(data, path)
    about = decoded(known.get("about", "{}"), path)
    if not isinstance(about, dict) or not isinstance(about.get("settings", {}), dict):
        raise WeightsError("is not a file of weights: what it says about them is no table", path=path)
    return tensors, about


def unpack(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Parse safetensors: the tensors, which must be finite, and the metadata.

    Raises:
        WeightsError: it is none, or holds NaN or infinity; the sentence names the path.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialise

    header = int.from_bytes(data[:8], "little")
    if header > MOST_HEADER:
        raise WeightsError("is not a file of weights: it does not begin as safetensors do", path=path)
    try:
        tensors = deserialise(data)
        known = json.loads(data[8 : 8 + header]).get("__metadata__", {})
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:  # of numbers that torch has not, too
        raise WeightsError("is not a file of weights, or is damaged", path=path) from error
    if not finite:
        raise WeightsError("holds weights that are NaN or infinite", path=path)
    return tensors, known


def decoded(text: str, path: Path) -> Any:
    """Read JSON from the metadata of weights.

    Raises:
        WeightsError: it is malformed.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError("is not a file of weights: what it says about them is no JSON", path=path) from error


def into(network: M, path: Path) -> M:
    """Load weights into a network for inference; return it.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
    """
    state, about = load(path)
    if about.get("settings", {}).get("pretrain"):
        raise WeightsError("is pre-trained only; give it to a training as init", path=path)
    fill(network, state, path)
    return network.eval()


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load tensors into a network; they must be exactly those that it has.

    Raises:
        WeightsError: they are those of another network.
    """
    own = network.state_dict()
    if own.keys() != state.keys() or not all(alike(state[name], tensor) for name, tensor in own.items()):
        raise WeightsError(f"holds no weights of the network {type(network).__name__.lower()}", path=path)
    network.load_state_dict(dict(state))


def alike(tensor: Tensor, other: Tensor) -> bool:
    """Tell whether a tensor can take the place of another: of one shape, and numbers of one kind."""
    return tensor.shape == other.shape and tensor.is_floating_point() == other.is_floating_point()


def shipped(package: str, network: str) -> Path:
    """Return the path of the weights in the folder `weights` of a package.

    Raises:
        WeightsError: there are none of this network, or several.
    """
    folder = Path(str(files(package) / "weights"))
    found = [path for path in folder.glob("*.safetensors") if _network(path) == network]
    if len(found) != 1:
        number = "several" if found else "no"
        raise WeightsError(
            f"{number} weights of {network} in {folder}; name the path of the right ones", path=package
        )
    return found[0]


def _network(path: Path) -> str | None:
    named = NAMED.fullmatch(path.name)
    return named["network"] if named else None
