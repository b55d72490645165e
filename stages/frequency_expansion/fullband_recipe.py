"""How the fullband network learns: recordings cut off anywhere by anything, and a judge of what was put on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.signal import cheby1, firwin, oaconvolve, sosfiltfilt
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from aural.degrade.codec import CODERS, Codec, codecs
from aural.degrade.take import Take
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.losses import log_spectral_db, stft
from aural.learning.material import describe
from aural.learning.training import Recipe
from aural.stages.frequency_expansion.fullband import BIN_HZ, BINS, SAMPLE_RATE, Fullband, analysis, synthesis
from aural.stages.frequency_expansion.published import Audio

WEIGHTS = {"amplitude": 1.0, "phase": 0.3, "spectral": 0.05, "adversarial": 0.05, "matching": 0.5, "judge": 1.0}
LOWEST_HZ, HIGHEST_HZ = 3000.0, 17000.0
LEAST_HZ = 11000.0  # that a recording must reach to be a target
SPAN = 0.85  # of what a recording reaches, at most, it is cut off at
WINDOWS = (512, 1024, 2048)
FLOOR = 1e-4  # of the mean amplitude: what lies deeper is as good as silent


class Cuts:
    """Draws recordings and their twins that are cut off."""

    def __init__(self, settings: Any, part: str) -> None:
        wide = [clip for clip in settings.material(part) if clip.bandwidth_hz >= LEAST_HZ]
        if not wide:
            raise ParameterError(f"training: no audio for {part} reaches {LEAST_HZ:.0f} Hz")
        self.frames = round(settings.clip_s * SAMPLE_RATE)
        self.excerpts = Excerpts(wide, settings.clip_s, SAMPLE_RATE)

    def __call__(self, rng: np.random.Generator) -> tuple[Audio, Audio, np.float32, np.float32]:
        """Return what is cut off, what ought to be there, the cut-off and the end of the original, in Hz."""
        wanted = np.zeros(0, np.float32)
        while not wanted.size or not np.abs(wanted).max() > 1e-3:
            index = int(rng.integers(len(self.excerpts)))
            wanted = self.excerpts[index]
        wanted = np.pad(wanted / np.abs(wanted).max(), (0, self.frames - len(wanted)))
        end_hz = min(min(clip.bandwidth_hz for clip in self.excerpts.group_of(index).clips), 0.48 * SAMPLE_RATE)
        cutoff_hz = float(np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(min(HIGHEST_HZ, SPAN * end_hz)))))
        heard = wanted if rng.random() > 0.15 else coded(wanted, rng)
        return cut(heard, cutoff_hz, rng), wanted, np.float32(cutoff_hz), np.float32(end_hz)


def coded(audio: Audio, rng: np.random.Generator) -> Audio:
    """Send audio through a codec of music at a bit rate that leaves most of it."""
    names = [name for name in codecs() if name in ("mp3", "aac")]
    name = names[int(rng.integers(len(names)))]
    return Codec(name, CODERS[name].bit_rates[-1])(Take.of(audio, SAMPLE_RATE), rng).heard


def cut(audio: Audio, cutoff_hz: float, rng: np.random.Generator) -> Audio:
    """Cut audio off by one of the filters that are about: a steep FIR, a gentler one, a Chebyshev filter."""
    kind = rng.integers(3)
    if kind == 0:
        sections = cheby1(8, 0.05, cutoff_hz, fs=SAMPLE_RATE, output="sos")
        return np.asarray(sosfiltfilt(sections, audio), np.float32)
    taps = firwin(1025 if kind == 1 else 257, 0.98 * cutoff_hz, fs=SAMPLE_RATE)
    return np.asarray(oaconvolve(audio, taps, mode="same"), np.float32)


class Judge(nn.Module):
    """Tells real spectrograms from continued ones, in patches, at one resolution."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        widths = (2, channels, 2 * channels, 2 * channels)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 5, 2, 2) for a, b in pairwise(widths))
        self.verdict = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, levels: Tensor, known: Tensor) -> list[Tensor]:
        """Judge levels of shape (batch, frames, bins), told which bins are old; last come the verdicts."""
        x = torch.stack([levels, known], dim=1).contiguous(memory_format=torch.channels_last)
        seen = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            seen.append(x)
        return [*seen, self.verdict(x)]


