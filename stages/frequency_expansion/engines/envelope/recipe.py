"""Training of the envelope network, on levels alone: no audio is made.

References:
    [1] ITU-T P.862: Perceptual evaluation of speech quality (PESQ), 2001. Here on the levels of 28 bands up to 8 kHz,
        without alignment in time and without thresholds of hearing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aural.dsp import background
from aural.dsp.spectra import Levels
from aural.errors import ParameterError
from aural.learning.material import Clip, describe, read
from aural.learning.training import Recipe
from aural.stages.frequency_expansion.bands import (
    BANDS,
    CENTRES_HZ,
    EDGES_HZ,
    NOISE_DB,
    SILENT_DB,
    Analysis,
    known,
    top,
)
from aural.stages.frequency_expansion.engines.envelope.network import NEPER, Envelope

SAMPLE_RATE = 48000
LEAST_HZ = 7000.0  # bandwidth that a target needs at least
CUTOFFS_HZ = 1500.0, 18000.0
SPAN, END = 0.85, 0.96  # of the bandwidth of a recording: highest cut-off, and end of what the loss counts
HIGHER = 1.22  # all frequencies are scaled by up to this factor: longer and shorter vocal tracts
FASTER = 1.25  # speech is up to this much faster or slower
LIVELIER = 0.1  # spread of the logarithm by which levels move more, or less, around their mean
MUSIC = 0.3  # of the clips
MIXED = 0.3  # of the clips hold a second recording
SOFTER_DB = 6.0, 30.0  # than the first
NOISY, GATED = 0.4, 0.12  # of the clips are given another background, or have theirs gated
SLOPED, SLOPE, SLOPE_DB = 0.4, 0.15, 15.0  # share of clips cut off by a slope; its width, of the band; its depth
NOISE_DB_BELOW = 35.0, 80.0  # the loudest bands: level of the added background
TILT_DB, RIPPLE_DB = 2.0, 1.3  # spread of the slope in dB an octave, and of the ripples, of other microphones
CORNERS_HZ = 500.0, 4000.0
DEPTH_DB = 60.0  # below the mean power of the whole, the loss counts all as silence
RANDOM_DB2 = 31.0  # square of the spread of a noise's levels
WIDTHS = np.diff(EDGES_HZ).astype(np.float32)
LEVEL = 0.3  # weight of the mean error of a band over a clip
HEARD_HZ = 8000.0  # where PESQ ends
LOUDNESS = 0.23  # exponent from power to loudness
COMPENSATED_DB = 20.0  # PESQ leaves out so much of a difference that lasts
MASKED = 0.25  # of the softer loudness: a smaller difference is not heard
LOUDER, LOUDER_DB, LOUDEST = 1.2, 4.0, 12.0  # what is louder than the target by so much counts more, up to 12 times
EXCESS = 0.05  # weight of that against the difference itself
QUALITY = 6.0  # weight of the disturbance after PESQ


Drawn = tuple[Levels, Levels, float]
"""Levels, how far partials stand out, both (frames, bands), and up to where in Hz they are true."""


class Material:
    """Levels of recordings, measured when they are first asked for and kept."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.analysis = Analysis(SAMPLE_RATE)
        groups: dict[str, list[Clip]] = {}
        for clip in clips:
            groups.setdefault(clip.group, []).append(clip)
        self.groups = [groups[name] for name in sorted(groups)]
        roots = np.sqrt([sum(clip.seconds for clip in group) for group in self.groups])
        self.shares = roots / roots.sum()
        self.kept: dict[str, tuple[Levels, Levels]] = {}

    def draw(self, frames: int, rng: np.random.Generator) -> Drawn:
        """Return so many frames of a recording, faster or slower, higher or lower, and livelier or calmer."""
        group = self.groups[int(rng.choice(len(self.groups), p=self.shares))]
        parts: list[tuple[Levels, Levels]] = []
        places = np.arange(frames) * _factor(FASTER, rng)
        end_hz, missing = np.inf, int(places[-1]) + 2
        while missing > 0:
            clip = group[int(rng.integers(len(group)))]
            levels, standing = self._measured(clip)
            first = int(rng.integers(max(1, len(levels) - missing + 1)))
            parts.append((levels[first : first + missing], standing[first : first + missing]))
            missing -= len(parts[-1][0])
            end_hz = min(end_hz, clip.bandwidth_hz)
        levels, standing = (at(np.concatenate(part).astype(np.float32), places) for part in zip(*parts, strict=True))
        levels, higher = livelier(levels, float(np.exp(rng.normal(0, LIVELIER)))), _factor(HIGHER, rng)
        return warped(levels, higher), warped(standing, higher), end_hz * higher

    def _measured(self, clip: Clip) -> tuple[Levels, Levels]:
        key = str(clip.path)
        if key not in self.kept:
            levels, standing = self.analysis.levels(read(clip, SAMPLE_RATE)[None])
            self.kept[key] = levels[0].astype(np.float16), standing[0].astype(np.float16)
        return self.kept[key]


