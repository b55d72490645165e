"""The estimator: gains from the powers of frames.

References:
    [1] Ephraim, Malah: Speech enhancement using a minimum mean-square error log-spectral amplitude estimator.
        IEEE Trans. ASSP 33(2), 1985.
    [2] Gerkmann, Hendriks: Unbiased MMSE-based noise power estimation with low complexity and low tracking
        delay. IEEE Trans. ASLP 20(4), 2012.
    [3] Cohen, Berdugo: Speech enhancement for non-stationary noise environments. Signal Processing 81, 2001.
    [4] Plapous, Marro, Scalart: Improved signal-to-noise ratio estimation for speech enhancement.
        IEEE Trans. ASLP 14(6), 2006.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aural.dsp.compiled import njit

Power = NDArray[np.float32]
"""Power spectra, shape (frames, bins), or one of them, shape (bins,)."""

FAST = {"contract", "arcp", "nsz", "afn"}  # no reassociation: sums must not depend on how a loop was cut

# The tracker [2] and the decision-directed estimate [1]. Factors of recursive means hold for hops of 16 ms.
HOP_S = 0.016
NOISE_MEMORY = 0.8
PRESENCE_MEMORY = 0.85
SPEECH_MEMORY = 0.97
EXPECTED_SNR = np.float32(10**1.2)  # of speech where it is present; [2] has 15 dB, a lower one protects faint speech
STUCK = 0.99  # [2]: caps the probability of speech in a bin that seems to be speech all the time
DIP = np.float32(0.2)  # share of the geometric mean nearby: lower noise estimates are not trusted
PAUSE = 1e-6  # power relative to the noise below which a bin is digital silence, and says nothing about the noise

# Speech presence in the gain: the posterior SNR over a neighbourhood of bins, prior 0.7, typical SNR 5 dB
BROAD_SNR = np.float32(10**0.5)
ABSENCE_ODDS = np.float32(0.3 / 0.7)
MOST_SNR = np.float32(1e3)


@njit(fastmath=FAST, inline="always")
def log_amplitude_gain(prior: np.float32, posterior: np.float32) -> np.float32:
    """Return the gain of [1], at most 1, for an a priori and an a posteriori SNR.

    xi / (1 + xi) exp(E1(v) / 2), v = gamma xi / (1 + xi). The exponential of the integral is
    sqrt(1 + exp(-0.5772) / (v + ...)), a rational fit that is exact at both ends and within 0.01 dB between.
    """
    wiener = prior / (np.float32(1) + prior)
    v = wiener * posterior + np.float32(1e-12)
    v_fit = v * (np.float32(1) + v * (np.float32(0.7967) + v * (np.float32(0.2598) + v * np.float32(0.2428))))
    gain = wiener * math.sqrt(np.float32(1) + np.float32(0.56146) / v_fit)
    return min(gain, np.float32(1))


@njit(fastmath=FAST)
def track_noise(power: Power, noise: Power, presence: Power, lowest: Power, highest: Power, hop_s: float) -> None:
    """Move the noise estimate on by one frame [2], in place, within its bounds.

    Args:
        power: of the frame, shape (bins,).
        noise: estimate of its mean under noise; 0 where there was no input yet.
        presence: recursive mean of the probability of speech.
        lowest: bound of the estimate from below.
        highest: bound from above.
        hop_s: time between frames.
    """
    memory = np.float32(NOISE_MEMORY ** (hop_s / HOP_S))
    presence_memory = np.float32(PRESENCE_MEMORY ** (hop_s / HOP_S))
    one = np.float32(1)
    wiener = EXPECTED_SNR / (one + EXPECTED_SNR)
    for k in range(power.size):
        if power[k] <= np.float32(PAUSE) * noise[k]:
            continue
        if noise[k] == 0:
            noise[k] = power[k] / np.float32(4)
        ratio = min(power[k] / noise[k], np.float32(80))
        p = one / (one + (one + EXPECTED_SNR) * math.exp(-ratio * wiener))
        presence[k] = presence_memory * presence[k] + (one - presence_memory) * p
        if presence[k] > np.float32(STUCK):
            p = min(p, np.float32(STUCK))
        expected = p * noise[k] + (one - p) * power[k]
        noise[k] = min(max(memory * noise[k] + (one - memory) * expected, lowest[k]), highest[k])


@njit(fastmath=FAST)
def mean_nearby(values: Power, reach: int, out: Power) -> None:
    """Write the mean of the values within `reach` bins to either side."""
    bins = values.size
    total = 0.0
    for k in range(min(reach, bins)):
        total += values[k]
    for k in range(bins):
        if k + reach < bins:
            total += values[k + reach]
        if k - reach > 0:
            total -= values[k - reach - 1]
        out[k] = total / (min(k + reach, bins - 1) - max(k - reach, 0) + 1)


@njit(fastmath=FAST)
def fill_dips(noise: Power, reach: int, logs: Power, means: Power) -> None:
    """Raise bins far below the geometric mean of those within `reach`, in place.

    A codec leaves holes in the background. If the tracker followed one down, it would take the returning background
    for speech, and single bins would be heard as whistling. `logs` and `means` are scratch, shape (bins,).
    """
    for k in range(noise.size):
        logs[k] = math.log(noise[k] + np.float32(1e-30))
    mean_nearby(logs, reach, means)
    for k in range(noise.size):
        if noise[k] > 0:  # 0 before the first input
            noise[k] = max(noise[k], DIP * math.exp(means[k]))


@njit(fastmath=FAST)
def presence_nearby(posterior: Power, reach: int, out: Power) -> None:
    """Find the probability of speech from the mean a posteriori SNR within `reach` bins, after [3]."""
    one = np.float32(1)
    wiener = BROAD_SNR / (one + BROAD_SNR)
    mean_nearby(posterior, reach, out)
    for k in range(out.size):
        odds = ABSENCE_ODDS * (one + BROAD_SNR) * math.exp(-min(out[k], np.float32(80)) * wiener)
        out[k] = one / (one + odds)


@njit(fastmath=FAST)
def suppress(
    power: Power, noise: Power, presence: Power, speech: Power, lowest: Power, highest: Power,
    floor: float, reach: int, hop_s: float,
) -> Power:  # fmt: skip
    """Return the gains of some frames, shape (frames, bins); the states move on in place.

    The a priori SNR is decision-directed [1]; a second step [4] takes the delay of one frame out of it: the gain of
    the first step, applied to this frame, gives the SNR that the final gain is computed from. That keeps onsets.
    Where speech is unlikely in a whole neighbourhood of bins, the gain goes to its floor, linearly in amplitude,
    where [3] interpolates its logarithm.

    Args:
        power: of the frames, shape (frames, bins).
        noise: state of the tracker, shape (bins,).
        presence: state of the tracker.
        speech: power of the last frame's estimate of speech.
        lowest: bound of the noise from below.
        highest: bound from above.
        floor: smallest gain.
        reach: bins to either side that make a neighbourhood.
        hop_s: time between frames.
    """
    frames, bins = power.shape
    one, tiny = np.float32(1), np.float32(1e-30)
    least_gain = np.float32(floor)
    least_snr = least_gain * least_gain
    memory = np.float32(SPEECH_MEMORY ** (hop_s / HOP_S))
    gains = np.empty_like(power)
    posterior = np.empty_like(noise)
    likely = np.empty_like(noise)
    for t in range(frames):
        track_noise(power[t], noise, presence, lowest, highest, hop_s)
        fill_dips(noise, reach, posterior, likely)
        for k in range(bins):
            posterior[k] = min(power[t, k] / (noise[k] + tiny), MOST_SNR)
        presence_nearby(posterior, reach, likely)
        for k in range(bins):
            above = max(posterior[k] - one, np.float32(0))
            prior = max(memory * speech[k] / (noise[k] + tiny) + (one - memory) * above, least_snr)
            first = log_amplitude_gain(prior, posterior[k])
            second = log_amplitude_gain(max(first * first * posterior[k], least_snr), posterior[k])
            speech[k] = first * first * power[t, k]
            gains[t, k] = max(likely[k] * second + (one - likely[k]) * least_gain, least_gain)
    return gains


def first_noise(power: Power) -> Power:
    """Guess the noise from the first frames: twice the mean of the quietest quarter in each bin."""
    quietest = np.sort(power, axis=0)[: max(1, len(power) // 4)]
    return np.asarray(2 * quietest.mean(axis=0), np.float32)
