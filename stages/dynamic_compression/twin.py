"""The differentiable twin of equaliser and compressor: the same equations in torch, to fit their settings.

The smoother is serial, so it is a loop in either direction: its gradient is again a recursion, run backwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aural import Chain
from aural.dsp.biquads import TINY, response, section
from aural.dsp.compiled import njit
from aural.parameters import parameters
from aural.registry import stage_class
from aural.stages.dynamic_compression.dsp import OCTAVE_DB
from aural.stages.dynamic_compression.stage import DynamicCompression

Floats = NDArray[np.float64]

SOFTEST = 2.0**-127  # the amplitude that digital silence counts as in the engine
SHARPEST_KNEE = 1e-6  # octaves; zero would be a division by zero
DIGITS = 4  # significant digits of a setting in the chain file

GAINS = ("threshold_db", "knee_db", "makeup_db")
TIMES = ("attack_ms", "release_ms", "rms_ms")
LEARNT = dict.fromkeys(GAINS, "linear") | dict.fromkeys(TIMES, "logarithmic") | {"ratio": "reciprocal"}
"""The settings of a compressor that are learnt, and the scale on which each is moved."""


def compressed(audio: Tensor, sample_rate: int, settings: Mapping[str, Tensor], detector: str = "peak") -> Tensor:
    """Compress audio of shape (batch, channels, frames), the channels together, as `dynamic-compression` does.

    Args:
        settings: scalars, by the names of the stage's parameters.
    """
    knee = (settings["knee_db"] / OCTAVE_DB).clamp(min=SHARPEST_KNEE)
    excess = _levels(audio, sample_rate, settings, detector) - settings["threshold_db"] / OCTAVE_DB
    over = (excess + knee / 2).clamp(min=0)
    bent = torch.minimum(over, knee)
    reduction = (1 - 1 / settings["ratio"]) * (bent.square() / (2 * knee) + over - bent)
    attack, release = (_pole(settings[name], sample_rate) for name in ("attack_ms", "release_ms"))
    smoothed = smooth(reduction, attack, release)
    return audio * torch.exp2(settings["makeup_db"] / OCTAVE_DB - smoothed)[:, None]


def _levels(audio: Tensor, sample_rate: int, settings: Mapping[str, Tensor], detector: str) -> Tensor:
    """Return the level of the loudest channel in octaves, shape (batch, frames)."""
    if detector == "peak":
        return torch.log2(audio.abs().amax(dim=1).clamp(min=SOFTEST))
    pole = _pole(settings["rms_ms"], sample_rate)
    powers = smooth(audio.square().flatten(0, 1), pole, pole).reshape(audio.shape)
    return torch.log2(powers.amax(dim=1).clamp(min=SOFTEST)) / 2


def _pole(time_ms: Tensor, sample_rate: int) -> Tensor:
    return torch.exp(-1000 / (time_ms.double() * sample_rate))  # so near 1 that single precision shifts the time


def smooth(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """Follow a rising target with one pole and a falling one with the other; targets of shape (rows, frames)."""
    followed: Tensor = Smoothing.apply(target, attack, release)  # type: ignore[no-untyped-call]
    return followed


class Smoothing(torch.autograd.Function):
    """Follow a rising target with one pole and a falling one with the other, from 0; targets of shape (rows, frames).

    y[n] = c y[n-1] + (1 - c) x[n], where c is the attack's pole for x[n] > y[n-1], else the release's. With g the
    gradient of y, l[n] = g[n] + c[n+1] l[n+1] is what all that follows makes of y[n]; hence the gradient of x[n] is
    (1 - c[n]) l[n], and that of a pole the sum of l[n] (y[n-1] - x[n]) over the frames where it was the one.
    """

    @staticmethod
    def forward(ctx: Any, target: Tensor, attack: Tensor, release: Tensor) -> Tensor:  # type: ignore[override]
        x = target.detach().cpu().numpy().astype(np.float64)
        y = _follow(x, float(attack), float(release))
        ctx.frames, ctx.poles = (x, y), (attack, release)
        return torch.from_numpy(y).to(target)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        poles = ctx.poles
        g = gradient.detach().cpu().numpy().astype(np.float64)
        of_target, *of_poles = _follow_back(g, *ctx.frames, *map(float, poles))
        return torch.from_numpy(of_target).to(gradient), *(
            pole.new_tensor(value) for pole, value in zip(poles, of_poles, strict=True)
        )  # type: ignore[return-value]


@njit()
def _follow(x: Floats, attack: float, release: float) -> Floats:
    out = np.empty(x.shape)
    for row in range(x.shape[0]):
        y = 0.0
        for n in range(x.shape[1]):
            target = x[row, n] + TINY
            c = attack if target > y else release
            y = c * y + (1 - c) * target
            out[row, n] = y
    return out


@njit()
def _follow_back(g: Floats, x: Floats, y: Floats, attack: float, release: float) -> tuple[Floats, float, float]:
    out = np.empty(g.shape)
    of_attack = of_release = 0.0
    for row in range(g.shape[0]):
        later = 0.0
        for n in range(g.shape[1] - 1, -1, -1):
            before = y[row, n - 1] if n else 0.0
            rising = x[row, n] + TINY > before
            c = attack if rising else release
            now = g[row, n] + later
            out[row, n] = (1 - c) * now
            if rising:
                of_attack += now * (before - x[row, n])
            else:
                of_release += now * (before - x[row, n])
            later = c * now
    return out, of_attack, of_release


def equalised(
    audio: Tensor, sample_rate: int, kinds: tuple[str, ...], hz: Tensor, gain_db: Tensor, q: Tensor
) -> Tensor:
    """Filter audio by sections of the cookbook, from silence, as `equaliser` does; one setting of each a section.

    A product of spectra over twice the length: exact but for what rings on behind the end.
    """
    frames = audio.shape[-1]
    size = 2 ** math.ceil(math.log2(2 * frames))
    turn = torch.exp(-2j * torch.pi * torch.arange(size // 2 + 1, device=audio.device, dtype=audio.dtype) / size)
    settings = zip(kinds, hz / sample_rate, gain_db, q, strict=True)
    sections = [section(*setting, of=torch) for setting in settings]
    return torch.fft.irfft(torch.fft.rfft(audio, size) * response(sections, turn), size)[..., :frames]


@dataclass(frozen=True)
class Range:
    """The range of a setting: a sigmoid maps an unbounded number into it, on a linear or logarithmic scale."""

    low: float
    high: float
    scale: str

    def value(self, free: Tensor) -> Tensor:
        """Turn free numbers into settings."""
        low, high = (self._onto(torch.tensor(end, dtype=free.dtype)) for end in (self.low, self.high))
        place = low + torch.sigmoid(free) * (high - low)
        back = {"linear": place, "logarithmic": place.exp(), "reciprocal": 1 / place}
        return back[self.scale].clamp(self.low, self.high)

    def free(self, value: float) -> float:
        """Turn a setting into the free number; one at the edge is taken a little inwards."""
        low, high, place = (
            float(self._onto(torch.tensor(x, dtype=torch.float64))) for x in (self.low, self.high, value)
        )
        share = min(max((place - low) / (high - low), 1e-3), 1 - 1e-3)
        return math.log(share / (1 - share))

    def _onto(self, value: Tensor) -> Tensor:
        return {"linear": value, "logarithmic": value.log(), "reciprocal": 1 / value}[self.scale]


BAND = {
    "hz": Range(30.0, 16000.0, "logarithmic"),
    "gain_db": Range(-24.0, 24.0, "linear"),
    "q": Range(0.3, 4.0, "logarithmic"),
}
"""What the settings of an equaliser's section may become."""
HIGHEST = 0.45  # of the sample rate: highest frequency of a section


