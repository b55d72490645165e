"""Spectra in and out, and the noise that fills what is missing at the levels that the network says."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from aural.dsp import centred
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.stages.frequency_generation.levels.network import (
    BIN_HZ,
    HOP,
    NEPER,
    SAMPLE_RATE,
    STEP,
    TINY,
    WINDOW,
)

LOWEST_HZ = 700.0
BEGINS_DB = 10.0  # by which a bin lies below what it should be where the fill begins
GROWS_DB = 6.0  # further down it is whole
AROUND_MS, AROUND_HZ = 150.0, 560.0
DECLINE_DB = 1.0  # per kHz: how fast the level that is allowed falls above the loudest bin
NOISE_DB = 2.5  # by which the power of noise lies above the mean of its levels
LEAST = 1e-3  # of the wanted power, where a bin is filled at all
GAIN = 2.0  # random frames overlap incoherently: `aural.dsp.spectra.noise_gain` of these windows
analysis = partial(centred.analysis, window=WINDOW, hop=HOP)
synthesis = partial(centred.synthesis, window=WINDOW, hop=HOP)


def power_of(spectra: Tensor) -> Tensor:
    """Return the power of every bin."""
    return spectra.real.square() + spectra.imag.square()


def between(levels: Tensor, count: int) -> Tensor:
    """Return levels for every frame of spectra from those for every second: between two, their mean."""
    middle = (levels + torch.cat([levels[:, 1:], levels[:, -1:]], dim=1)) / 2
    return torch.stack([levels, middle], dim=2).flatten(1, 2)[:, :count]


def smooth(levels: Tensor, bins: int) -> Tensor:
    """Return the mean level over three frames and an odd number of bins around each."""
    near = functional.avg_pool2d(levels[:, None], (3, bins), 1, (1, bins // 2), count_include_pad=False)
    return near[:, 0]


def allowed_db(near_db: Tensor, rising: Tensor | float = 1.0) -> Tensor:
    """Return the level above which no bin is filled: that of the loudest bins around it and, falling, of those below.

    Args:
        near_db: level around each bin, shape (batch, spectra, 513).
        rising: 0 for bins for which those below do not count.
    """
    around = round(AROUND_HZ / BIN_HZ), round(AROUND_MS * SAMPLE_RATE / 1000 / HOP / STEP)
    loudest = functional.max_pool1d(near_db[:, ::STEP], 2 * around[0] + 1, 1, around[0])
    loudest = functional.max_pool1d(loudest.transpose(1, 2), 2 * around[1] + 1, 1, around[1]).transpose(1, 2)
    slope = torch.arange(near_db.shape[-1], device=near_db.device) * (DECLINE_DB * BIN_HZ / 1000)
    fallen = torch.cummax(loudest + slope, dim=-1).values - slope
    return between(loudest + rising * (fallen - loudest), near_db.shape[1])


def filled(
    spectra: Tensor,
    levels: Tensor,
    noise: Tensor,
    level_db: float = 0.0,
    empty: Tensor | float = 0.0,
    slight: bool = False,
) -> Tensor:
    """Return what fills the spectra, and nothing else.

    A bin is filled where it and its neighbours lie far below the level it should have, and gets as much power as it
    lacks. Never filled are bins below 700 Hz, and those where the level, taken over 140 Hz and 16 ms, lies less than
    10 dB below the loudest nearby: what a codec has kept stays as it is, whatever the levels are.

    Args:
        spectra: shape (batch, spectra, 513).
        levels: in dB, for every second of the spectra.
        noise: random phasors, of the shape of the spectra.
        level_db: level of the fill against the predicted one.
        empty: 1 for bins above a cut-off, which are filled as soon as they lie below the level they should have; 0
            for others.
        slight: whether bins that are not empty are filled no louder than those around them.
    """
    there = power_of(spectra)
    near_db = smooth(torch.log(there + TINY) / NEPER, 3)
    wanted = torch.minimum(
        between(levels, spectra.shape[1]), allowed_db(smooth(near_db, 9), empty if slight else 1.0)
    )
    share = ((wanted - near_db - BEGINS_DB * (1 - empty)) / GROWS_DB).clamp(0, 1)
    share = share * (torch.arange(spectra.shape[-1], device=spectra.device) * BIN_HZ >= LOWEST_HZ)
    power = db_to_power(wanted + NOISE_DB)
    lacks = (power - there).clamp(min=0) + LEAST * power  # more than nothing: its root has a slope
    return lacks.sqrt() * share * noise * (GAIN * db_to_gain(level_db))
