"""The network of the compact engine: gains and short complex filters, from convolutions over bands and a memory.

Ideas from others: split the spectrum into bands with a layer each and treat the bands as a picture (Luo and Yu 2023,
BSRNN); a complex filter over neighbouring frames where pitch matters, plain gains above (Schroeter and others 2022,
DeepFilterNet); most of the work in few channels at a low frame rate (Rong and others 2024, GTCRN).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aural.stages.noise_reduction.stft import BINS

FILTERED = 256  # bins, below 8 kHz, where phase is filtered too
GROUPS = ((8, 4), (8, 4), (8, 8), (8, 16), (4, 64), (2, 128))  # bands and their width in bins, from 0 Hz up
BANDS = sum(bands for bands, _ in GROUPS)
TOP = 688  # bins below 21.5 kHz, which every sample rate from 44.1 kHz on has
TAPS = 3  # frames the complex filter reaches over: the one before, the frame itself, the one behind
DILATIONS = ((1, 1), (2, 2), (4, 4), (8, 1), (16, 2), (32, 4), (1, 1), (2, 2), (4, 4))  # in time, over bands
LEVEL_FRAMES, LEVEL_AHEAD, LEVEL_TAU = 376, 8, 188  # 6 s back, 0.13 s ahead, forgetting in 3 s
RUMBLE = 4  # bins, below 125 Hz, that do not count towards the level
CHANNELS = 64
MEMORY_PLACES = (3, 7)  # among the blocks, where the memory of the whole spectrum is
MEMORY, SUMMARY = 256, 8  # size of its state, and of what each band writes to it and reads from it
FORGETTING = 1 / 1000  # least share that a frame has in the memory: after 11 s, two thirds of the past are forgotten
GAIN, ROOM = 0, 1  # outputs of every bin; those below FILTERED have the filter behind them


class Compact(nn.Module):
    """Maps spectra of noisy speech to spectra without the noise, and gains that remove reverberation.

    Works on STFT frames of 48 kHz audio, shape (batch, frames, 769), and is a stream: its state goes in and
    comes out, and the result belongs to the frames `LOOK_AHEAD` before those that came in.
    """

    decay: Tensor

    def __init__(self, channels: int = CHANNELS, paths: int = 0) -> None:
        super().__init__()
        self.split = nn.ModuleList(
            Bands(bands, width * (3 if low else 1), channels) for bands, width, low in _groups()
        )
        self.music = nn.Parameter(torch.zeros(channels, 1, BANDS))
        self.blocks = nn.ModuleList(DilatedBlock(channels, *dilation) for dilation in DILATIONS)
        for place in MEMORY_PLACES:
            self.blocks.insert(place, SpectrumMemory(channels))
        self.paths = nn.ModuleList(Path(channels) for _ in range(paths))
        self.norm = nn.BatchNorm2d(channels)
        self.join = nn.ModuleList(
            Bands(bands, channels, width * (2 + 2 * TAPS if low else 2)) for bands, width, low in _groups()
        )
        with torch.no_grad():
            for layer, (bands, width, _) in zip(self.join, _groups(), strict=True):
                bias = layer.get_parameter("bias").view(bands, width, -1)
                bias[..., GAIN], bias[..., ROOM] = 1.0, 2.0
                layer.get_parameter("weight").mul_(0.3)
        decay = torch.exp(-torch.arange(LEVEL_FRAMES).flip(0) / LEVEL_TAU)
        self.register_buffer("decay", torch.cat([decay, torch.ones(LEVEL_AHEAD)])[None, None], persistent=False)

    @property
    def layers(self) -> list[Layer]:
        """The blocks, and the paths spread evenly among them."""
        layers, done = cast(list[Layer], list(self.blocks)), len(self.blocks)
        for number in range(len(self.paths), 0, -1):
            layers.insert(number * done // len(self.paths), cast(Path, self.paths[number - 1]))
        return layers

    def begin(self, batch: int) -> list[Tensor]:
        """Return the memory of a stream that has had no input."""
        weight = self.music
        spectra = weight.new_zeros(batch, LOOK_AHEAD + 1, BINS, dtype=torch.complex64)
        power = weight.new_zeros(batch, 2, LEVEL_FRAMES + LEVEL_AHEAD - 1)
        return [spectra, power, *(layer.begin(batch) for layer in self.layers)]

    def forward(self, spectra: Tensor, memory: list[Tensor], music: Tensor) -> tuple[Prediction, list[Tensor]]:
        """Advance by some frames.

        Args:
            spectra: complex, shape (batch, frames, 769).
            memory: from `begin` or the call before.
            music: 1 where music is to be kept, 0 where only voices are; shape (batch, frames), of the frames that
                lie LEVEL_AHEAD before those that come in, or (batch, 1).

        Returns:
            The prediction for as many frames, LOOK_AHEAD earlier, and the memory for the next call.
        """
        whole = torch.cat([memory[0], spectra], dim=1)
        frames = spectra.shape[1]
        level, power = self._level(spectra, memory[1])
        newest = whole.shape[1] - LEVEL_AHEAD
        x = self._features(mirrored(whole[:, newest - frames : newest]) / (level[..., None] + 1e-20))
        x = x + (self.music * music[:, None, :, None]).to(x.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        kept = [whole[:, frames:], power]
        for layer, past in zip(self.layers, memory[2:], strict=True):
            x, past = layer(x, past)
            kept.append(past)
        x = functional.relu(self.norm(x), inplace=True)
        return Prediction(whole[:, : frames + TAPS - 1], level, x, *self._outputs(x)), kept

    def _level(self, spectra: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the running level behind every frame, and the powers to remember."""
        counted = spectra[..., RUMBLE:]
        power = (counted.real.square() + counted.imag.square()).mean(dim=-1)
        powers = torch.cat([past, torch.stack([power, torch.ones_like(power)], dim=1)], dim=-1)
        total = functional.conv1d(powers.transpose(0, 1).reshape(-1, 1, powers.shape[-1]), self.decay)
        total, weight = total.view(2, len(spectra), -1)
        return (total / weight).sqrt(), powers[..., spectra.shape[1] :]

    def _features(self, spectra: Tensor) -> Tensor:
        """Return the input of the first block, shape (batch, channels, frames, bands)."""
        power = spectra.real.square() + spectra.imag.square() + 1e-10
        magnitude = power**0.15
        phasor = spectra[..., :FILTERED] * power[..., :FILTERED] ** -0.35
        low = torch.stack([magnitude[..., :FILTERED], phasor.real, phasor.imag], dim=-1)
        bands, first = [], 0
        for layer, (count, width, is_low) in zip(self.split, _groups(), strict=True):
            source = low if is_low else magnitude[..., None]
            bands.append(layer(source[:, :, first : first + count * width].reshape(*spectra.shape[:2], count, -1)))
            first += count * width
        return torch.cat(bands, dim=2).permute(0, 3, 1, 2)

    def _outputs(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gains, the filters (batch, frames, low bins, taps) and the gains of the room."""
        bands = x.permute(0, 2, 3, 1)
        gains, rooms, filters, first = [], [], [], 0
        for layer, (count, width, is_low) in zip(self.join, _groups(), strict=True):
            out = layer(bands[:, :, first : first + count]).float().reshape(*bands.shape[:2], count * width, -1)
            gains.append(out[..., GAIN])
            rooms.append(out[..., ROOM])
            if is_low:
                filters.append(torch.view_as_complex(out[..., 2:].unflatten(-1, (TAPS, 2)).contiguous()))
            first += count
        shares = (torch.cat(logits, dim=-1) for logits in (gains, rooms))
        gain, room = (functional.pad(share, (0, 1), mode="replicate").sigmoid() for share in shares)
        return gain, torch.cat(filters, dim=2), room


@dataclass(frozen=True)
class Prediction:
    """The output of the network for some frames: for each channel, or shared by all channels."""

    spectra: Tensor
    """The frames themselves, and one more on either side; shape (batch, frames + 2, 769)."""
    level: Tensor
    """Running level, LEVEL_AHEAD behind the newest frame; shape (batch, frames)."""
    bands: Tensor
    """Output of the last block; shape (batch, channels, frames, bands)."""
    gain: Tensor
    """0 where there is noise; shape (batch, frames, 769)."""
    filters: Tensor
    """Complex weights of the neighbouring frames that are added; shape (batch, frames, low bins, taps)."""
    room: Tensor
    """0 where there is reverberation; shape (batch, frames, 769)."""

    def denoised(self) -> Tensor:
        """Return the spectra without noise, shape (batch, frames, 769)."""
        frames = self.gain.shape[1]
        centre = self.spectra[:, 1 : frames + 1]
        near = [self.spectra[:, tap : tap + frames, :FILTERED] * self.filters[..., tap] for tap in range(TAPS)]
        return torch.cat([sum(near, centre[..., :FILTERED]), centre[..., FILTERED:]], dim=-1) * self.gain


def joined(predictions: Iterable[Prediction]) -> Prediction:
    """Return the predictions of several batches as one."""
    columns = zip(*(vars(prediction).values() for prediction in predictions), strict=True)
    return Prediction(*(torch.cat(column) for column in columns))


def mirrored(spectra: Tensor) -> Tensor:
    """Replace the bins above TOP, which not all sample rates have, by the mirror image of those below."""
    return torch.cat([spectra[..., :TOP], spectra[..., 2 * TOP - BINS : TOP].flip(-1)], dim=-1)


class Bands(nn.Module):
    """A linear layer for every band, shape (batch, frames, bands, inputs) to (batch, frames, bands, outputs)."""

    def __init__(self, bands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(bands, inputs, outputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(bands, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, *x.shape[2:]).transpose(0, 1)
        return torch.baddbmm(self.bias, rows, self.weight).transpose(0, 1).reshape(*x.shape[:3], -1)


class DilatedBlock(nn.Module):
    """A residual block that looks back over two steps of its dilation and at most two frames ahead."""

    def __init__(self, channels: int, dilation: int, spread: int) -> None:
        super().__init__()
        self.past, self.ahead = 2 * dilation, min(dilation, 2)
        self.wide = nn.Conv2d(channels, channels, 3, dilation=(dilation, spread), padding=(0, spread), bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.point = nn.Conv2d(channels, channels, 1, bias=False)
        with torch.no_grad():
            self.point.weight.mul_(0.3)

    def begin(self, batch: int) -> Tensor:
        """Return the frames before the first: silence."""
        return self.point.weight.new_zeros(batch, self.point.in_channels, self.past, BANDS)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past.to(x.dtype), x], dim=2).contiguous(memory_format=torch.channels_last)
        frames, first = x.shape[2], self.past - self.ahead
        branch = functional.relu(self.norm(self.wide(joined)), inplace=True).permute(0, 2, 3, 1)
        branch = functional.linear(branch, self.point.weight[:, :, 0, 0]).permute(0, 3, 1, 2)
        return joined[:, :, first : first + frames] + branch, joined[:, :, frames:]

    def settle(self) -> None:
        """Fuse the normalisation into the convolution, once training is over: the same result, faster."""
        self.wide, self.norm = fuse_conv_bn_eval(self.wide, cast(nn.BatchNorm2d, self.norm)), nn.Identity()
        self.wide.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class SpectrumMemory(nn.Module):
    """Memory of the whole spectrum: running means of summaries of all bands, with learnt, input-dependent rates.

    The convolutions see two seconds and neighbouring bands. This layer recognises a steady noise by its past, and a
    voice in one band by the other bands. It is a GRU whose gate depends on the input only (minGRU, Feng and others
    2024); it holds means over the input so far, and forgets all of it in time, so that training on clips of
    seconds carries over to hours.

    The layers keep the names that they have in files of weights: `tell` summarises each band, `hear` turns the
    summaries into rates and values, `spread` and `told` bring the means back to the bands.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.tell = Bands(BANDS, channels, SUMMARY)
        self.hear = nn.Linear(BANDS * SUMMARY, 2 * MEMORY)
        self.spread = nn.Linear(MEMORY, BANDS * 2 * SUMMARY)
        self.told = Bands(BANDS, 2 * SUMMARY, channels)
        with torch.no_grad():
            self.hear.bias[:MEMORY] = torch.linspace(-6, 1, MEMORY)  # over six seconds to one frame
            self.told.weight.zero_()

    def begin(self, batch: int) -> Tensor:
        """Return the memory of a stream that has had no input."""
        return self.told.weight.new_zeros(2, batch, MEMORY)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        share, value = self.hear(self.tell(x.permute(0, 2, 3, 1)).flatten(2)).float().chunk(2, dim=-1)
        pairs = torch.stack([value, torch.ones_like(value)])
        rates = FORGETTING + (1 - FORGETTING) * share.sigmoid()
        sums = []
        for now, how_much in zip(pairs.unbind(2), rates.unbind(1), strict=True):
            past = torch.lerp(past, now, how_much)
            sums.append(past)
        totals, weights = torch.stack(sums, dim=2)
        spread = functional.silu(self.spread(totals / (weights + 1e-9)))
        return x + self.told(spread.reshape(*spread.shape[:2], BANDS, -1)).permute(0, 3, 1, 2), past


class Path(nn.Module):
    """Over all bands of a frame in both directions, then along each band through time, with one memory for all.

    Recurrent layers whose weights are shared by all frames and all bands (Luo and Yu 2023; Ahn and others 2026,
    FastEnhancer). Its output weights start at zero: untrained, it changes nothing.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.across = nn.GRU(channels, channels // 2, batch_first=True, bidirectional=True)
        self.spread = nn.Linear(channels, channels)
        self.along = nn.GRU(channels, channels)
        self.point = nn.Linear(channels, channels)
        with torch.no_grad():
            self.point.weight.zero_()
            self.point.bias.zero_()

    def begin(self, batch: int) -> Tensor:
        """Return the memory of a stream that has had no input."""
        return self.point.weight.new_zeros(1, batch * BANDS, self.point.in_features)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        rows = self.norm(x).permute(0, 2, 3, 1)
        batch, frames, bands, channels = rows.shape
        across, _ = self.across(rows.reshape(-1, bands, channels))
        rows = rows + self.spread(across).view(rows.shape)
        along, past = self.along(rows.transpose(0, 1).reshape(frames, -1, channels), past.to(rows.dtype))
        return x + self.point(along).view(frames, batch, bands, channels).permute(1, 3, 0, 2), past


Layer = DilatedBlock | SpectrumMemory | Path
LOOK_AHEAD = LEVEL_AHEAD + sum(min(dilation, 2) for dilation, _ in DILATIONS) + 1
"""Frames that a result lies behind the newest frame."""


def _groups() -> list[tuple[int, int, bool]]:
    """Return the number of bands of each group, their width in bins, and whether they lie below FILTERED."""
    firsts = [sum(bands * width for bands, width in GROUPS[:index]) for index in range(len(GROUPS))]
    return [(bands, width, first < FILTERED) for (bands, width), first in zip(GROUPS, firsts, strict=True)]
