"""The input of the unet engine: mel spectrogram, and pitch, rhythm, loudness and sharpness over time.

All of it is found from power spectra alone and on ratios only: a louder recording looks the same.

References:
    [1] Tolonen, Karjalainen: A computationally efficient multipitch analysis model. IEEE Trans. SAP 8(6), 2000.
    [2] DIN 45692: Measurement technique for the simulation of the auditory sensation of sharpness, 2009.
    [3] Traunmueller: Analytical expressions for the tonotopic sensory scale. JASA 88, 1990.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from aural.learning.unet import SharedBands
from aural.stages.noise_reduction.stft import BINS, SAMPLE_RATE, WINDOW

BANDS = 80  # the most for which the lowest bands still lie a bin apart
RUMBLE = 4  # bins, below 125 Hz, that do not count towards the level
LEVEL_REACH = 125  # frames to either side over which the level is averaged, 2 s
MEL_FLOOR = 1e-7  # of the level, in power: what lies lower is inaudible

PITCHES, LOWEST_HZ, HIGHEST_HZ = 48, 75.0, 420.0
PITCH_BINS = 96  # bins below 3 kHz, from which the pitch is found
VOICED = 0.16  # least salience of a pitch; white noise stays below 0.1
LAGS = range(8, 33)  # frames from syllable to syllable, 0.13 to 0.51 s
RHYTHM_REACH = 62  # frames to either side, 1 s
CURVES = 7


class MelBands(SharedBands):
    """Bands whose centres lie evenly on the mel scale from 0 to 24 kHz."""

    def __init__(self) -> None:
        super().__init__(mel_centres_hz() * WINDOW / SAMPLE_RATE, BINS)


def mel_centres_hz() -> Tensor:
    """Return the centres of the bands (O'Shaughnessy's mel scale), float64 of shape (80,)."""
    highest = 2595 * torch.log10(torch.tensor(1 + SAMPLE_RATE / 2 / 700, dtype=torch.float64))
    return 700 * (10 ** (torch.linspace(0, 1, BANDS, dtype=torch.float64) * highest / 2595) - 1)


def running_level(power: Tensor) -> Tensor:
    """Return the mean power around each frame, shape (batch, frames), of spectra (batch, frames, 769)."""
    return _around(power[..., RUMBLE:].sum(-1), LEVEL_REACH)


def log_mel(mel: Tensor) -> Tensor:
    """Return a mel spectrogram in units of 20 dB, mostly within -1.5 and 1.5, where the level is 1."""
    return (torch.log10(mel + MEL_FLOOR) + 4) / 2


class Curves(nn.Module):
    """The conditioning: what pitch, rhythm, loudness and sharpness the input has at each time."""

    cosines: Tensor
    bark: Tensor
    width: Tensor

    def __init__(self) -> None:
        super().__init__()
        periods = SAMPLE_RATE / (LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** torch.linspace(0, 1, PITCHES))
        cosines = torch.cos(2 * torch.pi / WINDOW * torch.arange(PITCH_BINS)[:, None] * periods)
        hz = mel_centres_hz().float()
        bark = 26.81 * hz / (1960 + hz) - 0.53  # [3]
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("bark", bark, persistent=False)
        self.register_buffer("width", torch.gradient(bark)[0], persistent=False)

    def forward(self, power: Tensor, mel: Tensor) -> Tensor:
        """Return the curves, each within about -1 and 1.

        Args:
            power: of the bins, shape (batch, frames, 769).
            mel: the same in bands, divided by the level, shape (batch, frames, 80).

        Returns:
            Pitch, voicing, onset, syllable rate, strength of the rhythm, loudness, sharpness: (batch, 7, frames).
        """
        with torch.autocast(power.device.type, enabled=False):
            return torch.cat([self._pitch(power), self._rhythm(mel), self._timbre(mel)], dim=1)

    def salience(self, power: Tensor) -> Tensor:
        """Return how well each pitch explains each frame, shape (batch, frames, 48).

        The autocorrelation [1] at lags of whole periods, from spectra whose magnitudes are compressed, so that a
        formant does not pass for a pitch. The window lets it fall with the lag: of a period and its double the
        shorter wins.
        """
        pressed = power[..., :PITCH_BINS] ** 0.25
        return pressed @ self.cosines / (pressed.sum(-1, keepdim=True) + 1e-20)

    def pitch_class(self, power: Tensor) -> Tensor:
        """Return the pitch of each frame of a clean voice as 1 to 48, or 0 for none; shape (batch, frames)."""
        salience, pitch = self.salience(power).max(-1)
        sounding = power[..., RUMBLE:].sum(-1) > 0.01 * running_level(power)
        return torch.where(sounding & (salience > VOICED), pitch + 1, 0)

    def _pitch(self, power: Tensor) -> Tensor:
        voicing, pitch = self.salience(power).max(-1)
        height = 2 * pitch / (PITCHES - 1) - 1
        return torch.stack([height * (voicing / VOICED).clamp(0, 1), voicing / VOICED - 1], dim=1)

    def _rhythm(self, mel: Tensor) -> Tensor:
        """Find onsets by the spectral flux, and their period by its autocorrelation over two seconds."""
        pressed = (mel + 1e-20) ** 0.15
        onset = functional.pad(pressed.diff(dim=1).clamp(min=0).mean(-1), (1, 0))
        swing = functional.pad(onset - _around(onset, RHYTHM_REACH), (max(LAGS), 0))
        frames = onset.shape[1]
        now = swing[:, max(LAGS) :]
        products = torch.stack([now * swing[:, max(LAGS) - lag :][:, :frames] for lag in (0, *LAGS)], dim=1)
        likeness = _around(products.flatten(0, 1), RHYTHM_REACH).view(products.shape)
        strength, lag = (likeness[:, 1:] / (likeness[:, :1] + 1e-8)).max(1)
        rate = 1 - 2 * lag / (len(LAGS) - 1)
        return torch.stack([5 * onset, rate * strength.clamp(0, 1), strength.clamp(0, 1)], dim=1)

    def _timbre(self, mel: Tensor) -> Tensor:
        """Find loudness and sharpness [2] from the power in Bark raised to 0.23."""
        specific = (mel / self.width + 1e-20) ** 0.23 * self.width
        loudness = specific.sum(-1)
        weight = torch.where(self.bark > 15.8, 0.15 * torch.exp(0.42 * (self.bark - 15.8)) + 0.85, 1.0)
        acum = 0.11 * (specific * weight * self.bark).sum(-1) / (loudness + 1e-8)
        return torch.stack([torch.log2(loudness + 1) / 2 - 1, acum - 1.5], dim=1)


def _around(x: Tensor, reach: int) -> Tensor:
    """Return the mean over so many frames to either side, fewer at the ends; shape (batch, frames) as before."""
    return functional.avg_pool1d(x[:, None], 2 * reach + 1, 1, reach, count_include_pad=False)[:, 0]
