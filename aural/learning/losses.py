"""Losses: spectral distances, SI-SDR, and differentiable versions of PESQ's disturbance and of ESTOI."""

from __future__ import annotations

import torch
from scipy.signal import freqz
from torch import Tensor, nn

COMPRESSION = 0.3


def stft(audio: Tensor, window: int, hop: int) -> Tensor:
    """Return Hann-windowed spectra, shape (batch, frames, window / 2 + 1)."""
    shape = torch.hann_window(window, device=audio.device)
    return torch.stft(audio, window, hop, window=shape, center=False, return_complex=True).transpose(1, 2)


def spectral_distance(estimate: Tensor, target: Tensor, phase: float = 0.5) -> Tensor:
    """Return the mean squared error of compressed spectra, with and without phase (Braun and Tashev 2021).

    Args:
        estimate, target: complex, shape (batch, frames, bins), on a scale where speech lies near 1.
        phase: weight of the error with phase; the rest is that of the magnitudes.

    Returns:
        One value for every clip, shape (batch,).
    """
    squares = [x.real.square() + x.imag.square() + 1e-8 for x in (estimate, target)]
    magnitudes = [square ** (COMPRESSION / 2) for square in squares]
    phasors = [x * square ** ((COMPRESSION - 1) / 2) for x, square in zip((estimate, target), squares, strict=True)]
    difference = phasors[0] - phasors[1]
    with_phase = difference.real.square() + difference.imag.square()
    without = (magnitudes[0] - magnitudes[1]).square()
    return (phase * with_phase + (1 - phase) * without).mean(dim=(1, 2))