def _factor(most: float, rng: np.random.Generator) -> float:
    """Draw a factor between the largest one and its inverse."""
    return float(np.exp(rng.uniform(-1, 1) * np.log(most)))


def at(levels: Levels, places: NDArray[np.floating[Any]]) -> Levels:
    """Return levels at places between their frames."""
    early = places.astype(int)
    late = (places - early)[:, None].astype(np.float32)
    return (1 - late) * levels[early] + late * levels[early + 1]


def livelier(levels: Levels, factor: float) -> Levels:
    """Let levels move by a factor more around the mean power of their band; silence stays silent."""
    mean = _mean_db(levels)
    return np.where(levels > SILENT_DB, mean + np.float32(factor) * (levels - mean), levels)


def warped(levels: Levels, factor: float) -> Levels:
    """Move all frequencies of levels by a factor."""
    places = np.interp(CENTRES_HZ / factor, CENTRES_HZ, np.arange(BANDS))
    shares = np.maximum(0, 1 - np.abs(places - np.arange(BANDS)[:, None]))
    return levels @ shares.astype(np.float32)  # type: ignore[no-any-return]


class LevelClips:
    """Draws levels of recordings, and what is known of them below a cut-off."""

    def __init__(self, settings: Any, part: str) -> None:
        self.frames = round(settings.clip_s * SAMPLE_RATE / (2 * Analysis(SAMPLE_RATE).hop))
        folders = [[clip for clip in clips if clip.bandwidth_hz >= LEAST_HZ] for clips in settings.folders(part)]
        self.voices = [Material(clips) for clips in folders if clips and clips[0].kind == "speech"]
        self.music = [Material(clips) for clips in folders if clips and clips[0].kind == "music"]
        if not (self.voices or self.music):
            raise ParameterError(f"no audio for {part} reaches {LEAST_HZ:.0f} Hz", stage="training")
        self.nbins = self.voices[0].analysis if self.voices else self.music[0].analysis
        self.spread_db = (5.57 / np.sqrt(np.maximum(1, WIDTHS / self.nbins.hz[1] / 1.5))).astype(np.float32)

    def __call__(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """Return levels, standing, floor, masks of the known bands and of the octave below the cut-off, target, and
        the weight of each band."""
        folders = self.music if self.music and (rng.random() < MUSIC or not self.voices) else self.voices
        folder = folders[int(rng.integers(len(folders)))]
        levels, standing, end_hz = folder.draw(self.frames, rng)
        if rng.random() < MIXED:
            levels, standing, end_hz = mixed((levels, standing, end_hz), folder.draw(self.frames, rng), rng)
        levels = levels + microphone(rng)
        if rng.random() < GATED:
            levels, standing = gated(levels, standing, rng)
        elif rng.random() < NOISY:
            levels, standing = self._noisy(levels, standing, rng)
        target = levels
        cutoff_hz = float(np.exp(rng.uniform(*np.log([CUTOFFS_HZ[0], min(CUTOFFS_HZ[1], SPAN * end_hz)]))))
        below, octave = known(cutoff_hz), top(cutoff_hz, 1.0)
        if rng.random() < SLOPED:
            reach = rng.uniform(0, SLOPE) * cutoff_hz
            levels = levels - np.float32(rng.uniform(0, SLOPE_DB)) * np.clip(
                (CENTRES_HZ - cutoff_hz) / (reach + 1) + 1, 0, 1
            ).astype(np.float32)
        floor = background.continued(background.background(levels[None]), CENTRES_HZ, octave)[0]
        weight = WIDTHS * ~below * (EDGES_HZ[1:] <= END * end_hz)
        masks = (mask.astype(np.float32) for mask in (below, octave))
        return levels, standing, floor, *masks, target, weight.astype(np.float32)

    def _noisy(self, levels: Levels, standing: Levels, rng: np.random.Generator) -> tuple[Levels, Levels]:
        """Add a steady noise to levels."""
        slope = background.slope_db(CENTRES_HZ) * rng.normal(1, 0.5) + rng.normal(0, 1.5, BANDS)
        loud = np.quantile(levels.max(axis=-1), 0.95)
        noise = loud - rng.uniform(*NOISE_DB_BELOW) + slope - slope.max()
        noise = noise + self.spread_db * rng.standard_normal(levels.shape)
        mixed = _sum_db(levels, noise)
        return mixed, np.maximum(_sum_db(levels + standing, noise + NOISE_DB) - mixed, 0)


def mixed(first: Drawn, second: Drawn, rng: np.random.Generator) -> Drawn:
    """Add a second recording, softer than the first."""
    (levels, standing, end_hz), (other, beside, other_hz) = first, second
    other = other - np.float32(other.max() - levels.max() + rng.uniform(*SOFTER_DB))
    return _sum_db(levels, other), np.where(other > levels, beside, standing), min(end_hz, other_hz)


def _mean_db(levels: Levels) -> Levels:
    """Return the level of the mean power of each band."""
    return np.log(np.exp(NEPER * levels).mean(axis=0) + 1e-16) / NEPER  # type: ignore[no-any-return]


def _sum_db(a: Any, b: Any) -> Levels:
    return (np.logaddexp(NEPER * a, NEPER * b) / NEPER).astype(np.float32)  # type: ignore[no-any-return]


def microphone(rng: np.random.Generator) -> Levels:
    """Draw how bright a microphone and a voice are, in dB by band: a slope, and ripples."""
    corner_hz = np.exp(rng.uniform(*np.log(CORNERS_HZ)))
    octaves = np.log2(np.maximum(CENTRES_HZ, corner_hz) / corner_hz)
    places = np.log2(CENTRES_HZ / 1000)
    waves = [rng.normal(0, RIPPLE_DB) * np.sin(2 * np.pi * (rate * places + rng.random())) for rate in (0.25, 0.6)]
    return (rng.normal(0, TILT_DB) * octaves + sum(waves)).astype(np.float32)  # type: ignore[no-any-return]


def gated(levels: Levels, standing: Levels, rng: np.random.Generator) -> tuple[Levels, Levels]:
    """Silence what is soft."""
    loud = levels.max(axis=-1)
    shut = loud < np.quantile(loud, 0.95) - rng.uniform(30, 50)
    levels, standing = levels.copy(), standing.copy()
    levels[shut], standing[shut] = SILENT_DB, 0
    return levels, standing


class EnvelopeRecipe(Recipe):
    """The log-spectral distance that the levels alone leave, and their mean error by band."""

    network: Envelope

    def clips(self, part: str) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        return LevelClips(self.settings, part)

    def about(self) -> Mapping[str, Any]:
        clips = [clip for clip in self.settings.material("train") if clip.bandwidth_hz >= LEAST_HZ]  # type: ignore[attr-defined]
        return {"material": describe(clips)}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        levels, standing, floor, below, octave, target, weight = batch
        predicted = self.network(levels, standing, floor, below, octave)
        widths = torch.from_numpy(WIDTHS).to(predicted.device)
        mean = (torch.exp(NEPER * target) * widths).sum(-1).mean(-1) / widths.sum()
        deep = torch.log(mean + 1e-20)[:, None, None] / NEPER + NOISE_DB - DEPTH_DB
        floored = [torch.logaddexp(NEPER * x, NEPER * deep) / NEPER for x in (predicted, target)]
        signal = [torch.exp(NEPER * (x - y)) for x, y in zip((predicted, target), floored, strict=True)]
        share = (weight / weight.sum(-1, keepdim=True))[:, None]
        error = floored[0] - floored[1]
        random = RANDOM_DB2 * (signal[0].square() + signal[1].square())
        distance = ((error.square() + random) * share).sum(-1).clamp(min=1e-3).sqrt().mean()
        bias = ((error.mean(1).square() + 0.01).sqrt() * share[:, 0]).sum(-1).mean()
        heard_hz = torch.from_numpy(EDGES_HZ[1:] <= HEARD_HZ).to(predicted.device)
        heard = disturbance(floored[0], floored[1], deep + DEPTH_DB, (weight > 0) & heard_hz)
        return {
            "loss": distance + LEVEL * bias + QUALITY * heard,
            "heard": heard,
            "distance": distance,
            "bias": bias,
            "level": (error * share).sum(-1).mean(),
        }


def disturbance(predicted: Tensor, target: Tensor, mean: Tensor, counted: Tensor) -> Tensor:
    """Return the disturbance that PESQ would find in the error of levels [1]; PESQ falls by about 1.7 for each unit.

    Loudness is compared after a lasting difference is made up for. A difference that is masked does not count, and
    what is too loud counts more than what is missing.

    Args:
        predicted, target: in dB, shape (batch, frames, bands).
        mean: level of the whole, shape (batch, 1, 1).
        counted: bands that count, shape (batch, bands).
    """
    lasting = [torch.log(torch.exp(NEPER * x).mean(1, keepdim=True)) / NEPER for x in (predicted, target)]
    target = target + (lasting[0] - lasting[1]).clamp(-COMPENSATED_DB, COMPENSATED_DB)
    found, true = (torch.exp(LOUDNESS * NEPER * (x - mean)) for x in (predicted, target))
    counts = counted[:, None].float()
    missed = ((found - true).abs() - MASKED * torch.minimum(found, true)).clamp(min=0) * counts
    over = predicted - target
    excess = torch.exp(LOUDER * NEPER * over).clamp(max=LOUDEST) * torch.sigmoid(over - LOUDER_DB)
    parts = missed.square().sum(-1), EXCESS**2 * (missed * excess).sum(-1).square()
    return torch.stack([(part.mean(-1) + 1e-6).sqrt() for part in parts]).sum(0).mean()
