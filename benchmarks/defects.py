"""Plosives, clicks and gaps, as the benchmarks make them. Each draws what it needs from a generator.

Audio has shape (frames,); gaps may have channels in front.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from aural.degrade import Audio
from aural.degrade.take import Degradation, Take, active_db
from aural.dsp.decibels import db_to_gain

PACKET_S = 0.02
POP_S = 0.125
CLICK_FRAMES = 100
Rng = np.random.Generator


def pop_places(frames: int, sample_rate: int) -> Iterator[slice]:
    """Say where `with_pops` puts a pop: one a second."""
    for start in range(sample_rate // 2, frames - sample_rate // 2, sample_rate):
        yield slice(start, start + int(POP_S * sample_rate))


def with_pops(audio: Audio, sample_rate: int, peak: float, rng: Rng) -> Audio:
    """Add bursts of air, one a second: 20 to 45 Hz, with this peak against the level of the voice."""
    out, since = audio.copy(), np.arange(int(POP_S * sample_rate)) / sample_rate
    for place in pop_places(len(out), sample_rate):
        wave = np.sin(2 * np.pi * rng.uniform(20, 45) * since + rng.uniform(0, 6))
        pop = np.exp(-since / 0.03) * (1 - np.exp(-since / 0.004)) * wave
        out[place] += peak * audio.std() / np.abs(pop).max() * pop
    return out


def with_clicks(audio: Audio, sample_rate: int, peak: float, rng: Rng) -> Audio:
    """Add two clicks a second: noise that dies away within 20 frames, with this peak against the level."""
    out = audio.copy()
    for start in rng.integers(sample_rate // 10, len(out) - sample_rate // 10, 2 * len(out) // sample_rate):
        click = dying_noise(CLICK_FRAMES, rng.uniform(1, 20), rng)
        out[start : start + CLICK_FRAMES] += peak * audio.std() / np.abs(click).max() * click
    return out


def with_ticks(audio: Audio, sample_rate: int, longest: int, rng: Rng) -> Audio:
    """Add two ticks a second, five times the level of the 100 ms around, at least a tenth of the whole's.

    Each has from one frame to `longest`.
    """
    out, least = audio.copy(), 0.1 * audio.std()
    for place in range(sample_rate // 4, audio.size - sample_rate // 2, sample_rate // 2):
        at, frames = place + int(rng.integers(sample_rate // 5)), int(rng.integers(1, longest + 1))
        level = max(least, float(audio[at - sample_rate // 20 : at + sample_rate // 20].std()))
        out[at : at + frames] += 5 * level * rng.choice((-1, 1)) * rng.uniform(0.7, 1, frames).astype(np.float32)
    return out


def with_crackle(audio: Audio, sample_rate: int, rng: Rng) -> Audio:
    """Add the clicks of a record: ten a second, and fifty that are a tenth as loud."""
    out, frames = audio.copy(), sample_rate // 50
    for per_s, level in ((10, 1.0), (50, 0.1)):
        for at in rng.integers(0, audio.size - frames, round(per_s * audio.size / sample_rate)):
            decay = sample_rate * np.exp(rng.uniform(np.log(3e-5), np.log(5e-4)))
            click = dying_noise(frames, decay, rng)
            click = sosfilt(butter(1, rng.uniform(3000, 15000), fs=sample_rate, output="sos"), click)
            height = level * audio.std() * np.exp(rng.normal(0, 0.8))
            out[at : at + frames] += (height / np.abs(click).max() * click).astype(np.float32)
    return out


def dying_noise(frames: int, decay_frames: float, rng: Rng) -> Audio:
    """Make a burst of noise that decays exponentially."""
    return np.exp(-np.arange(frames) / decay_frames) * rng.standard_normal(frames)  # type: ignore[no-any-return]


class Clicks(Degradation):
    """Three ticks a second, of one to four frames, 14 dB above the level of the voice."""

    def __call__(self, take: Take, rng: Rng) -> Take:
        out, level = take.noisy.copy(), db_to_gain(active_db(take.noisy, take.sample_rate) + 14.0)
        for place in rng.integers(0, len(out) - 4, 3 * len(out) // take.sample_rate):
            length = int(rng.integers(1, 5))
            tick = level * rng.choice((-1, 1)) * np.hanning(length + 2)[1:-1]
            out[place : place + length] += tick.astype(np.float32)
        return replace(take, noisy=out)


def lost_packets(frames: int, sample_rate: int, share: float, rng: Rng) -> list[slice]:
    """Draw which packets of 20 ms are lost, each with this probability; return where they are."""
    packet = round(PACKET_S * sample_rate)
    return [slice(n * packet, (n + 1) * packet) for n in np.flatnonzero(rng.random(frames // packet) < share)]


def with_gaps(audio: Audio, places: list[slice]) -> Audio:
    """Set passages to zero."""
    out = audio.copy()
    for place in places:
        out[..., place] = 0
    return out
