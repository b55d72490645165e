"""The network of the voice engine: a mask for the voice in each bin of a stereo spectrum; what is left is the rest.

Idea from others: split the spectrum into bands with a layer each, then run over time in each band and over the bands
of each frame by turns (Luo and Yu 2023, BSRNN). One recurrent layer serves all bands, which keeps the network small.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE = 48000
WINDOW, HOP = 2048, 1024  # 43 ms and half of it
BINS = WINDOW // 2 + 1
GROUPS = ((16, 4), (8, 8), (8, 16), (8, 32), (5, 64))  # bands and their width in bins, from 0 Hz up
BANDS = sum(bands for bands, _ in GROUPS)
TOP = sum(bands * width for bands, width in GROUPS)  # bins below 19.5 kHz; those above are treated like the last one
LOW = 256  # bins below 6 kHz, where the mask turns the phase and mixes the channels
CHANNELS, BLOCKS = 64, 10
AHEAD = 6  # frames that a result lies behind the newest frame
DEAF = 4  # bins, below 94 Hz, that do not count towards the level
FORGETTING = 0.99  # of the level, a frame: half of it comes from the last 1.5 s
COMPRESSION = 0.3
SIGNALS = 2  # middle and side
MASK = SIGNALS + 2 * SIGNALS**2  # of a bin below LOW: a gain for either, and a complex matrix


class Voice(nn.Module):
    """Maps spectra of a mixture to those of the voice in it.

    Works on STFT frames of 48 kHz stereo, shape (batch, 2, frames, 1025), and is a stream: its state goes in and
    comes out, and the result belongs to the frames `AHEAD` before those that came in.
    """

    powers: Tensor

    def __init__(self, channels: int = CHANNELS, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.split = nn.ModuleList(
            StereoBands(bands, width * SIGNALS * (3 if low else 1), channels) for bands, width, low in _groups()
        )
        self.blocks = nn.ModuleList(BandBlock(channels) for _ in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.join = nn.ModuleList(
            StereoBands(bands, channels, width * (MASK if low else SIGNALS)) for bands, width, low in _groups()
        )

    def begin(self, batch: int) -> list[Tensor]:
        """Return the state at the beginning of a stream."""
        some = self.norm.weight
        spectra = some.new_zeros(batch, SIGNALS, AHEAD, BINS, dtype=torch.complex64)
        bands = some.new_zeros(batch, AHEAD, BANDS, some.numel())
        blocks = (cast(BandBlock, block).begin(batch) for block in self.blocks)
        return [spectra, bands, some.new_zeros(batch, 2), *blocks]

    def forward(self, spectra: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Advance by some frames.

        Args:
            spectra: complex, left and right, shape (batch, 2, frames, 1025).
            memory: from `begin` or the call before.

        Returns:
            The spectra of the voice in as many frames, AHEAD earlier, and the memory for the next call.
        """
        heard = torch.cat([memory[0], turned(spectra)], dim=2)
        level, power = self._level(heard[:, :, AHEAD:], memory[2])
        x = self._features(heard[:, :, AHEAD:, :TOP] / (level[:, None, :, None] + 1e-20))
        bands = torch.cat([memory[1], x], dim=1)
        kept, half = [heard[:, :, -AHEAD:], bands[:, -AHEAD:], power], len(self.blocks) // 2
        for number, (block, past) in enumerate(zip(self.blocks, memory[3:], strict=True)):
            if number == half:
                x = x + bands[:, :-AHEAD]  # from here on, the frames that the result belongs to
            x, past = block(x, past)
            kept.append(past)
        return turned(self._masked(heard[:, :, :-AHEAD], self.norm(x))), kept

    def _level(self, spectra: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the running level up to each frame, shape (batch, frames), and the sums to remember."""
        power = _power(spectra[..., DEAF:]).mean(dim=(1, 3))
        count = torch.arange(power.shape[1], device=power.device)
        age = count[:, None] - count
        weights = (FORGETTING**age * (age >= 0)).to(power.dtype)
        faded = past[:, None] * (FORGETTING ** (count + 1))[:, None].to(power.dtype)
        sums = torch.einsum("ts,bsk->btk", weights, torch.stack([power, torch.ones_like(power)], dim=-1)) + faded
        return (sums[..., 0] / sums[..., 1]).sqrt(), sums[:, -1]

    def _features(self, spectra: Tensor) -> Tensor:
        """Return the input of the first block, shape (batch, frames, bands, channels)."""
        power = _power(spectra) + 1e-10
        magnitude = power ** (COMPRESSION / 2)
        phasor = spectra[..., :LOW] * power[..., :LOW] ** ((COMPRESSION - 1) / 2)
        low = torch.cat([magnitude[..., :LOW], phasor.real, phasor.imag], dim=1).permute(0, 2, 3, 1)
        high = magnitude.permute(0, 2, 3, 1)
        bands, first = [], 0
        for layer, (count, width, is_low) in zip(self.split, _groups(), strict=True):
            source = (low if is_low else high)[:, :, first : first + count * width]
            bands.append(layer(source.reshape(*source.shape[:2], count, -1)))
            first += count * width
        return torch.cat(bands, dim=2)

    def _masked(self, spectra: Tensor, x: Tensor) -> Tensor:
        """Return the voice in middle and side: gains between 0 and 1, and below LOW a turn and a mix before them."""
        gains, matrices, first = [], [], 0
        for layer, (count, width, is_low) in zip(self.join, _groups(), strict=True):
            out = layer(x[:, :, first : first + count]).float().reshape(*x.shape[:2], count * width, -1)
            gains.append(out[..., :SIGNALS])
            if is_low:
                parts = out[..., SIGNALS:].unflatten(-1, (SIGNALS, SIGNALS, 2)).contiguous()
                matrices.append(torch.view_as_complex(parts))
            first += count
        gain = torch.cat(gains, dim=2).sigmoid().permute(0, 3, 1, 2)
        gain = torch.cat([gain, gain[..., -1:].expand(*gain.shape[:3], BINS - TOP)], dim=-1)
        low = spectra[..., :LOW]
        low = low + torch.einsum("btfij,bjtf->bitf", torch.cat(matrices, dim=2), low)
        heard = spectra.abs().amax(dim=-1, keepdim=True) > 0  # where the channels are equal, there is no side
        return gain * torch.cat([low, spectra[..., LOW:]], dim=-1) * heard


class StereoBands(nn.Module):
    """A linear layer for every band, shape (batch, frames, bands, inputs) to (batch, frames, bands, outputs)."""

    def __init__(self, bands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(bands, inputs, outputs) * 0.5 / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(bands, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, *x.shape[2:]).transpose(0, 1)
        return torch.baddbmm(self.bias, rows, self.weight).transpose(0, 1).reshape(*x.shape[:3], -1)


class BandBlock(nn.Module):
    """Along each band through time, with one memory for all, then over all bands of a frame in both directions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.along = nn.GRU(channels, channels, batch_first=True)
        self.across = nn.GRU(channels, channels // 2, batch_first=True, bidirectional=True)
        self.spread = nn.ModuleList(nn.Linear(channels, channels) for _ in range(2))

    def begin(self, batch: int) -> Tensor:
        """Return the state at the beginning of a stream."""
        return self.norms[0].get_parameter("weight").new_zeros(1, batch * BANDS, self.along.hidden_size)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, frames, bands, channels = x.shape
        rows = self.norms[0](x).transpose(1, 2).reshape(batch * bands, frames, channels)
        along, past = self.along(rows, past)
        x = x + self.spread[0](along).view(batch, bands, frames, channels).transpose(1, 2)
        across, _ = self.across(self.norms[1](x).reshape(batch * frames, bands, channels))
        return x + self.spread[1](across).view(x.shape), past


def turned(spectra: Tensor) -> Tensor:
    """Turn left and right into middle and side, and back: (..., 2, frames, bins), the power stays."""
    left, right = spectra.unbind(-3)
    return torch.stack([left + right, left - right], dim=-3) * 0.5**0.5


def analysis(audio: Tensor) -> Tensor:
    """Return spectra of audio of shape (batch, 2, frames); the first window ends HOP frames into it."""
    window = torch.hann_window(WINDOW, device=audio.device).sqrt()
    padded = functional.pad(audio.flatten(0, 1), (HOP, HOP + -audio.shape[-1] % HOP))
    spectra = torch.stft(padded, WINDOW, HOP, window=window, center=False, return_complex=True).transpose(1, 2)
    return spectra.reshape(*audio.shape[:2], *spectra.shape[1:])


def synthesis(spectra: Tensor, frames: int) -> Tensor:
    """Return the audio of such spectra."""
    window = torch.hann_window(WINDOW, device=spectra.device).sqrt()
    pieces = torch.fft.irfft(spectra, WINDOW) * window
    first, second = pieces[..., :HOP], pieces[..., HOP:]
    joined = functional.pad(first, (0, 0, 0, 1)) + functional.pad(second, (0, 0, 1, 0))
    return joined.flatten(2)[..., HOP : HOP + frames]


def _power(spectra: Tensor) -> Tensor:
    return spectra.real.square() + spectra.imag.square()


def _groups() -> list[tuple[int, int, bool]]:
    """Return the number of bands of each group, their width in bins, and whether they lie below LOW."""
    firsts = [sum(bands * width for bands, width in GROUPS[:index]) for index in range(len(GROUPS))]
    return [(bands, width, first < LOW) for (bands, width), first in zip(GROUPS, firsts, strict=True)]
