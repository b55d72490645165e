"""Metrics of takes: how the results of one random process differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power
from aural.learning.metrics.distortion import FLOOR, WINDOW_S, spectra
from aural.signals import Block

SPREAD_HZ, SPREAD_FRAMES, RAISED_DB = 1000.0, 8, 1.0


def spread_of_takes(takes: Sequence[Block], recording: Block, sample_rate: int) -> float:
    """Measure the standard deviation in dB of the level between takes, where they have raised it.

    Levels are those of tiles of 1 kHz and 85 ms; those count in which the mean of the takes lies 1 dB or more above
    the input, `recording`. NaN where there is none.
    """
    powers = np.array([_tiles(take, sample_rate) for take in (recording, *takes)])
    levels = 10 * np.log10(powers + FLOOR * powers[0].mean() + 1e-20)
    raised = levels[1:].mean(axis=0) > levels[0] + RAISED_DB
    return float(levels[1:].std(axis=0)[raised].mean()) if raised.any() else float("nan")


def lsd_between_takes(takes: Sequence[Block], recording: Block, sample_rate: int) -> float:
    """Measure the log-spectral distance in dB between each take and the next, over the bins that they have filled.

    Spectra are those of `lsd`; those bins count in which the mean of the takes lies 1 dB or more above the input,
    `recording`. Two noises of one level are 7.9 dB apart. NaN where no bin is filled, or of a single take.
    """
    given, *powers = (
        np.concatenate([spectra(channel.astype(np.float64), sample_rate) for channel in audio])
        for audio in (recording, *takes)
    )
    floor = FLOOR * given.mean() + 1e-20
    filled = np.mean(powers, axis=0) + floor > db_to_power(RAISED_DB) * (given + floor)
    frames, distances = filled.any(axis=1), []
    if not frames.any():
        return float("nan")
    for one, other in pairwise(powers):
        squares = np.where(filled, 10 * np.log10((one + floor) / (other + floor)), 0) ** 2
        distances.append(np.sqrt(squares[frames].sum(axis=1) / filled[frames].sum(axis=1)).mean())
    return float(np.mean(distances)) if distances else float("nan")


def _tiles(audio: Block, sample_rate: int) -> NDArray[np.float64]:
    """Return the power in tiles of time and frequency, all channels in a row."""
    channels = np.concatenate([spectra(channel.astype(np.float64), sample_rate) for channel in audio])
    bins = round(SPREAD_HZ * WINDOW_S)
    frames, bands = len(channels) // SPREAD_FRAMES, channels.shape[1] // bins
    whole = channels[: frames * SPREAD_FRAMES, : bands * bins]
    return whole.reshape(frames, SPREAD_FRAMES, bands, bins).sum(axis=(1, 3))  # type: ignore[no-any-return]
