"""Training of the unet: denoising, studio sound, auxiliary predictions of pitch and noise, and a discriminator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from aural.dsp.decibels import db_to_gain
from aural.learning.losses import PerceptualDisturbance, sdr_db, spectral_distance
from aural.stages.noise_reduction.clips import VoiceRecipe, VoiceTraining
from aural.stages.noise_reduction.engines.unet.curves import BANDS, log_mel, running_level
from aural.stages.noise_reduction.engines.unet.network import LEVEL_FLOOR, Discriminator, Restored, Unet
from aural.stages.noise_reduction.stft import HOP, SAMPLE_RATE, WINDOW, analysis, synthesis

WEIGHTS = {
    "spectral": 20.0, "sdr": 0.05, "disturbance": 0.25,  # stage one
    "noise": 10.0, "pitch": 0.1,  # what shares its encoder
    "studio": 1.0, "adversarial": 0.02, "matching": 0.1,  # stage two
    "discriminator": 0.2,
}  # fmt: skip
TIMBRE_DB, TIMBRE_WAVES = 4.0, 4  # of the wrong timbre that stage two must set right, over the bands
DRIFT_DB, DRIFT_S = 4.0, (3.0, 6.0)  # of the uneven level, over time


class UnetRecipe(VoiceRecipe):
    """Trains networks and discriminator in one step on one sum of losses.

    Gradients are kept apart: those of stage two do not reach stage one, those of the adversarial loss do not reach
    the discriminator, and those of the discriminator do not reach the network.

    References:
        Mao and others: Least squares generative adversarial networks. ICCV 2017.
        Larsen and others: Autoencoding beyond pixels using a learned similarity metric. ICML 2016 ("matching").
    """

    network: Unet

    def __init__(self, settings: VoiceTraining, network: Unet) -> None:
        super().__init__(settings, network)
        self.judge = Discriminator().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.disturbance = PerceptualDisturbance(SAMPLE_RATE)

    def losses(self, batch: Any) -> dict[str, Tensor]:
        noisy, voice, dry, music = batch
        colour = self._colour(noisy)
        noisy_spectra, voice_spectra = (analysis(audio) * colour for audio in (noisy, voice))
        power = _power(noisy_spectra)
        predicted = self.network(power)
        with torch.autocast(noisy.device.type, enabled=False):
            level = running_level(power)[..., None] + LEVEL_FLOOR
            studio, noise = (
                self.network.bands(_power(x)) / level for x in (analysis(dry), noisy_spectra - voice_spectra)
            )
            parts = {
                **self._stage_one(noisy_spectra * self.network.bands.to_bins(predicted.voice), voice_spectra),
                "noise": _compressed_error(predicted.mel * predicted.noise.square(), noise),
                "pitch": self._pitch_error(predicted.pitch, analysis(dry)),
                "studio": (log_mel(predicted.studio) - log_mel(studio)).abs().mean(dim=(1, 2)),
            }
        parts |= self._judged(predicted, studio)
        spoken = 1 - music  # where music is to be kept, the voice alone is no target
        means = {name: (part * spoken).sum() / spoken.sum().clamp(min=1) for name, part in parts.items()}
        return {"loss": sum(WEIGHTS[name] * mean for name, mean in means.items()), **means}  # type: ignore[dict-item]

    def _stage_one(self, clean: Tensor, target: Tensor) -> dict[str, Tensor]:
        frames = (clean.shape[1] - 1) * HOP
        audio, voice = (synthesis(spectra, frames) for spectra in (clean, target))
        return {
            "spectral": spectral_distance(*(x / (0.5 * WINDOW) ** 0.5 for x in (clean, target))),
            "sdr": -sdr_db(audio, voice).clamp(max=30),
            "disturbance": self.disturbance(audio, voice),
        }

    def _pitch_error(self, pitch: Tensor, dry: Tensor) -> Tensor:
        wanted = self.network.conditioning.pitch_class(_power(dry))
        return functional.cross_entropy(pitch.transpose(1, 2), wanted, reduction="none").mean(-1)

    def _judged(self, predicted: Restored, studio: Tensor) -> dict[str, Tensor]:
        """Return the adversarial losses of the network and of the discriminator."""
        unmoved = {name: value.detach() for name, value in self.judge.named_parameters()}
        fake = functional_call(self.judge, unmoved, (predicted.studio, predicted.curves))
        both = self.judge(
            torch.cat([studio, predicted.studio.detach()]), torch.cat([predicted.curves, predicted.curves])
        )
        real, known = zip(*(x.float().chunk(2) for x in both), strict=True)
        nearness = [(a.float() - b.detach()).abs().mean(dim=(1, 2, 3)) for a, b in zip(fake[:-1], real, strict=False)]
        return {
            "adversarial": _miss(fake[-1].float(), 1.0),
            "matching": torch.stack(nearness).sum(0),
            "discriminator": _miss(real[-1], 1.0) + _miss(known[-1], 0.0),
        }

    def _colour(self, noisy: Tensor) -> Tensor:
        """Draw what a phone does to a voice and a studio does not, as gains of shape (batch, frames, 769).

        A wrong timbre, some cosines over the bands, and a level that drifts.
        """
        moment = self.global_step if self.training else 0
        rng = np.random.default_rng([self.settings.seed, moment, self.global_rank])
        clips, frames = len(noisy), noisy.shape[1] // HOP + 1
        waves = np.arange(1, TIMBRE_WAVES + 1)
        sizes = rng.normal(size=(clips, TIMBRE_WAVES)) * TIMBRE_DB / waves
        timbre = sizes @ np.cos(np.pi * waves[:, None] * (np.arange(BANDS) + 0.5) / BANDS)
        periods = rng.uniform(*DRIFT_S, (clips, 1)) * SAMPLE_RATE / HOP
        turns = np.arange(frames) / periods + rng.random((clips, 1))
        drift = rng.uniform(0, DRIFT_DB, (clips, 1)) * np.cos(2 * np.pi * turns)
        gains = db_to_gain(timbre[:, None] + drift[..., None])
        return self.network.bands.to_bins(torch.as_tensor(gains, dtype=torch.float32, device=noisy.device))


def _power(spectra: Tensor) -> Tensor:
    return spectra.real.square() + spectra.imag.square()


def _compressed_error(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of magnitudes to the power of 0.3, shape (batch,)."""
    return ((estimate + 1e-8) ** 0.15 - (target + 1e-8) ** 0.15).square().mean(dim=(1, 2))


def _miss(verdicts: Tensor, wanted: float) -> Tensor:
    return (verdicts - wanted).square().mean(dim=(1, 2, 3))
