"""Training of the fullband network: recordings with random band limits, and discriminators of the new band."""

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

from aural.degrade.codec import lossy
from aural.degrade.fourier import Response, filtered
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.losses import log_spectral_db, stft
from aural.learning.material import Clip, describe
from aural.learning.training import Recipe
from aural.stages.frequency_expansion.engines.fullband.engine import END_HZ, LOWEST_HZ
from aural.stages.frequency_expansion.engines.fullband.network import (
    BIN_HZ,
    BINS,
    SAMPLE_RATE,
    WINDOW,
    Fullband,
    analysis,
    synthesis,
)
from aural.stages.frequency_expansion.published.networks import KINDS, Audio

WEIGHTS = {"amplitude": 1.0, "phase": 0.3, "spectral": 0.05, "adversarial": 0.05, "matching": 0.5, "judge": 1.0}
JUDGED = 0.4  # share of the steps before the discriminators count: until then there is nothing to refine
HIGHEST_HZ = 18500.0
LEAST_HZ = 13500.0  # bandwidth that a target needs at least
LEAST_SNR_DB = 30.0
SPAN = 0.92  # of the bandwidth of a recording: highest cut-off
CODED = 0.25  # share of the recordings that also go through a codec
LOST = 1e-3  # of its power is left where a codec has dropped a band
BAND_HZ = 250.0
TILT_DB = 3.0  # spread of the slopes in dB an octave that recordings are given beside their own
CORNERS_HZ = 500.0, 4000.0
TOLD = 0.97, 1.02  # factors between which the given cut-off errs: a meter is no more accurate
WINDOWS = (512, 1024, 2048)
UNKNOWN = 4 / 12 / 32768**2 * 0.375 * WINDOW  # power of a bin that is not above the noise of 16 bits
FLOOR = 1e-4  # of the mean amplitude: lower amplitudes count as silence


def whole(settings: Any, part: str) -> list[Clip]:
    """List the clips on one side of the split that are fit to be a target."""
    return [clip for clip in settings.material(part) if clip.bandwidth_hz >= LEAST_HZ and clip.snr_db >= LEAST_SNR_DB]


class Cuts:
    """Draws recordings and their band-limited versions."""

    def __init__(self, settings: Any, part: str) -> None:
        wide = whole(settings, part)
        if not wide:
            least = f"reaches {LEAST_HZ:.0f} Hz {LEAST_SNR_DB:.0f} dB above its noise"
            raise ParameterError(f"no audio for {part} {least}", stage="training")
        kinds = ([clip for clip in wide if clip.kind == kind] for kind in KINDS)
        self.frames = round(settings.clip_s * SAMPLE_RATE)
        self.excerpts = [Excerpts(clips, settings.clip_s, SAMPLE_RATE) for clips in kinds if clips]

    def __call__(self, rng: np.random.Generator) -> tuple[Audio, Audio, np.float32, np.float32, Audio]:
        """Return the band-limited input, the target, the cut-off and the end of the original in Hz, and what
        power each bin has of rounding alone."""
        target = np.zeros(0, np.float32)
        while not target.size or not np.abs(target).max() > 1e-3:
            excerpts = self.excerpts[int(rng.integers(len(self.excerpts)))]
            index = int(rng.integers(len(excerpts)))
            target = excerpts[index]
        response = tilt(rng)
        target = filtered(target, SAMPLE_RATE, response)
        gain = 1 / np.abs(target).max()
        target = np.pad(gain * target, (0, self.frames - len(target)))
        rounding = UNKNOWN * (gain * response(np.arange(BINS, dtype=np.float32) * np.float32(BIN_HZ))) ** 2
        end_hz = min(END_HZ, *(clip.bandwidth_hz for clip in excerpts.group_of(index).clips))
        cutoff_hz = float(np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(min(HIGHEST_HZ, SPAN * end_hz)))))
        limited = target
        if rng.random() < CODED:
            limited = lossy(target, SAMPLE_RATE, rng)
            cutoff_hz = min(cutoff_hz, max(LOWEST_HZ, left_hz(target, limited)))
        told_hz = cutoff_hz * rng.uniform(*TOLD)
        return (
            cut(limited, cutoff_hz, rng),
            target,
            np.float32(told_hz),
            np.float32(end_hz),
            rounding.astype(np.float32),
        )


def tilt(rng: np.random.Generator) -> Response:
    """Draw how bright a microphone and a voice are: the treble rises or falls by so much an octave."""
    slope_db, corner_hz = rng.normal(0, TILT_DB), np.exp(rng.uniform(*np.log(CORNERS_HZ)))
    return lambda hz: 10 ** (slope_db / 20 * np.log2(np.maximum(hz, corner_hz) / corner_hz))


def left_hz(target: Audio, limited: Audio) -> float:
    """Return up to where a codec has left something of the spectrum."""
    before, after = (np.square(np.abs(np.fft.rfft(audio))) for audio in (target, limited))
    bins = round(len(before) * 2 * BAND_HZ / SAMPLE_RATE)
    parts = [np.add.reduceat(power, np.arange(0, len(power), bins)) for power in (before, after)]
    lost = np.flatnonzero(parts[1] < LOST * parts[0])
    return float(BAND_HZ * (lost[0] if lost.size else len(parts[0])))


