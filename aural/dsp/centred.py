"""Spectra of Hann windows that are centred on every hop, for networks: PyTorch's STFT and its inverse."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def analysis(audio: Tensor, window: int, hop: int) -> Tensor:
    """Return spectra of audio, (batch, frames) to (batch, spectra, window / 2 + 1): number n is centred on n hops."""
    shape = torch.hann_window(window, device=audio.device)
    spectra = torch.stft(audio, window, hop, window=shape, pad_mode="constant", return_complex=True)
    return spectra.transpose(1, 2)


def synthesis(spectra: Tensor, frames: int, window: int, hop: int) -> Tensor:
    """Return the audio of such spectra, (batch, frames)."""
    shape = torch.hann_window(window, device=spectra.device)
    return torch.istft(spectra.transpose(1, 2), window, hop, window=shape, length=frames)


def around(level: Tensor, reach: int) -> Tensor:
    """Return the mean over so many frames to either side, fewer at the ends; shape (batch, frames) as before."""
    return functional.avg_pool1d(level[:, None], 2 * reach + 1, 1, reach, count_include_pad=False)[:, 0]
