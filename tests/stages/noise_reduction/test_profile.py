"""The noise profile, and the noise that is made of one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from aural.signals import Format
from aural.stages.noise_reduction import profile
from aural.stages.noise_reduction.engines.gate import noise_like


@pytest.mark.parametrize("sample_rate", [8000, 44100, 96000])
def test_density_survives_the_way_over_bands(sample_rate: int) -> None:
    hz = np.linspace(0, sample_rate / 2, 2000)
    density = 1e-8 / (1 + hz / 500)
    levels = profile.levels_from_density(density, sample_rate)
    back = profile.density_from_levels(levels, sample_rate, 2000)
    inside = (hz > 100) & (hz < min(0.8 * sample_rate / 2, 20000))
    assert np.abs(10 * np.log10(back / density))[inside].max() < 0.5


def test_bands_sum_to_the_level_of_the_noise() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, 96000)).astype(np.float32)
    levels = profile.noise_levels([noise], Format(48000, 2))
    assert levels is not None
    assert 10 * np.log10(sum(10 ** (level / 10) for level in levels)) == pytest.approx(-40, abs=0.2)


def test_synthetic_noise_has_the_spectrum_of_its_profile() -> None:
    levels = tuple(np.linspace(-50, -90, 48))
    noise = noise_like(levels, 48000)
    hz, density = welch(noise, 48000, nperseg=4096)
    expected = profile.density_from_levels(levels, 48000, hz.size)
    assert np.abs(10 * np.log10(density / expected))[20:-20].mean() < 1.0
    assert np.array_equal(noise, noise_like(levels, 48000))
