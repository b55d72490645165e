"""Opens checkpoints of others: a network of a closed list, built from plain values, and nothing but tensors in it.

The networks are those of the package msst (MIT), whose own loader runs any pickle; so only its classes are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
import yaml
from torch import Tensor, nn

from aural.audio.contents import content_of, text_of
from aural.devices import placed
from aural.errors import WeightsError
from aural.learning.weights import fill, unpack
from aural.parameters import brief
from aural.stages.source_separation.engine import NAME
from aural.stages.source_separation.engines.demucs.checkpoint import MOST_BYTES, check_plain, sane

KINDS: Mapping[str, tuple[str, str]] = {
    "freqs_per_bands": ("msst.models.bs_roformer.bs_roformer", "BSRoformer"),
    "num_bands": ("msst.models.bs_roformer.mel_band_roformer", "MelBandRoformer"),
    "band_SR": ("msst.models.scnet.scnet", "SCNet"),
    "num_subbands": ("msst.models.mdx23c_tfc_tdf_v3", "TFC_TDF_net"),
}
"""The argument by which a network is known, and where its class is."""
OF_TABLE = "TFC_TDF_net"
"""The class that takes the whole table; the others take its part `model` as arguments."""
INSIDE = ("state", "state_dict", "model_state_dict")
"""Where the tensors may stand in a checkpoint that holds more, such as the state of an optimiser."""
MISSING = "engine msst needs the package msst: pip install 'aural[msst]'"
REST = "rest"


class Segmented(nn.Module):
    """A network with what a stream needs to know of it, under the names that demucs has for it."""

    use_train_segment = True
    """It takes segments of one length."""

    def __init__(self, network: nn.Module, config: Mapping[str, Any]) -> None:
        super().__init__()
        audio, training = config["audio"], config["training"]
        instruments, target = list(training["instruments"]), training.get("target_instrument")
        frames = config.get("inference", {}).get("chunk_size", audio.get("chunk_size"))
        self.network, self.frames = network, int(frames)
        self.samplerate = int(audio.get("sample_rate", 44100))
        self.segment = Fraction(self.frames, self.samplerate)
        self.audio_channels = int(audio.get("num_channels", 2))
        self.sources = instruments
        self.stems = tuple(instruments)
        self.rest = self.stems.index("other") if "other" in self.stems else len(self.stems) - 1
        if target:
            others = [name for name in instruments if name != target]
            self.sources = [target]
            self.stems = (target, others[0] if len(others) == 1 else REST)
            self.rest = 1
        self.given = instruments.index(target) if target else None

    def forward(self, mixture: Tensor) -> Tensor:
        """Return all stems, (batch, stems, channels, frames), of a mixture of the length of a segment.

        Raises:
            WeightsError: the network cannot run: some configs make one that fails only now.
        """
        try:
            stems = self.network(mixture).reshape(len(mixture), -1, *mixture.shape[1:])
        except RuntimeError as error:
            why = brief(" ".join(str(error).split()))
            raise WeightsError(f"the network of its config cannot run: {why}", stage=NAME) from error
        if self.given is not None and stems.shape[1] > 1:  # some give all stems, whichever one they are for
            return cast(Tensor, stems[:, self.given : self.given + 1])
        return cast(Tensor, stems)


def load(checkpoint: str, config: str | None) -> Segmented:
    """Return the network of a checkpoint, on the device that was chosen; it is opened once and kept.

    Raises:
        WeightsError: a file is missing, damaged or not what it should be; the package msst is missing.
    """
    path = Path(checkpoint).resolve()
    if not path.is_file():
        raise WeightsError(f"{path} cannot be opened as a model: no such file", stage=NAME)
    return placed(opened(path, Path(config).resolve() if config else path.with_suffix(".yaml")))


@lru_cache(maxsize=2)
def opened(path: Path, config: Path) -> Segmented:
    """Open a checkpoint on the CPU, once."""
    try:
        table = read_config(config)
        network = Segmented(built(table), table)
        fill(network.network, tensors_of(path), path)
        return cast(Segmented, sane(network.eval()))
    except WeightsError as error:
        said = error.what if error.path == path else str(error)
        raise WeightsError(f"{path} cannot be opened as a model: {said}", stage=NAME) from error


def read_config(path: Path) -> dict[str, Any]:
    """Read what a checkpoint's network is made of: plain values alone.

    Raises:
        WeightsError: it is missing, not valid YAML, or holds more than plain values.
    """
    text = text_of(path, WeightsError)
    try:
        table = yaml.load(text, Loader=_Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WeightsError("is not valid YAML, or holds more than plain values", path=path) from error
    if not isinstance(table, dict) or not all(isinstance(table.get(part), dict) for part in PARTS):
        raise WeightsError(f"has no tables {', '.join(PARTS[:-1])} and {PARTS[-1]}", path=path)
    for part in PARTS:
        for name, value in table[part].items():
            check_plain(name, value)
    return table


PARTS = ("audio", "model", "training")


class _Plain(yaml.SafeLoader):  # type: ignore[misc]
    """Reads plain values, and tuples, which such files have."""


_Plain.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


def built(table: Mapping[str, Any]) -> nn.Module:
    """Make the network that a config describes.

    Raises:
        WeightsError: it is none of those known, or its arguments do not fit; the package msst is missing.
    """
    values = table["model"]
    found = next((kind for argument, kind in KINDS.items() if argument in values), None)
    if found is None:
        raise WeightsError("its config is not that of a BS-RoFormer, Mel-RoFormer, SCNet or MDX23C")
    module, name = found
    try:
        network = getattr(import_module(module), name)
        from ml_collections import ConfigDict
    except ImportError as error:
        raise WeightsError(MISSING) from error
    try:
        made = network(ConfigDict(dict(table))) if name == OF_TABLE else network(**values)
    except Exception as error:  # whatever a network says to arguments that do not fit
        raise WeightsError(f"no {name} can be made of its config: {brief(' '.join(str(error).split()))}") from error
    return cast(nn.Module, made)


def tensors_of(path: Path) -> dict[str, Tensor]:
    """Read tensors: safetensors, or a checkpoint of torch's that holds nothing else; no program in it is run.

    Raises:
        WeightsError: it is missing, or holds anything but tensors and plain values.
    """
    if path.suffix == ".safetensors":
        return unpack(content_of(path, MOST_BYTES, WeightsError), path)[0]
    if not path.is_file():
        raise WeightsError("no such file", path=path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError) as error:
        raise WeightsError("it holds more than tensors, which could run any program, or is damaged") from error
    for name in INSIDE:
        if isinstance(state, dict) and isinstance(state.get(name), dict):
            state = state[name]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError("it holds no table of tensors")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in state.values()):
        raise WeightsError("it holds weights that are NaN or infinite")
    return state
