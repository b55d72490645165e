"""The numbers against the equations they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import exp1

from aural.stages.noise_reduction.engines.mmse import dsp


def test_gain_is_that_of_ephraim_and_malah() -> None:
    for prior in np.logspace(-3, 3, 40):
        for posterior in np.logspace(-2, 2.5, 40):
            v = prior / (1 + prior) * posterior
            expected = min(1.0, prior / (1 + prior) * np.exp(exp1(v) / 2))
            gain = dsp.log_amplitude_gain(np.float32(prior), np.float32(posterior))
            assert 20 * abs(np.log10(gain / expected)) < 0.02


def track(power: np.ndarray, noise: np.ndarray, frames: int, hop_s: float = 0.016) -> np.ndarray:
    """Run the tracker over exponentially distributed frames of this mean power; return its mean estimate."""
    rng = np.random.default_rng(0)
    presence = np.full(power.size, 0.5, np.float32)
    lowest, highest = np.zeros_like(noise), np.full_like(noise, np.inf)
    total = np.zeros(power.size)
    for frame in range(frames):
        noisy = (power * rng.exponential(size=power.size)).astype(np.float32)
        dsp.track_noise(noisy, noise, presence, lowest, highest, hop_s)
        total += noise if frame >= frames // 2 else 0
    return total / (frames - frames // 2)


@pytest.mark.parametrize("level", [1e-12, 1.0, 1e6])
@pytest.mark.parametrize("start", [0.1, 1.0, 10.0])
def test_tracker_finds_white_noise_from_below_and_above(level: float, start: float) -> None:
    power = np.full(2000, level, np.float32)
    found = track(power, power * np.float32(start), 300)
    # a little low, as the tracker expects speech of 12 dB where the paper has 15: faint speech is worth it
    assert 10 * np.log10(found.mean() / level) == pytest.approx(-1.6, abs=0.5)


def test_tracker_is_not_fooled_by_a_loud_syllable() -> None:
    noise = np.ones(500, np.float32)
    found = track(np.full(500, 1000.0, np.float32), noise, 16)
    assert 10 * np.log10(np.median(found)) < 3


def test_tracker_follows_a_step_of_ten_decibels_within_a_second() -> None:
    noise = np.ones(500, np.float32)
    track(np.full(500, 10.0, np.float32), noise, 60)
    assert 10 * np.log10(noise.mean()) == pytest.approx(10, abs=2.5)


def test_tracker_learns_nothing_from_digital_silence() -> None:
    noise = np.ones(50, np.float32)
    track(np.zeros(50, np.float32), noise, 100)
    assert (noise == 1).all()


def test_presence_is_that_of_the_mean_over_the_neighbourhood() -> None:
    posterior = np.random.default_rng(0).exponential(size=200).astype(np.float32) * 3
    out = np.empty_like(posterior)
    dsp.presence_nearby(posterior, 10, out)
    snr = 10**0.5
    for k in (0, 4, 10, 100, 195, 199):
        mean = posterior[max(0, k - 10) : k + 11].mean()
        odds = 0.3 / 0.7 * (1 + snr) * np.exp(-mean * snr / (1 + snr))
        assert out[k] == pytest.approx(1 / (1 + odds), rel=1e-4)


def test_gains_lie_between_floor_and_one_and_noise_goes_to_the_floor() -> None:
    rng = np.random.default_rng(0)
    power = rng.exponential(size=(400, 300)).astype(np.float32)
    power[:, 100:110] *= 1000
    state = [np.ones(300, np.float32), np.full(300, 0.5, np.float32), np.zeros(300, np.float32)]
    bounds = np.zeros(300, np.float32), np.full(300, np.inf, np.float32)
    gains = dsp.suppress(power, *state, *bounds, 0.1, 10, 0.016)
    assert gains.min() >= 0.1 - 1e-6
    assert gains.max() <= 1
    assert np.median(gains[10:, :80]) < 0.2
    assert gains[1, 100:110].mean() > 0.8  # an onset is there at once
