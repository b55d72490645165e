"""What is shown while a network is trained."""

from __future__ import annotations

import sys

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from aural.cli.terminal import say


class Epochs(Callback):
    """Says after each epoch how far the training is and what it has reached."""

    def on_validation_end(self, trainer: Trainer, recipe: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        found = {name: float(trainer.callback_metrics[name]) for name in ("loss", "validation")}
        steps = f"step {trainer.global_step} of {trainer.max_steps}"
        say(f"{steps}: loss {found['loss']:.4g}, validation {found['validation']:.4g}")


def watching() -> list[Callback]:
    """Return what shows a training: a line for each epoch, and a bar where there is a terminal."""
    return [Epochs(), *[RichProgressBar()] * sys.stderr.isatty()]
