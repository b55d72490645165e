"""A small RoFormer with random weights, as its makers would hand it on: a checkpoint and its config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

CONFIG: dict[str, Any] = {
    "audio": {"chunk_size": 8000, "sample_rate": 8000, "num_channels": 2},
    "model": {
        "dim": 8, "depth": 1, "stereo": True, "num_stems": 1, "time_transformer_depth": 1,
        "freq_transformer_depth": 1, "freqs_per_bands": (64, 65), "dim_head": 4, "heads": 2, "stft_n_fft": 256,
        "stft_hop_length": 80, "stft_win_length": 256, "mask_estimator_depth": 1,
    },
    "training": {"instruments": ["vocals", "other"], "target_instrument": "vocals"},
}  # fmt: skip


def save_tiny(path: Path, config: dict[str, Any] = CONFIG) -> Path:
    """Write a checkpoint and the .yaml beside it; return the path of the checkpoint."""
    from msst.models.bs_roformer.bs_roformer import BSRoformer

    torch.manual_seed(0)
    torch.save({"model_state_dict": BSRoformer(**CONFIG["model"]).state_dict(), "epoch": 3}, path)
    path.with_suffix(".yaml").write_text(yaml.dump(config))  # a tuple becomes !!python/tuple, as theirs
    return path