class FullbandRecipe(Recipe):
    """Log amplitudes, phases and their differences, log spectra at several resolutions, and a judge for each.

    References:
        Ai, Ling: Neural speech phase prediction based on parallel estimation architecture and anti-wrapping losses.
        ICASSP 2023. Mao and others: Least squares generative adversarial networks. ICCV 2017.
    """

    network: Fullband

    def __init__(self, settings: Any, network: Fullband) -> None:
        super().__init__(settings, network)
        self.judges = nn.ModuleList(Judge() for _ in WINDOWS)

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        return Cuts(self.settings, part)

    def about(self) -> Mapping[str, Any]:
        return {"material": describe(self.settings.material("train"))}  # type: ignore[attr-defined]

    def losses(self, batch: Any) -> dict[str, Tensor]:
        heard, wanted, cutoff_hz, end_hz = batch
        spectra, target = analysis(heard), analysis(wanted)
        told = self.network(spectra, cutoff_hz)
        with torch.autocast(heard.device.type, enabled=False):
            hz = torch.arange(BINS, device=heard.device) * BIN_HZ
            new = ((hz >= 0.97 * cutoff_hz[:, None]) & (hz < end_hz[:, None]))[:, None].float()
            old = (hz < 0.97 * cutoff_hz[:, None])[:, None].float()
            whole = spectra * old + told.spectra * new
            audio, real = (synthesis(x, heard.shape[1]) for x in (whole, target * (old + new)))
            parts = {
                **self._bins(told.log_amplitude, told.phase, target, new),
                "spectral": torch.stack([
                    log_spectral_db(stft(audio, size, size // 4), stft(real, size, size // 4)).mean()
                    for size in WINDOWS
                ]).mean(),
            }  # fmt: skip
            parts |= self._judged(audio, real, cutoff_hz)
        return {"loss": sum(WEIGHTS[name] * part for name, part in parts.items()), **parts}  # type: ignore[dict-item]

    def _bins(self, log_amplitude: Tensor, phase: Tensor, target: Tensor, new: Tensor) -> dict[str, Tensor]:
        power = target.real.square() + target.imag.square()
        floor = FLOOR**2 * power.mean(dim=(1, 2), keepdim=True) + 1e-20
        wanted = torch.log(power + floor) / 2
        told = torch.logaddexp(2 * log_amplitude, torch.log(floor)) / 2
        count = new.sum() * power.shape[1] + 1
        amplitude = ((told - wanted).square() * new).sum() / count
        loud = new * (power > 100 * floor)
        turn = phase - target.angle()
        errors = [unwrapped(turn) * loud]
        errors += [unwrapped(turn.diff(dim=axis)) * loud.narrow(axis, 1, loud.shape[axis] - 1) for axis in (1, 2)]
        return {
            "amplitude": amplitude,
            "phase": torch.stack([error.sum() / (loud.sum() + 1) for error in errors]).sum(),
        }

    def _judged(self, audio: Tensor, real: Tensor, cutoff_hz: Tensor) -> dict[str, Tensor]:
        """Return what the verdicts cost the network, and what the judges must learn."""
        parts: dict[str, list[Tensor]] = {"adversarial": [], "matching": [], "judge": []}
        for judge, size in zip(self.judges, WINDOWS, strict=True):
            made, true = _levels(audio, real, size)
            known = torch.arange(made.shape[2], device=made.device) * SAMPLE_RATE / size < cutoff_hz[:, None]
            known = known[:, None].float().expand_as(made)
            unmoved = {name: value.detach() for name, value in judge.named_parameters()}
            fake = functional_call(judge, unmoved, (made, known))
            both = judge(torch.cat([true, made.detach()]), torch.cat([known, known]))
            right, found = zip(*(x.float().chunk(2) for x in both), strict=True)
            parts["adversarial"].append((fake[-1] - 1).square().mean())
            parts["matching"] += [(a - b.detach()).abs().mean() for a, b in zip(fake[:-1], right[:-1], strict=True)]
            parts["judge"].append((right[-1] - 1).square().mean() + found[-1].square().mean())
        return {name: torch.stack(values).mean() for name, values in parts.items()}


def _levels(audio: Tensor, real: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return log spectra, on the scale of the real one."""
    powers = [x.real.square() + x.imag.square() for x in (stft(audio, size, size // 4), stft(real, size, size // 4))]
    mean = powers[1].mean(dim=(1, 2), keepdim=True) + 1e-12
    made, true = (torch.log10(power / mean + 1e-7) / 2 for power in powers)
    return made, true


def unwrapped(turn: Tensor) -> Tensor:
    """Return how far an angle is from a whole turn, in radians."""
    return (turn - 2 * torch.pi * torch.round(turn / (2 * torch.pi))).abs()
