"""Training of noise reduction: its settings, its clips, and the recipe of the compact network."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from aural.degrade import Audio, Scene, Stock, Take, active_db, degrade
from aural.errors import ParameterError
from aural.learning.excerpts import Excerpts
from aural.learning.losses import PerceptualDisturbance, si_sdr_db, spectral_distance, stft
from aural.learning.material import Clip, describe, find
from aural.learning.training import Recipe, Training
from aural.parameters import hint, param
from aural.stages.noise_reduction.model import BANDS, GROUPS, HOP, LOOK_AHEAD, SAMPLE_RATE, WINDOW, Compact

SCENE = Scene(room=0.15, coloured=0.15, babble=0.04, snr_low_db=-3, snr_high_db=22, band_limit=0.4)
LEAST_SNR_DB, LEAST_BANDWIDTH_HZ = 27.0, 6000.0
"""Of a voice, where a manifest tells, to be a target."""

Sample = tuple[Audio, Audio, Audio, np.float32]
"""Heard, voice, dry, and 1 where music is to be kept."""


@dataclass(frozen=True, kw_only=True)
class NoiseReductionTraining(Training):
    """Train a network that tells voices, or voices and music, from noise."""

    network: str = param("compact", "Which network", choices=("compact",))
    speech: str = param("", "Folder of clean voices")
    noise: str = param("", "Folder of noises")
    ir: str | None = param(None, "Folder of impulse responses of rooms; without one rooms are simulated")
    music: str | None = param(None, "Folder of music; without one nothing is learnt about keeping music")
    music_share: float = param(0.12, "Share of clips in which music is to be kept", low=0.0, high=1.0)
    scene: str | None = param(None, "TOML file that says how often which harm befalls a clip: fields of "
                              "aural.degrade.Scene", examples=("scene.toml",))  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("speech", "noise"):
            if not getattr(self, name):
                raise ParameterError(f"training: --{name} must name a folder of audio")

    def recipe(self) -> Recipe:
        return (Foretelling if self.pretrain else CompactRecipe)(self, Compact())

    def drawing(self) -> Scene:
        """Return what befalls clips.

        Raises:
            ParameterError: the file of the scene cannot be read, or holds what a scene has not.
        """
        if self.scene is None:
            return SCENE
        try:
            values = tomllib.loads(Path(self.scene).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ParameterError(f"{self.scene}: is not a TOML file of a scene: {error}") from error
        known = Scene.__dataclass_fields__
        for name in values:
            if name not in known:
                raise ParameterError(f"{self.scene}: a scene has no {name!r}{hint(name, known)}")
        return Scene(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


class Mixing:
    """Draws clips: a voice, or music, and what befalls it."""

    def __init__(self, settings: NoiseReductionTraining, part: str) -> None:
        self.frames = round(settings.clip_s * SAMPLE_RATE)
        self.clips = {kind: material(settings, kind, part) for kind in ("speech", "noise", "ir", "music")}
        longer = settings.clip_s * FASTEST + 0.1
        self.voices, self.noises, self.responses, self.music = (
            Excerpts(clips, longer, SAMPLE_RATE) for clips in self.clips.values()
        )
        self.music_share = settings.music_share if self.clips["music"] else 0.0
        scene = settings.drawing()
        self.scene = scene if self.clips["ir"] else replace(scene, room=0.0, simulated_room=scene.room)

    def __call__(self, rng: np.random.Generator) -> Sample:
        music = bool(rng.random() < self.music_share)
        source = self._source(self.music if music else self.voices, rng)
        if music and rng.random() < 0.4:
            source = source + self._source(self.voices, rng) * np.float32(10 ** (rng.uniform(-5, 10) / 20))
        stock = Stock(self.noises, self.responses, self.voices)
        take = degrade(Take.of(source, SAMPLE_RATE), self.scene.draw(rng, stock), rng)
        level_db = active_db(take.voice, SAMPLE_RATE)
        gain = np.float32(10 ** (-max(level_db, -120.0) / 20))
        return take.heard * gain, take.voice * gain, take.dry * gain, np.float32(music)

    def _source(self, excerpts: Excerpts, rng: np.random.Generator) -> Audio:
        """Draw an excerpt at unit level; half of them faster or slower, and so higher or lower."""
        import soxr

        audio = excerpts[int(rng.integers(len(excerpts)))]
        if rng.random() < 0.5:
            audio = soxr.resample(audio, SAMPLE_RATE * rng.uniform(1 / FASTEST, FASTEST), SAMPLE_RATE, quality="MQ")
        first = int(rng.integers(max(1, len(audio) - self.frames)))
        audio = audio[first : first + self.frames]
        audio = audio / np.float32(10 ** (max(active_db(audio, SAMPLE_RATE), -120.0) / 20))
        return np.pad(audio, (0, self.frames - len(audio)))


FASTEST = 1.13


def material(settings: NoiseReductionTraining, kind: str, part: str) -> list[Clip]:
    """List the clips of one kind on one side of the split; voices only where they are clean."""
    folder = getattr(settings, kind)
    clips = find(folder, kind, part) if folder else []
    if kind != "speech":
        return clips
    return [clip for clip in clips if clip.snr_db >= LEAST_SNR_DB and clip.bandwidth_hz >= LEAST_BANDWIDTH_HZ]


class CompactRecipe(Recipe):
    """Compressed spectra at two resolutions, negative SI-SDR, and the disturbance that PESQ hears."""

    network: Compact
    settings: NoiseReductionTraining

    def __init__(self, settings: NoiseReductionTraining, network: Compact) -> None:
        super().__init__(settings, network.to(memory_format=torch.channels_last))
        self.disturbance = PerceptualDisturbance(SAMPLE_RATE)

    def clips(self, part: str) -> Callable[[np.random.Generator], Sample]:
        return Mixing(self.settings, part)

    def about(self) -> Mapping[str, Any]:
        kinds = ("speech", "noise", "ir", "music")
        return {kind: describe(material(self.settings, kind, "train")) for kind in kinds}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        noisy, voice, dry, music = batch
        spectra = functional.pad(analysis(noisy), (0, 0, 0, LOOK_AHEAD))
        heard, _ = self.network(spectra, self.network.begin(len(noisy)), music)
        with torch.autocast(noisy.device.type, enabled=False):
            clean = heard.denoised()[:, LOOK_AHEAD:]
            room = heard.room[:, LOOK_AHEAD:].float()
            return self._compare(clean, room, voice, dry, music)

    def _compare(self, clean: Tensor, room: Tensor, voice: Tensor, dry: Tensor, music: Tensor) -> dict[str, Tensor]:
        audio = synthesis(clean, voice.shape[1])
        spectral = sum(
            spectral_distance(*(stft(x, window, window // 2) / (0.375 * window) ** 0.5 for x in (audio, voice)))
            for window in (512, WINDOW)
        )
        without_room = spectral_distance(*(x / (0.5 * WINDOW) ** 0.5 for x in (clean * room, analysis(dry))))
        parts = {
            "spectral": 5 * torch.as_tensor(spectral).mean(),
            "room": 10 * without_room.mean(),
            "si_sdr": -si_sdr_db(audio, voice).clamp(max=30).mean(),
            "disturbance": (self.disturbance(audio, voice) * (1 - music)).mean(),
        }
        return {"loss": sum(WEIGHTS[name] * part for name, part in parts.items()), **parts}  # type: ignore[dict-item]


class Foretelling(Recipe):
    """Learns from audio alone: what lies behind the holes in its spectra, and what the next frame will be.

    References:
        A. T. Liu and others: Mockingjay, ICASSP 2020 (hidden frames); Y.-A. Chung and others: An unsupervised
        autoregressive model for speech representation learning, Interspeech 2019 (the next frame). Here both at
        once, over the bands of the network, and frame by frame as a stream hears them.
    """

    network: Compact
    settings: NoiseReductionTraining

    def __init__(self, settings: NoiseReductionTraining, network: Compact) -> None:
        super().__init__(settings, network.to(memory_format=torch.channels_last))
        self.tell = torch.nn.Conv2d(self.network.norm.num_features, 2, 1)

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        mixing = Mixing(self.settings, part)
        return lambda rng: (*mixing(rng), holes(frames(mixing.frames), rng))

    def losses(self, batch: Any) -> dict[str, Tensor]:
        noisy, _, _, music, shown = batch
        spectra = analysis(noisy)
        masked = functional.pad(spectra * bins(shown), (0, 0, 0, LOOK_AHEAD))
        heard, _ = self.network(masked, self.network.begin(len(noisy)), music)
        told = self.tell(heard.bands)[:, :, LOOK_AHEAD:].float()
        levels = band_levels(spectra / (heard.level[:, LOOK_AHEAD:, None] + 1e-20))
        hidden = (functional.smooth_l1_loss(told[:, 0], levels, reduction="none") * (1 - shown)).sum()
        later = LOOK_AHEAD + 1
        ahead = functional.smooth_l1_loss(told[:, 1, :-later], levels[:, later:])
        parts = {"hidden": hidden / (1 - shown).sum().clamp(min=1), "next": ahead}
        return {"loss": parts["hidden"] + parts["next"], **parts}


def frames(length: int) -> int:
    """Return how many STFT frames cover so many frames of audio."""
    return length // HOP + 1


def holes(count: int, rng: np.random.Generator) -> Audio:
    """Draw what is shown of the bands: 0 in rectangles that hide about a fifth, shape (frames, bands)."""
    shown = np.ones((count, BANDS), np.float32)
    while shown.mean() > 0.8:
        frame, band = int(rng.integers(count)), int(rng.integers(BANDS))
        shown[frame : frame + int(rng.integers(3, 20)), band : band + int(rng.integers(2, 10))] = 0
    return shown


def bins(bands: Tensor) -> Tensor:
    """Spread values of bands over their bins, shape (..., bands) to (..., 769)."""
    widths = torch.tensor([width for count, width in GROUPS for _ in range(count)], device=bands.device)
    spread = torch.repeat_interleave(bands, widths, dim=-1)
    return torch.cat([spread, spread[..., -1:]], dim=-1)


def band_levels(spectra: Tensor) -> Tensor:
    """Return the mean compressed magnitude of each band, shape (batch, frames, bands)."""
    magnitude = (spectra.real.square() + spectra.imag.square() + 1e-10) ** 0.15
    levels, first = [], 0
    for count, width in GROUPS:
        levels.append(magnitude[..., first : first + count * width].unflatten(-1, (count, width)).mean(-1))
        first += count * width
    return torch.cat(levels, dim=-1)


WEIGHTS = {"spectral": 2.0, "room": 0.6, "si_sdr": 0.05, "disturbance": 0.25}


def analysis(audio: Tensor) -> Tensor:
    """Return the spectra that the network works on; the first window ends HOP frames into the audio."""
    window = torch.hann_window(WINDOW, device=audio.device).sqrt()
    padded = functional.pad(audio, (HOP, HOP))
    return torch.stft(padded, WINDOW, HOP, window=window, center=False, return_complex=True).transpose(1, 2)


def synthesis(spectra: Tensor, frames: int) -> Tensor:
    """Return the audio of such spectra."""
    window = torch.hann_window(WINDOW, device=spectra.device).sqrt()
    pieces = torch.fft.irfft(spectra, WINDOW) * window
    first, second = pieces[..., :HOP], pieces[..., HOP:]
    joined = functional.pad(first, (0, 0, 0, 1)) + functional.pad(second, (0, 0, 1, 0))
    return joined.flatten(1)[:, HOP : HOP + frames]
