"""The bands of the U-Net, and what shapes its answer."""

from __future__ import annotations

import pytest
import torch
from guessing import guessing

from aural.stages.frequency_generation.engines.unet.network import BANDS, GRID, centres_hz
from aural.stages.frequency_generation.levels.network import AROUND, BIN_HZ, BINS, PHASORS
from aural.stages.frequency_generation.levels.stream import FRAME, SEGMENT


def test_bands_are_a_bin_apart_at_the_bottom_and_finer_than_a_hole_at_the_top() -> None:
    centres = centres_hz()
    assert (centres[[0, -1]] / BIN_HZ).tolist() == pytest.approx([BINS.start, BINS.stop - 1])
    assert centres.diff().min() > BIN_HZ
    assert centres.diff().max() < 380


def test_segments_begin_on_the_grid() -> None:
    assert SEGMENT % (GRID * FRAME) == 0


@torch.no_grad()
def test_any_length_will_do() -> None:
    network = guessing("unet", 0.2)
    for frames in (1, 15, 33):
        levels = network(torch.rand(2, frames, 513), torch.ones(2, frames, PHASORS, dtype=torch.complex64))
        assert levels.shape == (2, frames, 513)
        assert torch.isfinite(levels).all()


@torch.no_grad()
def test_what_lasts_conditions_what_is_far_in_frequency() -> None:
    """A cut-off, or whatever is at the top for a while, is seen at the bottom, where no convolution reaches."""
    network = guessing("unet", 0.2)
    bins = torch.rand(1, 4 * AROUND, BINS.stop - BINS.start)
    other = bins.clone()
    other[..., -4 * (BINS.stop // BANDS) :] -= 3
    z = torch.ones(1, bins.shape[1], PHASORS, dtype=torch.complex64)
    change = network.predict(other, z)[0] - network.predict(bins, z)[0]
    assert change[..., :40].abs().max() > 1e-3