def cut(audio: Audio, cutoff_hz: float, rng: np.random.Generator) -> Audio:
    """Cut audio off by a filter of a kind in common use: a steep FIR, a gentler one, a Chebyshev filter."""
    kind = rng.integers(3)
    if kind == 0:
        sections = cheby1(8, 0.05, cutoff_hz, fs=SAMPLE_RATE, output="sos")
        return np.asarray(sosfiltfilt(sections, audio), np.float32)
    taps = firwin(1025 if kind == 1 else 257, 0.98 * cutoff_hz, fs=SAMPLE_RATE)
    return np.asarray(oaconvolve(audio, taps, mode="same"), np.float32)


class Judge(nn.Module):
    """Distinguishes real spectrograms from extended ones, in patches, at one resolution."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        widths = (2, channels, 2 * channels, 2 * channels)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 5, 2, 2) for a, b in pairwise(widths))
        self.verdict = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, levels: Tensor, known: Tensor) -> list[Tensor]:
        """Judge levels of shape (batch, frames, bins), given which bins are old; last come the verdicts."""
        x = torch.stack([levels, known], dim=1).contiguous(memory_format=torch.channels_last)
        seen = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            seen.append(x)
        return [*seen, self.verdict(x)]


class FullbandRecipe(Recipe):
    """Log amplitudes, phases and their differences, log spectra at several resolutions, a discriminator for each.

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
        return {"material": describe(whole(self.settings, "train"))}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        limited, original, cutoff_hz, end_hz, rounding = batch
        spectra, target = analysis(limited), analysis(original)
        predicted = self.network(spectra, cutoff_hz)
        with torch.autocast(limited.device.type, enabled=False):
            hz = torch.arange(BINS, device=limited.device) * BIN_HZ
            new = ((hz >= 0.97 * cutoff_hz[:, None]) & (hz < end_hz[:, None]))[:, None].float()
            new = new * self._held(target, rounding)
            old = (hz < 0.97 * cutoff_hz[:, None])[:, None].float()
            whole = spectra * old + predicted.spectra * new
            audio, real = (synthesis(x, limited.shape[1]) for x in (whole, target * (old + new)))
            parts = {
                **self._bins(predicted.log_amplitude, predicted.phase, target, new),
                "spectral": torch.stack([
                    log_spectral_db(stft(audio, size, size // 4), stft(real, size, size // 4)).mean()
                    for size in WINDOWS
                ]).mean(),
            }  # fmt: skip
            if self.global_step >= JUDGED * self.settings.steps:
                parts |= self._judged(audio, real, cutoff_hz)
            else:
                parts["judge"] = 0.0 * torch.stack([p.sum() for p in self.judges.parameters()]).sum()
        return {"loss": sum(WEIGHTS[name] * part for name, part in parts.items()), **parts}  # type: ignore[dict-item]

    @staticmethod
    def _held(target: Tensor, rounding: Tensor) -> Tensor:
        """Say which bins the recording holds: many have been through a codec that dropped what is not limited."""
        around = functional.avg_pool2d(target.real.square() + target.imag.square(), 9, 1, 4, count_include_pad=False)
        return (around > rounding[:, None]).float()

    def _bins(self, log_amplitude: Tensor, phase: Tensor, target: Tensor, new: Tensor) -> dict[str, Tensor]:
        power = target.real.square() + target.imag.square()
        floor = FLOOR**2 * power.mean(dim=(1, 2), keepdim=True) + 1e-20
        target_log = torch.log(power + floor) / 2
        predicted = torch.logaddexp(2 * log_amplitude, torch.log(floor)) / 2
        count = new.sum() + 1
        amplitude = ((predicted - target_log).square() * new).sum() / count
        loud = new * (power > 100 * floor)
        turn = phase - target.angle()
        errors = [unwrapped(turn) * loud]
        errors += [unwrapped(turn.diff(dim=axis)) * loud.narrow(axis, 1, loud.shape[axis] - 1) for axis in (1, 2)]
        return {
            "amplitude": amplitude,
            "phase": torch.stack([error.sum() / (loud.sum() + 1) for error in errors]).sum(),
        }

    def _judged(self, audio: Tensor, real: Tensor, cutoff_hz: Tensor) -> dict[str, Tensor]:
        """Return the adversarial losses of the network and of the discriminators."""
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
    powers = [x.real.square() + x.imag.square() for x in (stft(audio, size, size // 2), stft(real, size, size // 2))]
    mean = powers[1].mean(dim=(1, 2), keepdim=True) + 1e-12
    made, true = (torch.log10(power / mean + 1e-7) / 2 for power in powers)
    return made, true


def unwrapped(turn: Tensor) -> Tensor:
    """Return how far an angle is from a whole turn, in radians."""
    return (turn - 2 * torch.pi * torch.round(turn / (2 * torch.pi))).abs()
