"""Fits the twin's settings: a loss between two recordings, and an optimiser for a few settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from aural.learning.losses import log_spectral_db, stft

ENVELOPES_S = (0.001, 0.005, 0.02, 0.1)
"""Windows in which levels are compared: the short ones show the attack, the long ones the curve."""
SPECTRA_S = (0.01, 0.04)
RANGE_DB = 60.0  # below the loudest window of a clip; softer windows do not count
FLOOR = 1e-9  # power that silence counts as


def envelope_distance_db(estimate: Tensor, target: Tensor, sample_rate: int) -> Tensor:
    """Return the mean difference of levels in windows of several lengths; audio of (batch, channels, frames)."""
    return torch.stack([_levels_apart(estimate, target, round(s * sample_rate)) for s in ENVELOPES_S]).mean()


def _levels_apart(estimate: Tensor, target: Tensor, window: int) -> Tensor:
    found, wanted = (
        10 * torch.log10(functional.avg_pool1d(audio.square().mean(1, keepdim=True), window, window // 2) + FLOOR)
        for audio in (estimate, target)
    )
    counts = wanted > wanted.amax(-1, keepdim=True) - RANGE_DB
    return (found - wanted)[counts].abs().mean()


def spectral_distance_db(estimate: Tensor, target: Tensor, sample_rate: int) -> Tensor:
    """Return the distance of log spectra of several resolutions; audio of (batch, channels, frames)."""
    windows = [2 * round(s * sample_rate / 2) for s in SPECTRA_S]
    both = [[stft(audio.flatten(0, 1), window, window // 4) for audio in (estimate, target)] for window in windows]
    return torch.stack([log_spectral_db(*spectra).mean() for spectra in both]).mean()


class WholeAdam(torch.optim.Optimizer):
    """Adam with the whole matrix of second moments, where parameters are few.

    Threshold, ratio, knee and make-up gain can stand in for each other: the distance falls steeply across their
    valley and hardly along it. The moments of each parameter alone do not see that; the matrix does, and steps are
    lr G^(-1/2) m with G and m the decaying means of the gradient's outer product and of the gradient.

    References:
        Duchi, Hazan, Singer: Adaptive subgradient methods, JMLR 12, 2011 (the full matrix). Kingma, Ba: Adam, 2015
        (the decaying means and their correction).
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.95), damping: float = 1e-6
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "damping": damping})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._move(group)
        return loss

    def _move(self, group: dict[str, Any]) -> None:
        moved = group["params"]
        gradient = torch.cat([p.grad.flatten() for p in moved])
        known = self.state[moved[0]]
        if not known:
            known |= {"step": 0, "mean": gradient * 0, "matrix": torch.outer(gradient, gradient) * 0}
        known["step"] += 1
        first, second = group["betas"]
        known["mean"].lerp_(gradient, 1 - first)
        known["matrix"].lerp_(torch.outer(gradient, gradient), 1 - second)
        mean = known["mean"].double() / (1 - first ** known["step"])
        powers, axes = torch.linalg.eigh(known["matrix"].double() / (1 - second ** known["step"]))
        scale = (powers.clamp(min=0) + group["damping"] * powers.max() + 1e-30).sqrt()
        change = group["lr"] * (axes @ ((axes.T @ mean) / scale))
        for p, part in zip(moved, change.split([p.numel() for p in moved]), strict=True):
            p -= part.view_as(p).to(p)