def deficit(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the mean square by which compressed magnitudes fall short of the target: what is louder does not count.

    Args:
        estimate, target: complex, shape (batch, frames, bins), on a scale where speech lies near 1.

    Returns:
        One value for every clip, shape (batch,).
    """
    magnitudes = [(x.real.square() + x.imag.square() + 1e-8) ** (COMPRESSION / 2) for x in (estimate, target)]
    return (magnitudes[1] - magnitudes[0]).clamp(min=0).square().mean(dim=(1, 2))


def log_spectral_db(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the distance of log power spectra in dB, over a floor 60 dB below the target's mean power.

    Args:
        estimate, target: complex, shape (batch, frames, bins).

    Returns:
        One value for every clip, shape (batch,).
    """
    powers = [x.real.square() + x.imag.square() for x in (estimate, target)]
    floor = 1e-6 * powers[1].mean(dim=(1, 2), keepdim=True) + 1e-12
    levels = [10 * torch.log10(power + floor) for power in powers]
    return ((levels[0] - levels[1]).square().mean(-1) + 1e-4).sqrt().mean(-1)


def rumble_db(estimate: Tensor, target: Tensor, bins: int) -> Tensor:
    """Return the level of the error in the lowest bins, in dB above a floor 20 dB below the target's mean power.

    Other losses see little of the few bins below a voice, where cars and ventilation can be louder than it.

    Args:
        estimate, target: complex, shape (batch, frames, bins).

    Returns:
        One value for every clip, shape (batch,).
    """
    error = estimate[..., :bins] - target[..., :bins]
    powers = [x.real.square() + x.imag.square() for x in (error, target)]
    error_power, power = (x.mean(1).sum(-1) for x in powers)
    return 10 * torch.log10(1 + 100 * error_power / (power + 1e-9))


class Dullness(nn.Module):
    """By how much the long-term spectrum of audio falls short of the target's, in dB.

    The mean over third octaves from 100 Hz to 16 kHz; bands that are louder than the target's count as 0. PESQ does
    not see it: the standard aligns the levels of bands before it compares.
    """

    bands: Tensor

    def __init__(self, sample_rate: int, window: int) -> None:
        super().__init__()
        hz = torch.arange(window // 2 + 1) * (sample_rate / window)
        centre = 125 * 2 ** (torch.arange(22) / 3)
        self.register_buffer("bands", (torch.log2((hz[:, None] + 1e-6) / centre).abs() < 1 / 6).float())

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Compare complex spectra, shape (batch, frames, bins); return one value for every clip."""
        predicted, clean = ((x.real.square() + x.imag.square()).mean(1) @ self.bands for x in (estimate, target))
        floor = 1e-6 * clean.sum(-1, keepdim=True) + 1e-12
        return (10 * torch.log10((clean + floor) / (predicted + floor))).clamp(min=0).mean(-1)


def si_sdr_db(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the scale-invariant signal-to-distortion ratio of clips, shape (batch,) (Le Roux and others 2019)."""
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    return scale_invariant_signal_distortion_ratio(estimate, target)


def sdr_db(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the signal-to-distortion ratio of clips, shape (batch,); a wrong level is distortion too."""
    return 10 * torch.log10((target.square().sum(-1) + 1e-12) / ((estimate - target).square().sum(-1) + 1e-12))


class Unintelligibility(nn.Module):
    """One minus ESTOI (Jensen and Taal 2016), differentiable, at the audio's own rate.

    As published but for silent frames, which are left out after the analysis instead of before it, and for the
    segments, of which every fifth is compared. 0 for a clip with less than 30 frames of speech.
    """

    bands: Tensor
    heard: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.window = 2 * round(sample_rate * 0.0128)
        self.size = round(sample_rate * 0.0512)
        hz = torch.arange(self.size // 2 + 1) * (sample_rate / self.size)
        centre = 150 * 2 ** (torch.arange(15) / 3)
        low, high = centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)
        self.register_buffer("bands", ((hz[:, None] >= low) & (hz[:, None] < high)).float())
        self.register_buffer("heard", (hz < 5000).float())

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Compare audio of shape (batch, frames); return one value for every clip."""
        predicted, clean = self._powers(estimate), self._powers(target)
        level = clean @ self.heard
        spoken = level > 1e-4 * level.amax(-1, keepdim=True)
        bands = predicted @ self.bands, clean @ self.bands
        return self._compare(*bands, spoken)

    def _powers(self, audio: Tensor) -> Tensor:
        shape = torch.hann_window(self.window, device=audio.device)
        spectra = torch.stft(
            audio, self.size, self.window // 2, self.window, shape, center=False, return_complex=True
        ).transpose(1, 2)  # fmt: skip
        return spectra.real.square() + spectra.imag.square()

    @staticmethod
    def _compare(predicted: Tensor, clean: Tensor, spoken: Tensor) -> Tensor:
        if predicted.shape[1] < 30:
            return predicted.new_zeros(len(predicted))
        count = spoken.sum(1)
        order = torch.argsort(~spoken, dim=1, stable=True)[..., None].expand_as(predicted)  # frames of speech first
        segments = []
        for powers in (predicted, clean):
            segment = (powers.gather(1, order) + 1e-9).sqrt().unfold(1, 30, 5)  # (batch, segments, bands, frames)
            for axis in (3, 2):
                segment = segment - segment.mean(axis, keepdim=True)
                segment = segment / (segment.square().sum(axis, keepdim=True) + 1e-9).sqrt()
            segments.append(segment)
        alike = (segments[0] * segments[1]).sum(2).mean(-1)
        there = torch.arange(alike.shape[1], device=alike.device) * 5 + 30 <= count[:, None]
        missed = 1 - (alike * there).sum(1) / there.sum(1).clamp(min=1)
        return missed * (count >= 30)


class PerceptualDisturbance(nn.Module):
    """The disturbance that PESQ turns into a score, differentiable (ITU-T P.862, wide band).

    As in the standard but for time alignment, which is taken as given, and for levels, which are aligned over all
    frames in the spectrum. 0 for equal signals; the score falls by about one where it rises by one.
    """

    emphasis: Tensor
    telephone: Tensor
    bands: Tensor
    threshold: Tensor
    exponent: Tensor
    width: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.window = round(sample_rate * 0.032)
        hz = torch.arange(256) * 31.25
        _, response = freqz(*EMPHASIS, worN=hz.numpy(), fs=16000)
        self.register_buffer("emphasis", torch.as_tensor(abs(response) ** 2, dtype=torch.float32))
        self.register_buffer("telephone", ((hz > 325) & (hz < 3250)).float())
        sums = torch.zeros(256, len(BARK_BINS))
        first = 0
        for band, (count, density) in enumerate(zip(BARK_BINS, BARK_DENSITY, strict=True)):
            sums[first : first + count, band] = density * POWER_SCALE
            first += count
        sums[0] = 0.0
        self.register_buffer("bands", sums)
        self.register_buffer("threshold", torch.tensor(THRESHOLD))
        self.register_buffer("exponent", (6 / (torch.tensor(BARK_CENTRE) + 2)).clamp(1, 2) ** 0.15 * 0.23)
        self.register_buffer("width", torch.tensor(BARK_WIDTH))

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Compare audio of shape (batch, frames); return one value for every clip."""
        predicted, clean = self._bands(estimate), self._bands(target)
        silent = self._audible(clean, 1e2) < 1e7
        spoken = (~silent)[..., None]
        mean = [(x * ((x > self.threshold * 100) & spoken)).mean(dim=1) + 1000 for x in (predicted, clean)]
        clean = clean * (mean[0] / mean[1]).clamp(0.01, 100)[:, None]
        ratio = (self._audible(clean, 1) + 5e3) / (self._audible(predicted, 1) + 5e3)
        ratio = torch.cat([ratio[:, :1], 0.8 * ratio[:, 1:] + 0.2 * ratio[:, :-1]], dim=1).clamp(3e-4, 5)
        predicted = predicted * ratio[..., None]
        loud = [self._loudness(x) for x in (predicted, clean)]
        error = loud[0] - loud[1]
        error = error.sign() * (error.abs() - 0.25 * torch.minimum(*loud)).clamp(min=0)
        unequal = ((predicted + 50) / (clean + 50)) ** 1.2
        unequal = torch.where(unequal < 3, 0.0, unequal.clamp(max=12))
        both = self.width[1:].sum() ** 0.5 * ((error * self.width)[..., 1:].square().sum(-1) + 1e-8).sqrt()
        added = ((error * unequal).abs() * self.width)[..., 1:].sum(-1)
        weight = ((self._audible(clean, 1) + 1e5) / 1e7) ** 0.04
        symmetric, asymmetric = (self._over_time((x / weight).clamp(max=45)) for x in (both, added))
        return 0.1 * symmetric + 0.0309 * asymmetric

    def _bands(self, audio: Tensor) -> Tensor:
        spectra = stft(audio, self.window, self.window // 2)[..., :256]
        power = spectra.real.square() + spectra.imag.square()
        level = (power * self.telephone).sum(-1).mean(-1)
        return (power * (49152e7 / (level + 1e-10))[:, None, None] * self.emphasis) @ self.bands

    def _audible(self, bands: Tensor, factor: float) -> Tensor:
        return (bands * (bands > self.threshold * factor)).sum(-1)

    def _loudness(self, bands: Tensor) -> Tensor:
        raised = (0.5 + 0.5 * bands / self.threshold) ** self.exponent - 1
        return 0.1866055 * (2 * self.threshold) ** self.exponent * raised.clamp(min=0)

    @staticmethod
    def _over_time(frames: Tensor) -> Tensor:
        """Join frames: norm of order 6 over a third of a second, of order 2 over those."""
        pieces = frames.unfold(1, min(20, frames.shape[1]), 10)
        joined = ((pieces + 1e-4) ** 6).mean(-1) ** (1 / 6)
        return joined.square().mean(-1).sqrt()


# The tables of the standard's wide-band mode
EMPHASIS = (2.740826, -5.4816519, 2.740826), (1.0, -1.9444777, 0.94597794)
POWER_SCALE = 6.910853e-6
# fmt: off
BARK_BINS = (1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 3, 4, 5, 4, 5,
             6, 6, 7, 8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20)
BARK_DENSITY = (
    100.0, 99.999992, 100.0, 100.000008, 100.000008, 100.000015, 99.999992, 99.999969, 50.000027, 100.0, 99.999969,
    100.000015, 99.999947, 100.000061, 53.047077, 110.000046, 117.991989, 65.0, 68.760147, 69.999931, 71.428818,
    75.000038, 76.843384, 80.968781, 88.646126, 63.864388, 68.15535, 72.547775, 75.584831, 58.379192, 80.950836,
    64.135651, 54.384785, 73.821884, 64.437073, 59.176456, 65.521278, 61.399822, 58.144047, 57.004543, 64.126297,
    54.311001, 61.114979, 55.077751, 56.849335, 55.628868, 53.137054, 54.985844, 79.546974)
BARK_CENTRE = (
    0.078672, 0.316341, 0.636559, 0.961246, 1.29045, 1.624217, 1.962597, 2.305636, 2.653383, 3.005889, 3.363201,
    3.725371, 4.092449, 4.464486, 4.841533, 5.223642, 5.610866, 6.003256, 6.400869, 6.803755, 7.211971, 7.625571,
    8.044611, 8.469146, 8.899232, 9.334927, 9.776288, 10.223374, 10.676242, 11.134952, 11.599563, 12.070135,
    12.546731, 13.029408, 13.518232, 14.013264, 14.514566, 15.022202, 15.536238, 16.056736, 16.583761, 17.117382,
    17.657663, 18.204674, 18.758478, 19.319147, 19.886751, 20.461355, 21.043034)
BARK_WIDTH = (
    0.157344, 0.317994, 0.322441, 0.326934, 0.331474, 0.336061, 0.340697, 0.345381, 0.350114, 0.354897, 0.359729,
    0.364611, 0.369544, 0.374529, 0.379565, 0.384653, 0.389794, 0.394989, 0.400236, 0.405538, 0.410894, 0.416306,
    0.421773, 0.427297, 0.432877, 0.438514, 0.444209, 0.449962, 0.455774, 0.461645, 0.467577, 0.473569, 0.479621,
    0.485736, 0.491912, 0.498151, 0.504454, 0.510819, 0.51725, 0.523745, 0.530308, 0.536934, 0.543629, 0.55039,
    0.55722, 0.564119, 0.571085, 0.578125, 0.585232)
THRESHOLD = (
    51286152.0, 2454709.5, 70794.59375, 4897.788574, 1174.897705, 389.045166, 104.71286, 45.70882, 17.782795,
    9.772372, 4.897789, 3.090296, 1.905461, 1.258925, 0.977237, 0.724436, 0.562341, 0.457088, 0.389045, 0.331131,
    0.295121, 0.269153, 0.25704, 0.251189, 0.251189, 0.251189, 0.251189, 0.263027, 0.288403, 0.30903, 0.338844,
    0.371535, 0.398107, 0.436516, 0.467735, 0.489779, 0.501187, 0.501187, 0.512861, 0.524807, 0.524807, 0.524807,
    0.512861, 0.478630, 0.426580, 0.371535, 0.363078, 0.416869, 0.537032)
# fmt: on
