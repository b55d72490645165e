"""The network that estimates the room of a voice: convolutions over bands, then time, and a mean over seconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.measure.content.features import PER_SECOND
from aural.measure.content.network import front, relative

PICTURE = ((12, 3, 1), (20, 3, 2), (24, 3, 1))  # channels, size and stride in time; over bands the stride is 2
STRIDE = 2  # frames to a step of the layers over time
WIDTH, TAPS = 64, 7
DILATIONS = (1, 2, 4, 8)
ANSWERS = 5
"""Of each second: decay, its error, ratio, its error, and how much the second tells."""
SHORTEST_S, LONGEST_S = 0.1, 4.0
LEAST_RATIO_DB, MOST_RATIO_DB = -15.0, 25.0
"""Of the direct sound above the room; MOST_RATIO_DB stands for no room at all."""


class RoomNetwork(nn.Module):
    """Maps levels of bands to an estimate of the room, or of something else, from each second."""

    def __init__(self, answers: int = ANSWERS) -> None:
        super().__init__()
        self.picture, self.join = front(PICTURE, WIDTH)
        self.course = nn.ModuleList(TimeLayer(dilation) for dilation in DILATIONS)
        self.tell = nn.Linear(2 * WIDTH, answers)

    def forward(self, bands: Tensor) -> Tensor:
        """Return the output for each second, shape (batch, seconds, answers); `joined` makes one of several.

        Args:
            bands: levels in dB, shape (batch, frames, bands), whole seconds.
        """
        x = self.picture(relative(bands)[:, None])
        x = self.join(x.transpose(2, 3).flatten(1, 2))
        for layer in self.course:
            x = layer(x)
        seconds = x.unflatten(2, (-1, PER_SECOND // STRIDE))
        return self.tell(torch.cat([seconds.mean(3), seconds.amax(3)], dim=1).transpose(1, 2))


class TimeLayer(nn.Module):
    """A residual convolution over time, of each channel by itself, and a mix of the channels."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        reach = TAPS // 2 * dilation
        self.deep = nn.Conv1d(WIDTH, WIDTH, TAPS, padding=reach, dilation=dilation, groups=WIDTH)
        self.wide = nn.Conv1d(WIDTH, 2 * WIDTH, 1, bias=False)
        self.norm = nn.BatchNorm1d(2 * WIDTH)
        self.narrow = nn.Conv1d(2 * WIDTH, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(functional.relu(self.norm(self.wide(self.deep(x)))))


def joined(answers: Tensor) -> Tensor:
    """Join the outputs for several seconds: a mean, weighted by how much each says about the room.

    Args:
        answers: shape (batch, seconds, 5).

    Returns:
        The base-2 logarithm of the decay in seconds, the logarithm of its standard deviation, the ratio of the
        direct sound to the room in tens of dB, and the logarithm of its standard deviation; shape (batch, 4).
    """
    weights = torch.softmax(answers[..., 4:], dim=1)
    return (weights * answers[..., :4]).sum(dim=1)
