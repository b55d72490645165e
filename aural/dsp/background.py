"""The steady background of a recording: its level by band, and how it goes on where the recording is cut off.

Rooms, microphones and preamplifiers leave a floor that neither ends at a cut-off nor follows the voice. A band
generated above a cut-off needs this floor too: otherwise the recording still sounds cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.dsp.spectra import Levels

BLOCK = 8  # frames that are averaged before they are ranked
AROUND = 24  # blocks to either side that a level is taken over
REACH = (AROUND + 1) * BLOCK  # frames that a level depends on to either side
QUIET = 0.1  # of the blocks: background alone
ABOVE_DB = 1.0  # by which the mean of a steady noise lies above that tenth
SPREAD, SPREAD_DB = (0.05, 0.2), 4.0  # these shares lie no farther apart in a background; music that fades has none
RANGE, RANGE_DB = 0.9, 22.0  # what is heard lies so far above it; what is always there is no background
CORNER_HZ, BELOW_DB, BEYOND_DB = 7000.0, -5.4, -2.3
"""A floor falls by so much an octave up to the corner, and beyond: the median of rooms and microphones."""


def background(levels: Levels) -> Levels:
    """Return the level of the background in every frame and band, dB.

    The quietest tenth of some seconds around, less what speaks against a background: that its level is not steady,
    or that nothing stands out from it. What a gate or a cut has silenced has none.

    Args:
        levels: in dB, shape (channels, frames, bands).
    """
    frames = levels.shape[1]
    blocks = [levels[:, first : first + BLOCK].mean(axis=1) for first in range(0, max(1, frames - BLOCK + 1), BLOCK)]
    low, quiet, high, loud = quantiles_around(np.stack(blocks, axis=1), (SPREAD[0], QUIET, SPREAD[1], RANGE))
    doubt = np.maximum(high - low - SPREAD_DB, 0) + np.maximum(RANGE_DB - (loud - quiet), 0) / 2
    found = (quiet - doubt).astype(np.float32)
    last = np.minimum(np.arange(frames) // BLOCK, len(blocks) - 1)
    return found[:, last] + np.float32(ABOVE_DB)


def quantiles_around(levels: Levels, shares: Sequence[float]) -> list[NDArray[np.float64]]:
    """Return quantiles over the blocks around each, fewer at the ends; shape (channels, blocks, bands)."""
    count = levels.shape[1]
    beyond = np.pad(levels, ((0, 0), (AROUND, AROUND), (0, 0)), constant_values=np.inf)  # ranks behind all others
    ranked = np.sort(np.lib.stride_tricks.sliding_window_view(beyond, 2 * AROUND + 1, axis=1), axis=-1)
    blocks = np.arange(count)
    highest = np.minimum(blocks, AROUND) + np.minimum(blocks[::-1], AROUND)  # rank of the highest
    found = []
    for share in shares:
        rank = share * highest
        below = rank.astype(int)
        first, second = (ranked[:, blocks, :, at] for at in (below, np.minimum(below + 1, highest)))
        found.append(np.moveaxis(first + (second - first) * (rank - below)[:, None, None], 0, 1))
    return found


def slope_db(hz: NDArray[Any]) -> NDArray[Any]:
    """Return the usual level of a background over frequency in dB, 0 at the corner."""
    octaves = np.log2(np.maximum(hz, 100.0) / CORNER_HZ)
    return np.where(octaves < 0, BELOW_DB, BEYOND_DB) * octaves


def continued(floor: Levels, hz: NDArray[Any], known: NDArray[np.bool_]) -> Levels:
    """Return the level of the background in all bands, from those that are known.

    Args:
        floor: in dB, shape (channels, frames, bands).
        hz: centres of the bands.
        known: bands to go by, shape (bands,).
    """
    slope = slope_db(hz).astype(np.float32)
    return (floor - slope)[:, :, known].mean(axis=-1, keepdims=True) + slope  # type: ignore[no-any-return]
