"""Metrics of distortion: how far an estimate is from its reference, whatever they hold.

Each but `lsd_of_lost` takes one channel, shape (frames,), the reference first, of equal length and in time to the
frame: a delay is not looked for. A silent or empty reference is refused; a silent estimate gets the lowest score.

References:
    [1] Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done? ICASSP 2019.
    [2] Gray, Markel: Distance measures for speech processing. IEEE Trans. ASSP 24(5), 1976.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power
from aural.learning.metrics.metric import Audio, comparable
from aural.signals import Block

Power = NDArray[np.float64]
"""Power spectra, shape (frames, bins)."""

WINDOW_S = 2048 / 48000
OVERLAP = 4
FLOOR = 1e-6  # at a listening level of 85 dB this is about the threshold of hearing
LOST_DB = 12.0


def si_sdr(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the signal-to-distortion ratio in dB, at the signal's own rate [1].

    10 log10 |a r|^2 / |e - a r|^2 with a = <e, r> / <r, r>. No mean is taken out. Level and polarity do not matter;
    infinite for an estimate that is the reference, minus infinity for silence.

    Raises:
        AudioError: as above.
    """
    r, e = (audio.astype(np.float64) for audio in comparable(reference, estimate))
    if not e.any():
        return -np.inf
    target = np.dot(e, r) / np.dot(r, r) * r
    with np.errstate(divide="ignore"):
        return float(10 * (np.log10(np.sum(target**2)) - np.log10(np.sum((e - target) ** 2))))


def lsd(reference: Audio, estimate: Audio, sample_rate: int, band_hz: tuple[float, float] = (0.0, np.inf)) -> float:
    """Measure the log-spectral distance in dB, at the signal's own rate; 0 is best [2]. AURAL has no other.

    mean over frames of sqrt(mean over bins of (10 log10 (R + c) / (E + c))^2), where R and E are power spectra under
    a Hann window of 42.7 ms (2048 frames at 48 kHz) with a hop of a quarter, E after the estimate was scaled by
    the gain <r, e> / <e, e> that brings it nearest to the reference, and c is 60 dB below the mean of R: what lies
    deeper counts as silence, in both.

    Args:
        band_hz: where bins count, for the mean of R too; the whole band if not given.

    Raises:
        AudioError: as above.
    """
    r, e = (audio.astype(np.float64) for audio in comparable(reference, estimate))
    gain = np.dot(r, e) / np.dot(e, e) if e.any() else 0.0
    powers = [spectra(audio, sample_rate) for audio in (r, gain * e)]
    hz = np.linspace(0, sample_rate / 2, powers[0].shape[1])
    clean, found = (power[:, (hz >= band_hz[0]) & (hz < band_hz[1])] for power in powers)
    c = FLOOR * clean.mean()
    distance = 10 * np.log10((clean + c) / (found + c))
    return float(np.sqrt(np.mean(distance**2, axis=1)).mean())


def lsd_of_lost(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure the log-spectral distance in dB over the bins that the input, `recording`, has lost: those where it
    lies 12 dB or more below the reference. As `lsd`, but nothing is scaled; NaN where no bin is lost."""
    distances = []
    for channel in zip(reference, estimate, recording, strict=True):
        clean, found, given = (spectra(audio.astype(np.float64), sample_rate) for audio in channel)
        c = FLOOR * clean.mean() + 1e-20
        lost = (clean + c) / (given + c) > db_to_power(LOST_DB)
        squares = np.where(lost, 10 * np.log10((clean + c) / (found + c)), 0) ** 2
        frames = lost.any(axis=1)
        distances += list(np.sqrt(squares[frames].sum(axis=1) / lost[frames].sum(axis=1)))
    return float(np.mean(distances)) if distances else float("nan")


def spectra(audio: NDArray[np.float64], sample_rate: int) -> Power:
    """Return the power spectra of overlapping windows of one channel; the last is filled up with silence."""
    window = round(WINDOW_S * sample_rate)
    hop = window // OVERLAP
    padded = np.pad(audio, (0, max(window - audio.size, -(audio.size - window) % hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.square(np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1])))
