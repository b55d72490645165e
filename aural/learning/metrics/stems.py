"""Metrics of stems, over all channels together; each signal is (channels, frames), and `recording` is the mixture.

References:
    [1] Stöter, Liutkus, Ito: The 2018 signal separation evaluation campaign. LVA/ICA 2018 (museval, BSSEval v4).
    [2] Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done? ICASSP 2019.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power
from aural.learning.metrics.distortion import si_sdr
from aural.learning.metrics.metric import Metric
from aural.signals import Block

Energies = NDArray[np.float64]
"""Of pieces of a signal, shape (pieces,)."""

LEAK_S, LEAK_DB, LEAST_LEAK = 0.1, 50.0, 1e-12


def sdr_of_stem(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure the signal-to-distortion ratio of a stem in dB: the median over seconds, all channels together [1].

    10 log10 |r|^2 / |e - r|^2 of each second, those left out in which the reference or the estimate is silent and
    what is left of a second at the end; NaN where none counts. It is the figure that museval calls SDR, which needs
    none of its filters; a wrong level is distortion too.
    """
    references, errors, estimates = (
        _seconds(audio.astype(np.float64), sample_rate) for audio in (reference, estimate - reference, estimate)
    )
    counts = (references > 0) & (estimates > 0)
    if not counts.any():
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(np.median(10 * np.log10(references[counts] / errors[counts])))


def si_sdr_of_stem(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure SI-SDR in dB over all channels together, with one scale [2]; NaN where the reference is silent."""
    return si_sdr(reference.ravel(), estimate.ravel(), sample_rate) if reference.any() else float("nan")


def leakage(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure in dB how far below the mixture the estimate lies while the stem is silent; NaN where it never is.

    Pieces of 0.1 s count in which the reference lies 50 dB or more below its loudest piece, and the mixture does not.
    """
    size = max(1, round(LEAK_S * sample_rate))
    wanted, made, given = (_pieces(audio.astype(np.float64), size) for audio in (reference, estimate, recording))
    floor = db_to_power(-LEAK_DB)
    counts = (wanted <= floor * wanted.max(initial=0.0)) & (given > floor * given.max(initial=0.0))
    if not counts.any():
        return float("nan")
    return float(10 * np.log10(max(made[counts].sum(), LEAST_LEAK * given[counts].sum()) / given[counts].sum()))


def _seconds(audio: NDArray[np.float64], sample_rate: int) -> Energies:
    """Return the energy of each whole second, all channels together."""
    count = audio.shape[-1] // sample_rate
    return np.square(audio[:, : count * sample_rate]).reshape(len(audio), count, -1).sum(axis=(0, 2))


def _pieces(audio: NDArray[np.float64], size: int) -> Energies:
    """Return the energy of each piece of so many frames, all channels together; the last may be shorter."""
    starts = np.arange(0, audio.shape[-1], size)
    return np.add.reduceat(np.square(audio).sum(axis=0), starts)


STEMS = (
    Metric("SDR", "dB", 1, True, sdr_of_stem, together=True),
    Metric("SI-SDR", "dB", 1, True, si_sdr_of_stem, together=True),
    Metric("leakage", "dB", 1, False, leakage, together=True),
)
"""The metrics of stems."""
