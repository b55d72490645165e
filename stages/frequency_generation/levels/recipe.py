"""Training of the network: levels of what codecs have removed, and judges of what is filled with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from aural.dsp.decibels import db_to_power
from aural.learning.losses import log_spectral_db, stft
from aural.learning.material import describe
from aural.learning.training import Recipe
from aural.stages.frequency_generation.clips import CodedClips, whole
from aural.stages.frequency_generation.levels.fill import analysis, filled, power_of, synthesis
from aural.stages.frequency_generation.levels.network import (
    BIN_HZ,
    BINS,
    HOP,
    NEPER,
    PHASORS,
    STEP,
    WINDOW,
    LevelsNetwork,
)

WEIGHTS = {"levels": 0.1, "spectral": 0.1, "adversarial": 0.05, "matching": 0.3, "judge": 1.0}
JUDGED = 0.8  # of the steps are done before the judges join
END = 0.96  # of what a recording reaches: it is judged up to there
HIGHEST_HZ = 20000.0
DEPTH = 1e-6  # of the mean power: what lies deeper counts as silence
WINDOWS = (512, 2048)
JUDGES = (512, 1024, 2048)


class FillJudge(nn.Module):
    """Distinguishes original spectrograms from filled ones, in patches, at one resolution."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        widths = (2, channels, 2 * channels, 2 * channels)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 5, 2, 2) for a, b in pairwise(widths))
        self.verdict = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, levels: Tensor, damaged: Tensor) -> list[Tensor]:
        """Judge levels of shape (batch, frames, bins), shown those of the damaged recording; last come the
        verdicts."""
        x = torch.stack([levels, damaged], dim=1).contiguous(memory_format=torch.channels_last)
        seen = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            seen.append(x)
        return [*seen, self.verdict(x)]


class LevelsRecipe(Recipe):
    """The log-spectral distance of the levels, that of the filled audio at two resolutions, and, for the network with
    a noise z, judges at three, which join for the last fifth.

    References:
        Mao and others: Least squares generative adversarial networks. ICCV 2017.
    """

    network: LevelsNetwork

    def __init__(self, settings: Any, network: LevelsNetwork) -> None:
        super().__init__(settings, network)
        self.judges = nn.ModuleList(FillJudge() for _ in JUDGES if network.phasors)

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        return CodedClips(self.settings, part, STEP * HOP)

    def about(self) -> Mapping[str, Any]:
        folders = self.settings.folders("train")  # type: ignore[attr-defined]
        return {"material": describe(clip for clips in folders for clip in whole(clips))}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        damaged, original, end_hz = batch
        spectra, target = analysis(damaged), analysis(original)
        power = power_of(spectra[:, ::STEP])
        levels = self.network(power, _phasors(*power.shape[:2], PHASORS, device=power.device))
        with torch.autocast(damaged.device.type, enabled=False):
            hz = torch.arange(WINDOW // 2 + 1, device=damaged.device) * BIN_HZ
            there = (hz < (END * end_hz).clamp(max=HIGHEST_HZ)[:, None])[:, None].float()
            made = filled(spectra, levels, _phasors(*spectra.shape, device=spectra.device))
            frames = damaged.shape[-1]
            audio, real = (synthesis(x * there, frames) for x in (spectra + made, target))
            errors = [log_spectral_db(stft(audio, n, n // 4), stft(real, n, n // 4)).mean() for n in WINDOWS]
            parts = {
                "levels": _distance(levels, power_of(target[:, ::STEP]), there),
                "spectral": torch.stack(errors).mean(),
            }
            if self.judges and self.global_step >= JUDGED * self.settings.steps:
                parts |= self._judged(audio, real, synthesis(spectra * there, frames))
            elif self.judges:
                parts["judge"] = 0.0 * torch.stack([p.sum() for p in self.judges.parameters()]).sum()
        return {"loss": sum(WEIGHTS[name] * part for name, part in parts.items()), **parts}  # type: ignore[dict-item]

    def _judged(self, audio: Tensor, real: Tensor, damaged: Tensor) -> dict[str, Tensor]:
        """Return what the verdicts cost the network, and what the judges must learn."""
        parts: dict[str, list[Tensor]] = {"adversarial": [], "matching": [], "judge": []}
        for judge, size in zip(self.judges, JUDGES, strict=True):
            made, true, before = _pictures((audio, real, damaged), size)
            unmoved = {name: value.detach() for name, value in judge.named_parameters()}
            fake = functional_call(judge, unmoved, (made, before))
            both = judge(torch.cat([true, made.detach()]), torch.cat([before, before]))
            right, found = zip(*(x.chunk(2) for x in both), strict=True)
            parts["adversarial"].append((fake[-1] - 1).square().mean())
            parts["matching"] += [(a - b.detach()).abs().mean() for a, b in zip(fake[:-1], right[:-1], strict=True)]
            parts["judge"].append((right[-1] - 1).square().mean() + found[-1].square().mean())
        return {name: torch.stack(values).mean() for name, values in parts.items()}


def _distance(levels: Tensor, target: Tensor, there: Tensor) -> Tensor:
    """Return the log-spectral distance that levels leave, in dB, over the bins that the network knows."""
    floor = DEPTH * (target * there).sum((1, 2), keepdim=True) / (there.sum(-1, keepdim=True) * target.shape[1])
    floor = floor + 1e-12
    error = torch.log((db_to_power(levels) + floor) / (target + floor)) / NEPER
    share = there[..., BINS] / there[..., BINS].sum(-1, keepdim=True)
    return ((error[..., BINS].square() * share).sum(-1) + 1e-2).sqrt().mean()


def _phasors(*shape: int, device: torch.device) -> Tensor:
    angle = 2 * torch.pi * torch.rand(*shape, device=device)
    return torch.polar(torch.ones_like(angle), angle)


def _pictures(audio: tuple[Tensor, Tensor, Tensor], size: int) -> list[Tensor]:
    """Return log spectra, on the scale of the second, which is real."""
    powers = [power_of(stft(x, size, size // 2)) for x in audio]
    mean = powers[1].mean(dim=(1, 2), keepdim=True) + 1e-12
    return [torch.log10(power / mean + 1e-7) / 2 for power in powers]
