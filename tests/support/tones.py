"""Tones, noise and their spectra, for tests of the unet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aural.signals import Block
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE, WINDOW


def power_of(audio: Tensor) -> Tensor:
    """Return power spectra, shape (batch, frames, bins)."""
    window = torch.hann_window(WINDOW).sqrt()
    spectra = torch.stft(audio, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    return spectra.abs().square().transpose(1, 2)


def tone(hz: float, seconds: float = 1.0) -> Tensor:
    """Return a tone with harmonics up to 6 kHz, shape (1, frames)."""
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [torch.cos(2 * torch.pi * hz * k * time + k * k) / k for k in range(1, int(6000 / hz))]
    return 0.1 * torch.stack(partials).sum(0, keepdim=True)


def noise(seconds: float = 1.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.05 * torch.randn(1, round(seconds * SAMPLE_RATE), generator=generator)


def restless(seconds: float, channels: int = 1) -> Block:
    """Return tones and noise at changing levels, float32 (channels, frames)."""
    rng = np.random.default_rng(1)
    audio = np.concatenate([tone(hz, 0.5)[0].numpy() for hz in rng.uniform(90, 300, round(2 * seconds))])
    gains = np.repeat(10 ** rng.uniform(-2, 0, round(2 * seconds)), SAMPLE_RATE // 2)
    hiss = 0.02 * rng.standard_normal((channels, len(audio)))
    return np.asarray(gains * audio + hiss, np.float32)