class Twin(nn.Module):
    """An equaliser of some sections, and a compressor behind it; the settings of both are the weights."""

    def __init__(self, start: DynamicCompression, bands: int, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate, self.detector = sample_rate, start.detector
        found = {p.name: p.spec for p in parameters(DynamicCompression)}
        names = [name for name in LEARNT if name != "rms_ms" or start.detector == "rms"]
        self.ranges = {
            name: Range(float(found[name].low or 0), float(found[name].high or 0), LEARNT[name]) for name in names
        }
        free = {name: self.ranges[name].free(getattr(start, name)) for name in names}
        self.compressor = nn.ParameterDict({name: torch.tensor(value) for name, value in free.items()})
        self.kinds = ("low-shelf", *["peak"] * (bands - 2), "high-shelf")[:bands]
        self.band = BAND | {"hz": Range(BAND["hz"].low, min(BAND["hz"].high, HIGHEST * sample_rate), "logarithmic")}
        begin = {
            "hz": np.geomspace(100, 0.5 * self.band["hz"].high, bands),
            "gain_db": np.zeros(bands),
            "q": np.full(bands, 0.7),
        }
        self.bands = nn.ParameterDict(
            {name: torch.tensor([self.band[name].free(v) for v in values]) for name, values in begin.items()}
            if bands
            else {}
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Run the chain over audio of shape (batch, channels, frames)."""
        if self.kinds:
            audio = equalised(audio, self.sample_rate, self.kinds, **self.sections())
        return compressed(audio, self.sample_rate, self.settings(), self.detector)

    def settings(self) -> dict[str, Tensor]:
        """Return the compressor's settings."""
        return {name: self.ranges[name].value(free) for name, free in self.compressor.items()}

    def sections(self) -> dict[str, Tensor]:
        """Return the settings of the equaliser's sections."""
        return {name: self.band[name].value(free) for name, free in self.bands.items()}

    def chain(self) -> Chain:
        """Return the equaliser and the compressor as a chain."""
        settings = {name: _rounded(value) for name, value in self.settings().items()}
        compressor = DynamicCompression(**settings, detector=self.detector)
        if not self.kinds:
            return Chain((compressor,))
        columns = [[_rounded(value) for value in self.sections()[name]] for name in BAND]
        equaliser: Any = stage_class("equaliser")
        return Chain((equaliser.of(zip(self.kinds, *columns, strict=True)), compressor))


def _rounded(value: Tensor) -> float:
    return float(f"{float(value.detach()):.{DIGITS}g}")
