"""The helpers of the stages that write new spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from aural.dsp import spectra as spectrum


def test_noise_is_a_function_of_its_place() -> None:
    like = np.full((2, 10), 0.5, np.float32)
    whole = spectrum.noise(5, range(10), range(40), like)
    part = spectrum.noise(5, range(3, 7), range(8, 20), like[:, 3:7])
    np.testing.assert_array_equal(whole[:, 3:7, 8:20], part)
    assert not np.allclose(whole, spectrum.noise(6, range(10), range(40), like))


@pytest.mark.parametrize("like", [0.0, 0.5, 1.0])
def test_noise_has_unit_power_and_channels_as_alike_as_asked(like: float) -> None:
    a, b = spectrum.noise(0, range(200), range(300), np.full((2, 200), like, np.float32))
    assert (np.abs(a) ** 2).mean() == pytest.approx(1, abs=0.02)
    assert (a * b.conj()).mean().real == pytest.approx(like, abs=0.02)
    assert abs(a.mean()) < 0.02


def test_smoothed_is_a_moving_average() -> None:
    levels = np.random.default_rng(0).random((1, 2, 30)).astype(np.float32)
    result = spectrum.smoothed(levels, 3)
    assert result[0, 1, 10] == pytest.approx(levels[0, 1, 7:14].mean(), rel=1e-5)
    assert result[0, 0, 0] == pytest.approx(levels[0, 0, :4].mean(), rel=1e-5)


def test_likeness_of_equal_and_of_unlike_channels() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 4, 500)) + 1j * rng.standard_normal((2, 4, 500))
    assert (spectrum.likeness(np.stack([a, a, a])) == 1).all()
    assert (spectrum.likeness(0 * np.stack([a, a])) == 1).all()
    assert spectrum.likeness(np.stack([a, 2 * a])) == pytest.approx(1, abs=1e-5)
    assert spectrum.likeness(np.stack([a, b])) == pytest.approx(0.5, abs=0.1)
    assert not spectrum.likeness(np.stack([a, -a])).any()
