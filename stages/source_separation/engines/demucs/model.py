"""Demucs networks: finding them, and running them over long segments."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
import yaml
from demucs.apply import BagOfModels, apply_model
from demucs.hf import load_safetensors_model
from demucs.pretrained import get_model
from demucs.repo import LocalRepo, ModelLoadingError
from demucs.states import load_model
from huggingface_hub import constants
from torch import nn

from aural.errors import WeightsError
from aural.parameters import hint
from aural.stage import Block, Format
from aural.stages.source_separation.engine import NAME
from aural.stages.source_separation.engines.demucs.engine import MODELS
from aural.streaming import SegmentStream

CURE = (
    "demucs downloads it on first use from the Hugging Face hub or from dl.fbaipublicfiles.com; without a "
    "network, give the path of a checkpoint as model, or choose engine hpss or center, which need none"
)


def load(model: str | PathLike[str] | nn.Module) -> Any:
    """Return a network: a module as it is, a path or a name of demucs's opened once and kept.

    A network from a path or a name runs on a CUDA device if there is one; a module stays where it is. A .th
    checkpoint is a pickle: opening one from a stranger is running his program.

    Raises:
        WeightsError: it is missing, damaged or cannot be downloaded.
    """
    if isinstance(model, nn.Module):
        return model
    if not isinstance(model, str | PathLike):
        raise WeightsError(f"{NAME}: model must be a name, a path or a torch module, got {model!r}")
    if str(model) not in MODELS and Path(model).exists():
        return _open(Path(model).resolve())
    if Path(model).suffix or isinstance(model, PathLike):
        raise WeightsError(f"{NAME}: no such model: {model}")
    return _fetch(model)


@lru_cache(maxsize=2)
def _open(path: Path) -> Any:
    try:
        return _ready(_from_folder(path) if path.is_dir() else _from_file(path))
    except (
        Exception,
        SystemExit,
    ) as error:  # demucs exits where a package is missing
        raise WeightsError(f"{NAME}: {path} does not hold a demucs model: {error}") from error


@lru_cache(maxsize=2)
def _fetch(name: str) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr) if _reachable() else _offline():
            return _ready(get_model(name))
    except ModelLoadingError as error:
        raise WeightsError(f"{NAME}: no demucs model called {name!r}{hint(name, MODELS)}") from error
    except (Exception, SystemExit) as error:
        raise WeightsError(f"{NAME}: the model {name} cannot be fetched here ({error}): {CURE}") from error


def _ready(network: nn.Module) -> nn.Module:
    return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _from_file(path: Path) -> Any:
    if path.suffix == ".yaml":
        return _bag(path)
    if path.suffix == ".safetensors":
        return load_safetensors_model(path)
    return load_model(path)  # type: ignore[no-untyped-call]


def _from_folder(folder: Path) -> Any:
    for suffix in (".yaml", ".safetensors", ".th"):
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) > 1:
            raise ModelLoadingError(f"it holds {', '.join(f.name for f in found)}; give the path of one")
        if found:
            return _from_file(found[0])
    raise ModelLoadingError("no .yaml, .safetensors or .th file in it")


def _bag(recipe: Path) -> nn.Module:
    """Open a bag of models whose checkpoints lie beside its recipe, under the names of either repository."""
    repository = LocalRepo(recipe.parent)

    def checkpoint(signature: str) -> Any:
        tensors = recipe.with_name(f"{signature}.safetensors")
        return load_safetensors_model(tensors) if tensors.exists() else repository.get_model(signature)

    bag = yaml.safe_load(recipe.read_text())
    return BagOfModels([checkpoint(s) for s in bag["models"]], bag.get("weights"), bag.get("segment"))


def _reachable() -> bool:
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


class DemucsStream(SegmentStream):
    """Runs a network at its own sample rate; gives the wanted stems one after the other in place of channels.

    Each segment is brought to unit level with its context, so that the result follows the level of the
    input. Demucs does so over the whole recording, its newer networks once more over each segment.
    """

    def __init__(
        self, source: Format, network: Any, wanted: Sequence[int], segment_s: float | None, context_s: float
    ) -> None:
        trained = min(int(m.segment * m.samplerate) for m in getattr(network, "models", [network]))
        context = min(round(context_s * source.sample_rate), trained // 4)
        longest = trained - 2 * context
        segment = longest if segment_s is None else min(round(segment_s * source.sample_rate), longest)
        super().__init__(source, segment, context)
        self.output = Format(source.sample_rate, len(wanted) * source.channels)
        self.network, self.wanted = network, list(wanted)
        self.device = next(network.parameters()).device

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        mixture = torch.tensor(audio).expand(self.network.audio_channels, -1)
        mixture = mixture - mixture.mean()
        scale = mixture.std(correction=0)
        mixture = mixture / torch.where(scale > 0, scale, 1)
        estimates = apply_model(self.network, mixture[None], shifts=0, split=False, device=self.device)[0].cpu()
        if audio.shape[0] == 1:
            estimates = estimates.mean(dim=1, keepdim=True)
        stems: Block = (estimates[self.wanted] * scale).reshape(-1, audio.shape[-1]).numpy()
        return stems
