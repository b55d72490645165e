"""Training on Lightning: one run is a folder that can be gone on with, and ends in weights and a model card."""

from __future__ import annotations

import logging
import math
import platform
import sys
import tomllib
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import tomli_w
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from aural.errors import AuralError, ParameterError
from aural.learning import weights
from aural.parameters import check, hint, param

try:
    from lightning import Callback, LightningModule, Trainer, seed_everything
    from lightning.pytorch.callbacks import (
        LearningRateMonitor,
        ModelCheckpoint,
        RichProgressBar,
        Timer,
        WeightAveraging,
    )
    from lightning.pytorch.loggers import TensorBoardLogger
except ImportError as error:
    raise AuralError(f'training needs more packages ({error.name}): pip install "aural[train]"') from error

SETTINGS, CHECKPOINT, CARD = "settings.toml", "last.ckpt", "MODEL_CARD.md"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What every training has to be told. A room's own adds its networks and its folders of audio."""

    network: str
    steps: int = param(20000, "Steps of the optimiser", low=1)
    epoch_steps: int = param(500, "Steps from one validation and checkpoint to the next", low=1)
    batch: int = param(8, "Clips in a batch", low=1)
    clip_s: float = param(2.5, "Length of a clip", unit="s", low=0.5, high=60.0)
    validation_clips: int = param(32, "Held-out clips that each validation uses", low=1)
    learning_rate: float = param(1.5e-3, "Highest learning rate; it rises over 300 steps and falls by a cosine over "
                                 "the last three quarters", low=0.0, high=1.0)  # fmt: skip
    seed: int = param(0, "What all that is random begins from", low=0)
    init: str | None = param(None, "Weights to begin with instead of random ones: a .safetensors file",
                             examples=("compact.safetensors",))  # fmt: skip
    pretrain: bool = param(False, "Learn to fill in hidden parts of spectra and to foretell the next frame, from the "
                           "audio alone; begin the training proper from the result with --init")  # fmt: skip
    workers: int = param(1, "Processes that mix clips", low=0)
    device: str = param("auto", "Where to train", choices=("auto", "cpu", "cuda", "mps"))
    devices: int = param(1, "Devices on each machine", low=1)
    machines: int = param(1, "Machines; start the command on each, as Lightning's cluster guide says", low=1)
    strategy: str = param("auto", "How several devices share the work, in Lightning's words", examples=("ddp", "fsdp"))
    precision: str = param("32-true", "Number format of the network's arithmetic",
                           choices=("32-true", "bf16-mixed", "16-mixed"))  # fmt: skip

    def __post_init__(self) -> None:
        check(self, "training")

    @abstractmethod
    def recipe(self) -> Recipe:
        """Make the network and what belongs to it."""

    @classmethod
    def read(cls, run: Path) -> Self:
        """Read the settings of a run.

        Raises:
            ParameterError: the folder is not a run, or its settings are not of this kind.
        """
        try:
            values = tomllib.loads((run / SETTINGS).read_text(encoding="utf-8"))
        except OSError as error:
            raise ParameterError(f"{run}: is not a training run: it has no {SETTINGS}") from error
        except tomllib.TOMLDecodeError as error:
            raise ParameterError(f"{run / SETTINGS}: is damaged: {error}") from error
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise ParameterError(f"{run / SETTINGS}: no setting called {name!r}{hint(name, known)}")
        return cls(**values)

    def write(self, run: Path) -> None:
        """Write the settings of a run into its folder."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        (run / SETTINGS).write_text(tomli_w.dumps(values), encoding="utf-8")


class Clips(Dataset[Any]):
    """Clips made on demand, each from a seed of its own: clip n of a run is the same wherever the run was broken off."""

    def __init__(self, draw: Any, count: int, first: int, seed: int) -> None:
        self.draw, self.count, self.first, self.seed = draw, count, first, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        torch.set_num_threads(1)
        return self.draw(np.random.default_rng([self.seed, self.first + index]))


class Recipe(LightningModule):
    """A network, the clips it learns from, and what is made small.

    A room implements `clips` and `losses`. What `losses` calls "loss" is made small, the rest is logged.
    """

    def __init__(self, settings: Training, network: nn.Module) -> None:
        super().__init__()
        self.settings, self.network = settings, network

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
        first = self.trainer.current_epoch * wanted.epoch_steps * wanted.batch
        return self._loader(self.clips("train"), wanted.epoch_steps * wanted.batch, first, wanted.seed)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.clips("validation"), self.settings.validation_clips, 0, 0)

    def _loader(self, draw: Any, count: int, first: int, seed: int) -> DataLoader[Any]:
        return DataLoader(Clips(draw, count, first, seed), self.settings.batch, num_workers=self.settings.workers)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(
            self._groups(), lr=self.settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.02
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _groups(self) -> list[dict[str, Any]]:
        """Let only matrices decay, not biases and norms."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [
            {"params": [p for p in trained if p.ndim > 1]},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def _rate(self, step: int) -> float:
        done = step / self.settings.steps
        falling = 0.5 * (1 + np.cos(np.pi * max(0.0, (done - 0.25) / 0.75)))
        return float(min(1.0, (step + 1) / 300) * max(0.01, falling))


