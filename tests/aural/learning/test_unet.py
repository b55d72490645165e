"""Parts of U-Nets: bands, and what lies on the grid."""

from __future__ import annotations

import pytest
import torch

from aural.learning.unet import SharedBands, UnetDecoder, UnetEncoder, on_grid, pyramid

CENTRES, BINS = torch.tensor([0.0, 1.0, 2.5, 6.0, 12.0, 20.0], dtype=torch.float64), 25
CHANNELS, CURVES, GRID = (3, 4, 5), 2, 4


def test_each_bin_belongs_to_the_bands_once() -> None:
    bands = SharedBands(CENTRES, BINS)
    torch.testing.assert_close(bands.share.sum(0), torch.ones(BINS))
    power = torch.rand(2, 3, BINS)
    torch.testing.assert_close(bands(power).sum(-1), power.sum(-1))


def test_what_is_alike_in_all_bands_is_alike_in_all_bins() -> None:
    bands = SharedBands(CENTRES, BINS)
    torch.testing.assert_close(bands.to_bins(torch.full((1, 6), -40.0)), torch.full((1, BINS), -40.0))
    torch.testing.assert_close(bands.mean(torch.full((1, BINS), -40.0)), torch.full((1, 6), -40.0))


def test_bins_between_two_centres_get_what_lies_between() -> None:
    found = SharedBands(CENTRES, BINS).to_bins(torch.tensor([[0.0, 0.0, 0.0, 6.0, 12.0, 0.0]]))
    assert found[0, 9] == pytest.approx(9.0)
    assert found[0, 20:].tolist() == [0.0] * 5


@torch.no_grad()
def test_the_same_a_grid_later_gives_the_same_a_grid_later() -> None:
    torch.manual_seed(0)
    down, up = UnetEncoder(1, CHANNELS, CURVES).eval(), UnetDecoder(CHANNELS, CURVES, begin=(0.0, 1.0)).eval()

    def out(x: torch.Tensor, curves: torch.Tensor) -> torch.Tensor:
        conditions = pyramid(on_grid(curves, GRID), len(CHANNELS))
        return up(down(on_grid(x.transpose(1, 2), GRID).transpose(1, 2)[:, None], conditions), conditions)

    x, curves = torch.rand(1, 61, 8), torch.rand(1, CURVES, 61)
    whole = out(x, curves)
    assert whole.shape == (1, 2, 64, 8)
    for begin, alike in ((GRID, True), (GRID - 1, False)):
        later = out(x[:, begin:], curves[..., begin:])
        inside = slice(24, 48)
        same = torch.allclose(later[:, :, inside], whole[:, :, begin:][:, :, inside], atol=1e-6)
        assert same == alike
