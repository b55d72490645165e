"""The network that detects speech and music: convolutions over bands and time, then over time alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.measure.content.features import BANDS, PER_SECOND, SILENCE_DB

PICTURE = ((24, 5, 2), (48, 3, 2), (64, 3, 2), (96, 3, 1))  # channels, size and stride in time; over bands it is 2
WIDTH = 128
DILATIONS = (1, 2, 4, 8)
STRIDE = 8  # frames to a step of the later layers
RANGE_DB = 70.0  # below the loudest band nearby; what lies deeper is taken for silence
NEARBY = 2 * PER_SECOND  # frames to either side within which the loudest band counts
CLASSES = ("speech", "music")


class ContentNetwork(nn.Module):
    """Levels of bands to log odds of speech and of music, for each second."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.join = front(PICTURE, WIDTH)
        self.course = nn.ModuleList(Step(dilation) for dilation in DILATIONS)
        self.drop = nn.Dropout(0.1)
        self.tell = nn.Linear(2 * WIDTH, len(CLASSES))

    def forward(self, bands: Tensor) -> Tensor:
        """Return log odds, shape (batch, seconds, 2).

        Args:
            bands: levels in dB, shape (batch, frames, bands), whole seconds.
        """
        x = self.picture(relative(bands)[:, None])
        x = self.join(x.transpose(2, 3).flatten(1, 2))
        for step in self.course:
            x = step(x)
        seconds = x.unflatten(2, (-1, PER_SECOND // STRIDE))
        return self.tell(self.drop(torch.cat([seconds.mean(3), seconds.amax(3)], dim=1).transpose(1, 2)))


def front(picture: Sequence[tuple[int, int, int]], width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Make the convolutions over bands and time, and the layer that joins all bands of a frame.

    Args:
        picture: channels, size and stride in time of each convolution.
        width: channels of the joined bands.
    """
    layers: list[nn.Module] = []
    inner = 1
    for outer, size, stride in picture:
        convolution = nn.Conv2d(inner, outer, size, (stride, 2), padding=size // 2, bias=False)
        layers += [convolution, nn.BatchNorm2d(outer), nn.ReLU()]
        inner = outer
    joined = nn.Conv1d(inner * BANDS // 2 ** len(picture), width, 1)
    return nn.Sequential(*layers), nn.Sequential(joined, nn.BatchNorm1d(width), nn.ReLU())


class Step(nn.Module):
    """A residual convolution over time."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(WIDTH, WIDTH, 5, padding=2 * dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.relu(self.norm(self.convolution(x)))


def relative(bands: Tensor) -> Tensor:
    """Return levels relative to the loudest band nearby, from -1 to 1: the absolute level means nothing."""
    loudest = functional.max_pool1d(bands.amax(dim=2), 2 * NEARBY + 1, stride=1, padding=NEARBY)
    below = (bands - loudest[..., None]).clamp(min=-RANGE_DB)
    below = torch.where(loudest[..., None] > SILENCE_DB + 1, below, -RANGE_DB)
    return 1 + below * (2 / RANGE_DB)