def averaging() -> WeightAveraging:
    """Average the weights over the last thousand steps or so: they are what is validated and kept."""

    def towards(average: Tensor, current: Tensor, count: Tensor) -> Tensor:
        share = 1 - torch.clamp((1 + count) / (20 + count), max=0.998)
        return average + share * (current - average)

    return WeightAveraging(avg_fn=towards)


class Report(Callback):
    """Says after each epoch how far the training is and what it has reached."""

    def on_validation_end(self, trainer: Trainer, recipe: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        found = {name: float(trainer.callback_metrics[name]) for name in ("loss", "validation")}
        steps = f"step {trainer.global_step} of {trainer.max_steps}"
        Console().print(f"{steps}: loss {found['loss']:.3f}, validation {found['validation']:.3f}")


def fit(settings: Training, run: Path, resume: bool = False) -> Path:
    """Train into a folder; return the path of the weights.

    Raises:
        ParameterError: the folder holds a run already and `resume` is not set, or the other way round.
    """
    checkpoint = run / CHECKPOINT
    if resume and not checkpoint.exists():
        raise ParameterError(f"{run}: holds no {CHECKPOINT} to go on from")
    if not resume and (run / SETTINGS).exists():
        raise ParameterError(f"{run}: holds a run already; go on with it by --resume, or name another folder")
    run.mkdir(parents=True, exist_ok=True)
    seed_everything(settings.seed, workers=True, verbose=False)
    recipe = settings.recipe()
    if settings.init:
        start(recipe.network, settings.init)
    settings.write(run)
    trainer = _trainer(settings, run)
    try:
        trainer.fit(recipe, ckpt_path=checkpoint if resume else None, weights_only=False)
    except AuralError as error:  # from a process that mixes clips: torch puts the whole traceback into the text
        raise type(error)(str(error).strip().splitlines()[-1].removeprefix(f"{_path(type(error))}: ")) from error
    if trainer.interrupted or trainer.global_step < settings.steps:
        raise AuralError(f"{run}: stopped at step {trainer.global_step} of {settings.steps}; go on with --resume")
    return _finish(recipe, trainer, run)


def _path(error: type[Exception]) -> str:
    return f"{error.__module__}.{error.__qualname__}"


def start(network: nn.Module, path: str) -> None:
    """Load what fits of some weights into a network, to learn on from there.

    Raises:
        WeightsError: nothing in the file fits.
    """
    state, _ = weights.load(path)
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise weights.WeightsError(f"{path}: holds nothing that fits this network")
    network.load_state_dict(fitting, strict=False)


def _trainer(settings: Training, run: Path) -> Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    keep = ModelCheckpoint(  # at the end of the epoch itself, Lightning goes on with an epoch of no steps that counts
        run, filename=Path(CHECKPOINT).stem, enable_version_counter=False, save_on_train_epoch_end=False
    )
    watching = [RichProgressBar()] if sys.stderr.isatty() else []
    return Trainer(
        accelerator=settings.device,
        devices=settings.devices,
        num_nodes=settings.machines,
        strategy=settings.strategy,
        precision=settings.precision,  # type: ignore[arg-type]
        max_steps=settings.steps,
        max_epochs=math.ceil(settings.steps / settings.epoch_steps),
        limit_train_batches=settings.epoch_steps,
        reload_dataloaders_every_n_epochs=1,
        gradient_clip_val=3.0,
        deterministic="warn",
        logger=TensorBoardLogger(run, name="", version="log"),
        callbacks=[*watching, Timer(), Report(), LearningRateMonitor("step"), averaging(), keep],
        enable_progress_bar=bool(watching),
        enable_model_summary=False,
        log_every_n_steps=10,
    )

def _finish(recipe: Recipe, trainer: Trainer, run: Path) -> Path:
    """Write the averaged weights and the model card."""
    settings = recipe.settings
    scores = {name: round(float(value), 4) for name, value in trainer.logged_metrics.items() if "validation" in name}
    about = {
        "settings": asdict(settings),
        "hours": round(trainer.global_step * settings.batch * settings.clip_s / 3600, 2),
        "parameters": sum(p.numel() for p in recipe.network.parameters()),
        "minutes": round(_minutes(trainer), 1),
        "hardware": f"{trainer.num_devices} x {_hardware(recipe)}",
        "torch": torch.__version__,
        **recipe.about(),
        "scores": scores,
    }
    path = weights.save(recipe.network.state_dict(), run, settings.network, about)
    (run / CARD).write_text("\n".join(_card(path, about)) + "\n", encoding="utf-8")
    return path


def _minutes(trainer: Trainer) -> float:
    timer = next(callback for callback in trainer.callbacks if isinstance(callback, Timer))  # type: ignore[attr-defined]
    return timer.time_elapsed("train") / 60


def _hardware(recipe: Recipe) -> str:
    return torch.cuda.get_device_name(recipe.device) if recipe.device.type == "cuda" else platform.processor() or "CPU"


def _card(path: Path, about: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {path.name}\n"
    for name, value in about.items():
        if isinstance(value, Mapping):
            yield f"\n## {name}\n\n| | |\n|---|---|"
            yield from (f"| {key} | {entry} |" for key, entry in value.items())
        else:
            yield f"- {name}: {value}"
