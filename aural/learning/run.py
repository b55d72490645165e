"""A training run: a folder with checkpoints to resume from and, at the end, weights (or a chain) and a model card."""

from __future__ import annotations

import logging
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from aural.audio.atomic import write_text
from aural.devices import resolved
from aural.errors import AuralError, ParameterError, WeightsError
from aural.learning import weights
from aural.learning.training import Recipe, Training
from aural.markdown import table

# behind aural.learning.training, which says what to install where Lightning is missing
from lightning import Callback, Trainer, seed_everything  # isort: skip
from lightning.fabric.utilities.exceptions import MisconfigurationException  # isort: skip
from lightning.pytorch import callbacks  # isort: skip
from lightning.pytorch.loggers import TensorBoardLogger  # isort: skip

log = logging.getLogger("aural")
CHECKPOINT, CARD = "last.ckpt", "MODEL_CARD.md"
CONTENTS = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks"}
"""What a checkpoint cannot do without."""


def fit(settings: Training, run: Path, resume: bool = False, watching: Sequence[Callback] = ()) -> Path | None:
    """Train into a folder; return the path of the weights or chain, or None where another process writes them.

    Args:
        settings: what is trained, and on what.
        run: the folder.
        resume: whether the run in the folder is continued.
        watching: Lightning's callbacks, such as a progress bar.

    Raises:
        ParameterError: the folder holds a run already and `resume` is not set, or the other way round; or there is
            no such device, strategy or precision here.
    """
    checkpoint = run / CHECKPOINT
    if resume and not checkpoint.exists():
        raise ParameterError(f"holds no {CHECKPOINT} to continue from", path=run)
    if not resume and checkpoint.exists():
        raise ParameterError("holds a run already; resume it, or name another folder", path=run)
    if resume and (run / CARD).exists():
        raise ParameterError("is finished; to train further, start another run with its weights as init", path=run)
    if resume:
        _check(checkpoint)
    seed_everything(settings.seed, workers=True, verbose=False)
    recipe = settings.recipe()
    for part in ("train", "validation"):
        recipe.clips(part)  # refuses what cannot be trained on, before anything is written
    try:
        trainer = _trainer(recipe, run, watching)
    except (MisconfigurationException, ValueError) as error:
        raise ParameterError(f"{str(error).strip().splitlines()[0]}", stage="training") from error
    if trainer.precision != settings.precision:
        raise ParameterError(
            f"this device computes in {trainer.precision}, not in {settings.precision}", stage="training"
        )
    run.mkdir(parents=True, exist_ok=True)
    if settings.init and not resume and (new := start(recipe.network, settings.init)):
        log.warning("%s: lacks %d tensors, which begin at random: %s", settings.init, len(new), ", ".join(new))
    if trainer.is_global_zero:
        settings.write(run)
    try:
        trainer.fit(recipe, ckpt_path=checkpoint if resume else None, weights_only=True)
    except SystemExit:  # what Lightning makes of an interrupt
        raise KeyboardInterrupt from None
    if trainer.interrupted or trainer.global_step < settings.steps:
        cure = "; resume it to continue" if checkpoint.exists() else ""
        raise AuralError(f"stopped at step {trainer.global_step} of {settings.steps}{cure}", path=run)
    return _finish(recipe, trainer, run) if trainer.is_global_zero else None


def _check(checkpoint: Path) -> None:
    """Raise WeightsError unless a checkpoint is one of Lightning's, of tensors and plain values."""
    try:
        with warnings.catch_warnings(action="ignore"):
            found = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle that is damaged, or one that would run a program
        raise WeightsError("is no checkpoint of a training; nothing in it was run", path=checkpoint) from error
    if not isinstance(found, dict) or not found.keys() >= CONTENTS:
        raise WeightsError(f"is no checkpoint of a training: it lacks {', '.join(sorted(CONTENTS))}", path=checkpoint)


def start(network: nn.Module, path: str) -> list[str]:
    """Load what fits of some weights into a network, to continue from there; return what they do not contain.

    Raises:
        WeightsError: nothing in the file fits.
    """
    state, _ = weights.load(path)
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and weights.alike(value, own[name])}
    if not fitting:
        raise WeightsError("holds nothing that fits this network", path=path)
    network.load_state_dict(fitting, strict=False)
    return [name for name in own if name not in fitting]


def _trainer(recipe: Recipe, run: Path, watching: Sequence[Callback]) -> Trainer:
    settings = recipe.settings
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    # saved at the end of the epoch itself, Lightning would go on with an epoch of no steps that counts
    keep = callbacks.ModelCheckpoint(
        run, filename=Path(CHECKPOINT).stem, enable_version_counter=False, save_on_train_epoch_end=False
    )
    mean = [averaging()] if recipe.averaged else []
    return Trainer(
        accelerator=resolved(settings.device),
        devices=settings.devices,
        num_nodes=settings.machines,
        strategy=settings.strategy,
        precision=settings.precision,  # type: ignore[arg-type]
        max_steps=settings.steps,
        max_epochs=settings.steps // settings.epoch,
        limit_train_batches=settings.epoch,
        reload_dataloaders_every_n_epochs=1,
        gradient_clip_val=recipe.steepest,
        deterministic="warn",
        logger=TensorBoardLogger(run, name="", version="log"),
        callbacks=[*watching, callbacks.Timer(), callbacks.LearningRateMonitor("step"), *mean, keep],
        enable_progress_bar=any(isinstance(each, callbacks.ProgressBar) for each in watching),
        enable_model_summary=False,
        log_every_n_steps=10,
    )


def averaging() -> callbacks.WeightAveraging:
    """Average the weights over the last thousand steps or so: they are what is validated and kept."""

    def towards(average: Tensor, current: Tensor, count: Tensor) -> Tensor:
        share = 1 - torch.clamp((1 + count) / (20 + count), max=0.998)
        return average + share * (current - average)

    return callbacks.WeightAveraging(avg_fn=towards)


def _finish(recipe: Recipe, trainer: Trainer, run: Path) -> Path:
    """Write the weights or the chain, and the model card."""
    settings = recipe.settings
    timer = next(x for x in trainer.callbacks if isinstance(x, callbacks.Timer))  # type: ignore[attr-defined]
    about = {
        "hours": round(trainer.global_step * trainer.world_size * settings.batch * settings.clip_s / 3600, 2),
        "minutes": round(timer.time_elapsed("train") / 60, 1),
        "hardware": f"{trainer.num_devices} x {_hardware(recipe)}",
        "parameters": sum(p.numel() for p in recipe.network.parameters()),
        "torch": torch.__version__,
        "settings": asdict(settings),
        **recipe.about(),
        "scores": {k: round(float(v), 4) for k, v in trainer.logged_metrics.items() if "validation" in k},
    }
    lasting = {key: value for key, value in about.items() if key != "minutes"}  # the same run is the same file
    path = recipe.save(run, lasting)
    write_text(run / CARD, "\n".join(_card(path, about)) + "\n")
    return path


def _hardware(recipe: Recipe) -> str:
    if recipe.device.type == "cuda":
        return torch.cuda.get_device_name(recipe.device)
    return platform.processor() or platform.machine()


def _card(path: Path, about: Mapping[str, object]) -> Iterator[str]:
    yield f"# {path.name}\n"
    for name, value in about.items():
        if isinstance(value, Mapping):
            yield f"\n## {name}\n\n{table(('', ''), value.items())}"
        else:
            yield f"- {name}: {value}"
