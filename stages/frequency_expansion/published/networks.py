"""What the literature has published on audio super-resolution: the networks, and the baselines they beat.

All of them but the dense network take the poor recording brought back to its former length by cubic splines, and tell
what to add to it. They are fully convolutional: audio of any length goes in, as much comes out.

References:
    [1] Kuleshov, Enam, Ermon: Audio super-resolution using neural networks. ICLR workshop 2017.
    [2] Li, Huang, Xu, Lee: DNN-based speech bandwidth expansion and its application to adding high-frequency missing
        features for automatic speech recognition of narrowband speech. Interspeech 2015.
    [3] Ledig and others: Photo-realistic single image super-resolution (SRResNet). CVPR 2017.
    [4] Tai, Yang, Liu: Image super-resolution via deep recursive residual network (DRRN). CVPR 2017.
    [5] Kim, Ryu, Jeong: multi-residual restoration of lossy audio, after [4].
    [6] Shi and others: Real-time single image and video super-resolution (sub-pixel convolution). CVPR 2016.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Audio = NDArray[np.float32]
KINDS = ("speech", "music")
RATIOS = (2, 4, 6)
TWINS = ("decimated", "coded")
NETWORKS = ("audiounet", "dnn", "srresnet", "drrn", "multi-residual")
PASSED = 0.8  # of the band that decimation leaves is below the low-pass


def decimated(audio: Audio, ratio: int) -> Audio:
    """Make the poor twin of [1]: a Chebyshev low-pass of order 8 without a shift of phase, then every ratio-th frame.

    Args:
        audio: shape (frames,), at least 28 frames.
    """
    from scipy.signal import decimate

    return np.asarray(decimate(audio.astype(np.float64), ratio), np.float32)


def spline(poor: Audio, ratio: int, frames: int) -> Audio:
    """Bring the poor twin back to its former length by a cubic B-spline through its frames, shape (frames,)."""
    from scipy.interpolate import make_interp_spline

    curve = make_interp_spline(np.arange(len(poor)) * ratio, poor.astype(np.float64), k=3)
    return np.asarray(curve(np.minimum(np.arange(frames), (len(poor) - 1) * ratio)), np.float32)


def poorer(audio: Audio, ratio: int) -> Audio:
    """Return the poor twin at the sample rate of the audio: decimated, and brought back by splines."""
    return spline(decimated(audio, ratio), ratio, len(audio))


class Published(nn.Module):
    """A network that restores audio of shape (batch, frames)."""

    def loss(self, splined: Tensor, wanted: Tensor) -> Tensor:
        """Return the loss of training: the mean squared error of the audio."""
        return functional.mse_loss(self(splined).float(), wanted)


class AudioUnet(Published):
    """The U-Net of [1], with stacking skip connections, sub-pixel shuffling [6] and an additive residual.

    Going down, block b has min(2^(6+b), width) filters of max(2^(7-b) + 1, 9) frames and halves the rate; going up it
    doubles it. The paper's width is 512.
    """

    BLOCKS = 8
    GRID = 2**BLOCKS

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        numbers = range(1, self.BLOCKS + 1)
        filters = [min(2 ** (6 + b), width) for b in numbers]
        sizes = [max(2 ** (7 - b) + 1, 9) for b in numbers]
        self.down = nn.ModuleList(
            Halving(before, after, size) for (before, after), size in zip(pairwise([1, *filters]), sizes, strict=True)
        )
        self.up = nn.ModuleList()
        channels = filters[-1]
        for (skipped, made), size in zip([*pairwise(filters)][::-1], sizes[:0:-1], strict=True):
            self.up.append(Doubling(channels, made, size))
            channels = made + skipped
        self.out = nn.Conv1d(channels, 2, 9, padding=4)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, splined: Tensor) -> Tensor:
        """Restore audio of shape (batch, frames)."""
        frames = splined.shape[-1]
        x = functional.pad(splined, (0, -frames % self.GRID))[:, None]
        seen = []
        for block in self.down:
            x = block(x)
            seen.append(x)
        for block, skipped in zip(self.up, seen[-2::-1], strict=True):
            x = torch.cat([block(x), skipped], dim=1)
        return splined + shuffled(self.out(x))[:, 0, :frames]


class Halving(nn.Sequential):
    """Half as many frames."""

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__(nn.Conv1d(before, after, size, 2, size // 2), nn.BatchNorm1d(after), nn.ReLU())


class Doubling(nn.Module):
    """Twice as many frames."""

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, 2 * after, size, padding=size // 2)
        self.norm = nn.BatchNorm1d(2 * after)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return shuffled(self.drop(functional.relu(self.norm(self.conv(x)))))


def shuffled(x: Tensor) -> Tensor:
    """Turn pairs of channels into frames [6], shape (batch, 2 channels, frames) to (batch, channels, 2 frames)."""
    batch, channels, frames = x.shape
    return x.view(batch, channels // 2, 2, frames).transpose(2, 3).reshape(batch, channels // 2, 2 * frames)


class SrResNet(Published):
    """The generator of [3] in one dimension, at one rate: residual blocks of constant width."""

    def __init__(self, blocks: int = 16, width: int = 64) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv1d(1, width, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.leave = nn.Sequential(nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width))
        self.out = nn.Conv1d(width, 1, 9, padding=4)

    def forward(self, splined: Tensor) -> Tensor:
        """Restore audio of shape (batch, frames)."""
        first = self.enter(splined[:, None])
        return splined + self.out(first + self.leave(self.blocks(first)))[:, 0]


class ResidualBlock(nn.Module):
    """Two convolutions around one activation, added to the input [3]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width), nn.PReLU(),
            nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class RecursiveBlock(nn.Module):
    """The recursive block of [4]: one residual unit, used again and again, that reads the block's own input too."""

    def __init__(self, inputs: int, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.enter = Activated(inputs, width)
        self.unit = nn.Sequential(Activated(width, width), Activated(width, width))

    def forward(self, x: Tensor) -> Tensor:
        first = self.enter(x)
        x = first
        for _ in range(self.units):
            x = first + self.unit(x)
        return x


class Activated(nn.Sequential):
    """Normalise, activate, convolve: the order of [4]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.BatchNorm1d(inputs), nn.ReLU(), nn.Conv1d(inputs, outputs, 3, padding=1))


class Drrn(Published):
    """The network of [4] in one dimension: one recursive block of 25 units, 128 filters wide."""

    def __init__(self, width: int = 128, units: int = 25) -> None:
        super().__init__()
        self.block = RecursiveBlock(1, width, units)
        self.out = Activated(width, 1)

    def forward(self, splined: Tensor) -> Tensor:
        """Restore audio of shape (batch, frames)."""
        return splined + self.out(self.block(splined[:, None]))[:, 0]


class MultiResidual(Published):
    """The variant of [5]: recursive blocks read the input in parallel and are added in pairs; a last one follows."""

    def __init__(self, width: int = 64, blocks: int = 4, units: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(RecursiveBlock(1, width, units) for _ in range(blocks))
        self.pairs = nn.ModuleList(Activated(width, width) for _ in range(blocks // 2))
        self.last = RecursiveBlock(width * (blocks // 2), width, units)
        self.out = Activated(width, 1)

    def forward(self, splined: Tensor) -> Tensor:
        """Restore audio of shape (batch, frames)."""
        outputs = [block(splined[:, None]) for block in self.blocks]
        joined = [pair(a + b) for pair, a, b in zip(self.pairs, outputs[::2], outputs[1::2], strict=True)]
        return splined + self.out(self.last(torch.cat(joined, dim=1)))[:, 0]


class Dnn(Published):
    """The dense network of [2]: log spectra of the low band and its neighbours in time to those of the high band.

    Three hidden layers of 2048 units. The phase of the high band is that of the low band turned over, mirrored at the
    cut-off, as there. Below the cut-off the input stays.
    """

    WINDOW, HOP, CONTEXT = 512, 256, 4
    FLOOR = 1e-9

    def __init__(self, ratio: int, width: int = 2048) -> None:
        super().__init__()
        self.low = self.WINDOW // 2 // ratio
        self.high = self.WINDOW // 2 + 1 - self.low
        inputs = self.low * (2 * self.CONTEXT + 1)
        widths = [inputs, width, width, width]
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(nn.BatchNorm1d(inputs, affine=False), *layers, nn.Linear(width, self.high))

    def forward(self, splined: Tensor) -> Tensor:
        """Restore audio of shape (batch, frames)."""
        low = self._spectra(splined)[..., : self.low]
        high = torch.polar(torch.exp(self._predicted(low).clamp(max=20) / 2), self._mirrored(-low.angle()))
        whole = torch.cat([low, high], dim=-1).transpose(1, 2)
        window = torch.hann_window(self.WINDOW, device=splined.device)
        return torch.istft(whole, self.WINDOW, self.HOP, window=window, length=splined.shape[-1])

    def loss(self, splined: Tensor, wanted: Tensor) -> Tensor:
        """Return the mean squared error of the log power of the high band."""
        predicted = self._predicted(self._spectra(splined)[..., : self.low])
        return functional.mse_loss(predicted.float(), self._log_power(self._spectra(wanted)[..., self.low :]))

    def _spectra(self, audio: Tensor) -> Tensor:
        window = torch.hann_window(self.WINDOW, device=audio.device)
        spectra = torch.stft(audio, self.WINDOW, self.HOP, window=window, pad_mode="constant", return_complex=True)
        return spectra.transpose(1, 2)

    def _log_power(self, spectra: Tensor) -> Tensor:
        return torch.log(spectra.real.square() + spectra.imag.square() + self.FLOOR)

    def _predicted(self, low: Tensor) -> Tensor:
        """Predict the log power of the high band, relative to the level of the low one."""
        power = self._log_power(low)
        around = functional.pad(power.transpose(1, 2), (self.CONTEXT, self.CONTEXT), mode="replicate")
        seen = around.unfold(2, 2 * self.CONTEXT + 1, 1).transpose(1, 2).flatten(2)
        predicted = self.layers(seen.flatten(0, 1)).view(*seen.shape[:2], self.high)
        return predicted + power.mean(-1, keepdim=True)

    def _mirrored(self, phase: Tensor) -> Tensor:
        """Go on above the cut-off with what lies below, back and forth."""
        there_and_back = torch.cat([phase.flip(-1), -phase], dim=-1)
        times = -(-self.high // there_and_back.shape[-1])
        return there_and_back.repeat(1, 1, times)[..., : self.high]


def network(name: str, ratio: int, width: int | None = None) -> Published:
    """Make a published network by its name, as wide as published or as asked for."""
    wide = {} if width is None else {"width": width}
    if name == "dnn":
        return Dnn(ratio, **wide)
    made: dict[str, type[AudioUnet | SrResNet | Drrn | MultiResidual]] = {
        "audiounet": AudioUnet, "srresnet": SrResNet, "drrn": Drrn, "multi-residual": MultiResidual
    }  # fmt: skip
    return made[name](**wide)
