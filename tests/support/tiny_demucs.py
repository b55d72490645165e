"""Small demucs networks with random weights, and files of them as demucs writes them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demucs import states
from demucs.htdemucs import HTDemucs

from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import probe

STEMS = ["drums", "bass", "other", "vocals"]
HYBRID = "demucs.htdemucs.HTDemucs"


def tiny(seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    small: dict[str, Any] = {
        "channels": 4,
        "dconv_mode": 0,
        "t_layers": 1,
        "t_heads": 1,
        "t_hidden_scale": 1.0,
    }
    return HTDemucs(STEMS, **small, segment=Fraction(39, 20), **options).eval()


def packed(network: Any) -> Any:
    return states.get_state(network, None)  # type: ignore[no-untyped-call]


def package(network: Any) -> dict[str, Any]:
    """Pack a network as demucs does for its repositories."""
    args, kwargs = network._init_args_kwargs
    state = packed(network)
    return {"klass": type(network), "args": args, "kwargs": kwargs, "state": state, "training_args": {}}


def save_tensors(network: Any, path: Path, state: Any = None, klass: str = HYBRID, **changed: Any) -> None:
    """Save a network as demucs does for the Hugging Face hub; if asked, with something else inside."""
    from safetensors.torch import save_file

    args, kwargs = network._init_args_kwargs
    args = changed.pop("args", args)
    kwargs = kwargs | {"segment": {"_type": "fraction", "numerator": 39, "denominator": 20}} | changed
    metadata = {"klass": klass, "args": json.dumps(args), "kwargs": json.dumps(kwargs)}
    save_file(packed(network) if state is None else state, path, metadata)


def separate(network: Any, **options: Any) -> np.ndarray:
    return np.stack(list(SourceSeparation(engine="demucs", model=network, **options)(probe("voice"), 48000).values()))
