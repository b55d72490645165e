"""How the channels of a recording share the gains and filters that the network finds for each of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FORGETTING = 0.02  # of the past of the spectra, a frame: within 0.8 s
NEAR, WIDE = 3, 9  # neighbouring bins over which power and coherence are averaged
APART, TOGETHER = 0.05, 0.25  # squared coherence: up to where channels share nothing, and from where all


class Sharing:
    """Finds how much the gain of each channel counts in that of each other, bin by bin.

    Where two channels hold the same sound, they share one gain, the mean weighted by power, so the stereo image
    stays. Where they hold different sounds, such as two people with a microphone each, each has its own.

    References:
        Coherence: G. C. Carter, Coherence and time delay estimation, Proceedings of the IEEE 75(2), 1987.
    """

    def __init__(self, channels: int, bins: int) -> None:
        self.cross = torch.zeros(channels, channels, bins, dtype=torch.complex128)

    def __call__(self, spectra: Tensor) -> Tensor:
        """Return the weights of the next frames.

        Args:
            spectra: shape (channels, frames, bins), complex64.

        Returns:
            Shape (channels, channels, frames, bins); the sum over the second dimension is 1.
        """
        if len(spectra) == 1:
            return torch.ones_like(spectra.real)[None]
        exact = spectra.to(self.cross.dtype)  # whose squares stay finite
        cross = self._smoothed(exact[:, None] * exact[None].conj())
        alone = torch.diagonal(cross.real).movedim(-1, 0)
        coherence = cross.abs().square() / (alone[:, None] * alone[None] + 1e-30)
        share = ((_mean(coherence, WIDE) - APART) / (TOGETHER - APART)).clamp(0, 1)
        share[range(len(spectra)), range(len(spectra))] = 1
        weights = share * (_mean(exact.abs().square(), NEAR) + 1e-30)
        return (weights / weights.sum(dim=1, keepdim=True)).float()

    def _smoothed(self, cross: Tensor) -> Tensor:
        """Average the next frames over the past, shape (channels, channels, frames, bins)."""
        ages = torch.arange(cross.shape[2])
        decay = (1 - FORGETTING) ** (ages[:, None] - ages).to(cross.dtype)
        past = (1 - FORGETTING) ** (ages + 1)[:, None] * self.cross[:, :, None]
        smoothed = past + FORGETTING * (decay.tril() @ cross)
        self.cross = smoothed[:, :, -1]
        return smoothed


def _mean(values: Tensor, bins: int) -> Tensor:
    """Average over neighbouring bins, shape (..., frames, bins)."""
    rows = values.reshape(-1, 1, values.shape[-1])
    return functional.avg_pool1d(rows, bins, 1, bins // 2, count_include_pad=False).reshape(values.shape)
