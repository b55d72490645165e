"""Learns a chain from pairs of recordings, before and after processing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tomli_w
import torch
from torch import Tensor

from aural.audio.atomic import write_text
from aural.chainfile import chain_table
from aural.errors import AudioError, ParameterError
from aural.learning.pairs import Pair, pairs
from aural.learning.training import Recipe, Training
from aural.parameters import param
from aural.signals import Block
from aural.stages.dynamic_compression.fitting import WholeAdam, envelope_distance_db, spectral_distance_db
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.stages.dynamic_compression.twin import Twin

CHAIN = "chain.toml"
HELD_OUT = 4  # one pair in this many is kept for validation
RUN_IN_S = 1.0  # of audio in front of a clip, in which the compressor settles


@dataclass(frozen=True, kw_only=True)
class DynamicCompressionTraining(Training):
    """Fit a compressor, and an equaliser before it, to pairs of recordings; write them as a chain file.

    A constant delay of a pair is measured by cross-correlation and compensated. With four pairs or more, every
    fourth is held out for validation.

    Raises:
        ParameterError: besides ranges, a folder is not given.
    """

    ends_in: ClassVar[str] = "a chain"
    # of a network, which is none here: no settings
    network: ClassVar[str] = "chain"  # type: ignore[misc]
    init: ClassVar[str | None] = None  # type: ignore[misc]
    precision: ClassVar[str] = "32-true"  # type: ignore[misc]
    input: str = param("", "Folder of unprocessed recordings")
    target: str = param("", "Folder of the processed versions: same names, sample rates and lengths")
    bands: int = param(0, "Equaliser bands before the compressor: a low shelf, a high shelf, then peaks between "
                       "them", low=0, high=12)  # fmt: skip
    detector: str = param("peak", "Level detector: peak, or RMS",
                          choices=("peak", "rms"))  # fmt: skip
    steps: int = param(300, "Optimiser steps", low=1)
    epoch_steps: int = param(50, "Steps from one validation and checkpoint to the next", low=1)
    batch: int = param(4, "Clips in a batch", low=1)
    clip_s: float = param(
        2.0, "Length of a clip; one extra second before it lets the detector settle", unit="s", low=0.5, high=60.0
    )
    validation_clips: int = param(8, "Held-out clips in each validation", low=1)
    learning_rate: float = param(0.1, "Peak learning rate: 20 steps of warm-up, cosine decay over the last three "
                                 "quarters", low=0.0, high=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("input", "target"):
            if not getattr(self, name):
                raise ParameterError(f"{name} must name a folder of audio", stage="training", parameter=name)

    def recipe(self) -> Recipe:
        found = self.pairs
        for other in found:
            if (other.sample_rate, other.channels) != (found[0].sample_rate, found[0].channels):
                shown = " and ".join(f"{p.channels} channels at {p.sample_rate} Hz" for p in (found[0], other))
                raise AudioError(f"holds {shown}; a chain is fitted to one format", path=self.input)
        return FittingRecipe(self, Twin(DynamicCompression(detector=self.detector), self.bands, found[0].sample_rate))

    @cached_property
    def pairs(self) -> list[Pair]:
        """List the pairs."""
        return pairs(self.input, self.target)

    def material(self, part: str) -> list[Pair]:
        """List the pairs of a part, train or validation; all of them where they are few."""
        if len(self.pairs) < HELD_OUT:
            return self.pairs
        return [p for n, p in enumerate(self.pairs) if (n % HELD_OUT == HELD_OUT - 1) == (part == "validation")]


class PairClips:
    """Draws clips of pairs; every second of audio is equally likely."""

    def __init__(self, found: list[Pair], seconds: float) -> None:
        self.pairs = found
        self.frames, self.ahead = (round(s * found[0].sample_rate) for s in (seconds, RUN_IN_S))
        self.shares = np.array([p.seconds for p in found]) / sum(p.seconds for p in found)

    def __call__(self, rng: np.random.Generator) -> tuple[Block, Block]:
        """Return the input and the target of a clip, each with the run-in ahead of it."""
        while True:
            drawn = self.pairs[rng.choice(len(self.pairs), p=self.shares)]
            first = int(rng.integers(max(1, drawn.frames - self.frames + 1)))
            given, target = drawn.read(first - self.ahead, self.ahead + self.frames)
            if target[:, self.ahead :].any():  # silence teaches nothing
                return given, target


class FittingRecipe(Recipe):
    """Fits levels in windows, and spectra if there is an equaliser, to those of the target."""

    warm_up: ClassVar[int] = 20
    settings: DynamicCompressionTraining
    network: Twin

    def clips(self, part: str) -> PairClips:
        return PairClips(self.settings.material(part), self.settings.clip_s)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        rate = self.network.sample_rate
        given, target = batch
        ahead = round(RUN_IN_S * rate)
        compared = self.network(given)[..., ahead:], target[..., ahead:]
        envelope = envelope_distance_db(*compared, rate)
        if not self.settings.bands:
            return {"loss": envelope}
        spectrum = spectral_distance_db(*compared, rate)
        return {"loss": envelope + spectrum, "envelope_db": envelope, "spectrum_db": spectrum}

    def about(self) -> Mapping[str, Any]:
        found = self.settings.pairs
        alone = "pairs held out" if len(found) >= HELD_OUT else "the same pairs, since they are few"
        return {
            "material": {
                "pairs": len(found),
                "minutes": round(sum(p.seconds for p in found) / 60, 2),
                "validated on": alone,
                "delays in frames, taken out": ", ".join(str(n) for n in sorted({p.delay for p in found})),
            }
        }

    def save(self, run: Path, about: Mapping[str, Any]) -> Path:
        """Write the chain."""
        described = {"description": f"Fitted to {self.settings.input} and {self.settings.target}"}
        path = run / CHAIN
        write_text(path, tomli_w.dumps(described | chain_table(self.network.chain())))
        return path

    def configure_optimizers(self) -> Any:
        optimizer = WholeAdam(self.parameters(), self.settings.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
