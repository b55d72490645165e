"""What the unet learns, and from which loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tones import power_of, tone
from torch import Tensor

from aural.learning import weights
from aural.learning.run import CHECKPOINT, fit
from aural.learning.training import Recipe
from aural.stages.noise_reduction.engines.unet.curves import running_level
from aural.stages.noise_reduction.engines.unet.network import Unet
from aural.stages.noise_reduction.engines.unet.recipe import UnetRecipe
from aural.stages.noise_reduction.stft import SAMPLE_RATE
from aural.stages.noise_reduction.train import NoiseReductionTraining


def clip(rng: np.random.Generator) -> tuple[Any, ...]:
    """Draw a tone that comes and goes, in noise and a room of one echo."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    dry = tone(rng.uniform(90, 350), 0.5)[0].numpy() * (np.sin(2 * np.pi * 6 * time) > -0.5)
    voice = dry + 0.5 * np.roll(dry, 2400)
    noisy = voice + 0.1 * rng.standard_normal(len(time))
    return *(x.astype(np.float32) for x in (noisy, voice, dry)), np.float32(0)


class Toy(UnetRecipe):
    """Learns from tones; stops at a step where it is told to."""

    stop_at: int | None = None

    def clips(self, part: str) -> Callable[[np.random.Generator], Any]:
        return clip

    def about(self) -> Mapping[str, Any]:
        return {}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        if self.training and self.global_step == self.stop_at:
            raise InterruptedError
        return super().losses(batch)


@dataclass(frozen=True, kw_only=True)
class ToyTraining(NoiseReductionTraining):
    def recipe(self) -> Recipe:
        return Toy(self, Unet())


TINY = ToyTraining(
    speech=("-",), noise="-", steps=4, epoch_steps=2, batch=2, clip_s=0.5, validation_clips=2, workers=0, device="cpu"
)  # fmt: skip


def batch_of(count: int) -> list[Tensor]:
    clips = [clip(np.random.default_rng(seed)) for seed in range(count)]
    return [torch.from_numpy(np.stack(column)) for column in zip(*clips, strict=True)]


@pytest.fixture(scope="module")
def learnt() -> tuple[Toy, list[dict[str, float]]]:
    """A recipe that has seen one batch again and again, and what it lost each time."""
    torch.manual_seed(0)
    recipe = Toy(TINY, Unet())
    recipe.eval()  # so that the colour stays
    recipe.network.train()
    optimizer = torch.optim.Adam(recipe.parameters(), 6e-3)
    batch, history = batch_of(2), []
    for _ in range(24):
        parts = recipe.losses(batch)
        optimizer.zero_grad()
        torch.autograd.backward(parts["loss"])
        optimizer.step()
        history.append({name: part.item() for name, part in parts.items()})
    return recipe, history


@pytest.mark.parametrize(
    ("part", "share"), [("spectral", 0.5), ("noise", 0.5), ("pitch", 0.4), ("studio", 0.6), ("discriminator", 0.6)]
)
def test_every_part_is_learnt(learnt: tuple[Toy, list[dict[str, float]]], part: str, share: float) -> None:
    _, history = learnt
    assert history[-1][part] < share * history[0][part]


def test_the_noise_goes_and_the_pitch_is_known(learnt: tuple[Toy, list[dict[str, float]]]) -> None:
    recipe, history = learnt
    assert history[-1]["sdr"] < history[0]["sdr"] - 3
    noisy, _, dry, _ = batch_of(2)
    told = recipe.network(power_of(noisy))
    wanted = recipe.network.conditioning.pitch_class(power_of(dry))
    assert (told.pitch.argmax(-1) == wanted).float().mean() > 0.7


def test_the_judge_tells_a_studio_from_the_network(learnt: tuple[Toy, list[dict[str, float]]]) -> None:
    recipe, _ = learnt
    noisy, _, dry, _ = batch_of(2)
    power = power_of(noisy)
    told = recipe.network(power)
    studio = recipe.network.bands(power_of(dry)) / running_level(power)[..., None]
    assert recipe.judge(studio, told.curves)[-1].mean() > recipe.judge(told.studio, told.curves)[-1].mean() + 0.2


def test_each_loss_reaches_only_what_it_is_meant_for() -> None:
    recipe = Toy(TINY, Unet())
    network = recipe.network
    parts = recipe.losses(batch_of(2))

    def reached(name: str, module: torch.nn.Module) -> bool:
        wanted = list(module.parameters())
        return any(
            g is not None and bool(g.any())
            for g in torch.autograd.grad(parts[name], wanted, retain_graph=True, allow_unused=True)
        )

    for name in ("spectral", "sdr", "disturbance", "noise", "pitch"):
        assert reached(name, network.down)
        assert not reached(name, network.studio_up)
    for name in ("studio", "adversarial", "matching"):
        assert reached(name, network.studio_up)
        assert not reached(name, network.down)
        assert not reached(name, recipe.judge)
    assert reached("discriminator", recipe.judge)
    assert not reached("discriminator", network)


def test_clips_of_music_teach_nothing() -> None:
    recipe = Toy(TINY, Unet())
    *audio, _ = batch_of(2)
    assert recipe.losses([*audio, torch.ones(2)])["loss"].item() == 0


def test_a_run_that_is_gone_on_with_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(TINY, tmp_path / "whole")
    monkeypatch.setattr(Toy, "stop_at", 3)
    with pytest.raises(InterruptedError):
        fit(TINY, tmp_path / "parts")
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    monkeypatch.setattr(Toy, "stop_at", None)
    parts = fit(TINY, tmp_path / "parts", resume=True)
    first, second = weights.load(whole)[0], weights.load(parts)[0]
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first.keys() == Unet().state_dict().keys()
