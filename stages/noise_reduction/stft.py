"""The STFT frames of the noise reduction networks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SAMPLE_RATE = 48000
WINDOW, HOP = 1536, 768  # 32 ms and half of it
BINS = WINDOW // 2 + 1


def analysis(audio: Tensor) -> Tensor:
    """Return the spectra that the network works on; the first window ends HOP frames into the audio."""
    window = torch.hann_window(WINDOW, device=audio.device).sqrt()
    padded = functional.pad(audio, (HOP, HOP))
    return torch.stft(padded, WINDOW, HOP, window=window, center=False, return_complex=True).transpose(1, 2)


def synthesis(spectra: Tensor, frames: int) -> Tensor:
    """Return the audio of such spectra."""
    window = torch.hann_window(WINDOW, device=spectra.device).sqrt()
    pieces = torch.fft.irfft(spectra, WINDOW) * window
    first, second = pieces[..., :HOP], pieces[..., HOP:]
    joined = functional.pad(first, (0, 0, 0, 1)) + functional.pad(second, (0, 0, 1, 0))
    return joined.flatten(1)[:, HOP : HOP + frames]
