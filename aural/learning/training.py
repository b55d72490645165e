"""Training with Lightning: the settings, the training clips, and the recipe (network, losses, optimiser)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import tomli_w
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from aural.audio.atomic import write_text
from aural.audio.contents import table_of, text_of
from aural.devices import DEVICES
from aural.errors import AuralError, ParameterError
from aural.learning import weights
from aural.learning.material import Clip, find
from aural.parameters import brief, check, hint, param

try:
    from lightning import LightningModule
except ImportError as error:
    raise AuralError(f'training needs more packages ({error.name}): pip install "aural[train]"') from error

SETTINGS = "settings.toml"


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings that every training has. A stage derives its own, with its networks and its folders of audio."""

    ends_in: ClassVar[str] = "weights"
    """What the run writes at its end."""
    network: str
    steps: int = param(20000, "Optimiser steps", low=1, high=10**9)
    epoch_steps: int = param(500, "Steps from one validation and checkpoint to the next", low=1, high=10**9)
    batch: int = param(8, "Clips in a batch", low=1, high=4096)
    clip_s: float = param(2.5, "Length of a clip", unit="s", low=0.5, high=60.0)
    validation_clips: int = param(32, "Held-out clips in each validation", low=1, high=10**6)
    learning_rate: float = param(1.5e-3, "Peak learning rate: 300 steps of warm-up, cosine decay over the last "
                                 "three quarters", low=0.0, high=1.0)  # fmt: skip
    seed: int = param(0, "Random seed", low=0, high=2**32 - 1)
    init: str | None = param(None, "Weights to start from instead of random ones: a .safetensors file",
                             examples=("compact.safetensors",))  # fmt: skip
    workers: int = param(1, "Processes that prepare clips", low=0, high=1024)
    device: str = param("auto", "Device to train on", choices=DEVICES)
    devices: int = param(1, "Devices on each machine", low=1, high=1024)
    machines: int = param(
        1, "Number of machines; start the command on each, as Lightning's cluster guide describes", low=1, high=10**5
    )
    strategy: str = param("auto", "Lightning's strategy for several devices", examples=("ddp", "fsdp"))
    precision: str = param("32-true", "Numerical precision of the network, as Lightning names it",
                           choices=("32-true", "bf16-mixed", "16-mixed"))  # fmt: skip

    def __post_init__(self) -> None:
        check(self, "training")
        if self.steps % self.epoch:
            raise ParameterError(
                f"steps must be a multiple of epoch_steps, {self.epoch}, got {self.steps}",
                stage="training",
                parameter="steps",
            )

    @property
    def epoch(self) -> int:
        """Steps from one validation and checkpoint to the next, which are not more than there are in all."""
        return min(self.epoch_steps, self.steps)

    @property
    def result(self) -> str:
        """Name of the weights that the run writes."""
        return self.network

    @abstractmethod
    def recipe(self) -> Recipe:
        """Make the network and what belongs to it."""

    @classmethod
    def read(cls, run: Path) -> Self:
        """Read the settings of a run.

        Raises:
            ParameterError: the folder is not a run, or its settings are not of this kind.
        """
        if not (run / SETTINGS).exists():
            raise ParameterError(f"is not a training run: it has no {SETTINGS}", path=run)
        text = text_of(run / SETTINGS, ParameterError)
        try:
            values = table_of(text, ParameterError)
        except ParameterError as error:
            raise ParameterError(f"is damaged: {error}", path=run / SETTINGS) from error
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise ParameterError(f"no setting called {brief(name)}{hint(name, known)}", path=run / SETTINGS)
        given: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
        return cls(**given)

    def write(self, run: Path) -> None:
        """Write the settings of a run into its folder."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        write_text(run / SETTINGS, tomli_w.dumps(values))


@dataclass(frozen=True, kw_only=True)
class VoicesAndMusic(Training):
    """The settings of a training on folders of voices and of music."""

    speech: tuple[str, ...] = param((), "Folder of voices; may be given several times")
    music: tuple[str, ...] = param((), "Folder of music; may be given several times")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.speech or self.music):
            raise ParameterError("speech or music must name a folder of audio", stage="training")

    def folders(self, part: str) -> list[list[Clip]]:
        """List the clips of each folder on one side of the split."""
        return [find(folder, kind, part) for kind in ("speech", "music") for folder in getattr(self, kind)]


class Clips(Dataset[Any]):
    """Clips made on demand. Clip n has a seed of its own, so a run that is resumed draws the same clips."""

    def __init__(self, draw: Any, count: int, first: int, seed: int) -> None:
        self.draw, self.count, self.first, self.seed = draw, count, first, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        try:
            return self.draw(np.random.default_rng([self.seed, self.first + index]))
        except AuralError as error:
            return error  # raised here, in a process of its own, its traceback would become its sentence


def batch_of(clips: list[Any]) -> Any:
    """Put clips into a batch; give the error that took the place of one, if there is any."""
    failed = next((clip for clip in clips if isinstance(clip, AuralError)), None)
    return failed or default_collate(clips)


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)


class Recipe(LightningModule):
    """A network, its training clips and its losses.

    A stage implements `clips` and `losses`. Of the values that `losses` returns, "loss" is minimised; the others are
    logged.
    """

    warm_up: ClassVar[int] = 300
    """Steps over which the learning rate rises."""
    steepest: ClassVar[float | None] = 3.0
    """Norm that longer gradients are cut down to, if any."""
    averaged: ClassVar[bool] = True
    """What is validated and kept is a running mean of the weights."""

    def __init__(self, settings: Training, network: nn.Module) -> None:
        super().__init__()
        self.settings = settings
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @abstractmethod
    def clips(self, part: str) -> Any:
        """Return a function that draws a clip (a tuple of arrays) by a random generator.

        Args:
            part: train or validation.
        """

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Return the loss of a batch, called loss, and its parts."""

    def about(self) -> Mapping[str, Any]:
        """Return what the model card is to say about the material."""
        return {}

    def save(self, run: Path, about: Mapping[str, Any]) -> Path:
        """Write what was learnt into the folder of the run; return its path."""
        return weights.save(self.network.state_dict(), run, self.settings.result, about)

    def on_train_batch_start(self, batch: Any, index: int) -> None:
        """Seed the random numbers by the number of the step, so that a resumed run gives the same result."""
        torch.manual_seed(hash((self.settings.seed, self.global_step, self.global_rank)))

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Raise the error of a clip that could not be made."""
        if isinstance(batch, AuralError):
            raise batch
        return batch

    def training_step(self, batch: Any, index: int) -> Tensor:
        parts = self.losses(batch)
        self.log_dict({f"train/{name}": value.detach() for name, value in parts.items()})
        self.log("loss", parts["loss"].detach(), prog_bar=True, logger=False)
        return parts["loss"]

    def validation_step(self, batch: Any, index: int) -> None:
        parts = self.losses(batch)
        self.log_dict({f"validation/{name}": value for name, value in parts.items()}, sync_dist=True)
        self.log("validation", parts["loss"], prog_bar=True, logger=False, sync_dist=True)

    def train_dataloader(self) -> DataLoader[Any]:
        wanted = self.settings
        count = wanted.epoch * wanted.batch * self.trainer.world_size
        return self._loader(self.clips("train"), count, self.trainer.current_epoch * count, wanted.seed)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.clips("validation"), self.settings.validation_clips, 0, 0)

    def _loader(self, draw: Any, count: int, first: int, seed: int) -> DataLoader[Any]:
        clips, workers = Clips(draw, count, first, seed), self.settings.workers
        return DataLoader(
            clips, self.settings.batch, num_workers=workers, collate_fn=batch_of, worker_init_fn=_one_thread
        )

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.AdamW(self._groups(), lr=self.settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.02)

    def _groups(self) -> list[dict[str, Any]]:
        """Apply weight decay to matrices, not to biases and norms."""
        trained = [p for p in self.parameters() if p.requires_grad]
        return [
            {"params": [p for p in trained if p.ndim > 1]},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def _rate(self, step: int) -> float:
        done = step / self.settings.steps
        falling = 0.5 * (1 + np.cos(np.pi * max(0.0, (done - 0.25) / 0.75)))
        return float(min(1.0, (step + 1) / self.warm_up) * max(0.01, falling))
