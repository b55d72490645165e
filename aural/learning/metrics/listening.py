"""Metrics of any recording: what listeners are predicted to say of it.

References:
    Chinen, Lim, Skoglund, Gureev, O'Gorman, Hines: ViSQOL v3: An open source production ready objective speech and
    audio metric. QoMEX 2020. Here by the package visqol-python, which needs a C++ compiler when it is installed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from aural.learning.metrics.metric import Metric, package
from aural.signals import Block

VISQOL_RATE, VISQOL_LEAST_S, VISQOL_LOWEST = 48000, 1.0, 1.0


def visqol(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Predict how listeners would rate the quality of music or speech, from 1 to 4.73 (MOS-LQO, audio mode).

    Measured at 48 kHz on the mean of the channels. Level does not matter, and a delay is looked for. NaN for less
    than a second, or where that mean is silent in the reference.

    Raises:
        AuralError: the package is missing.
    """
    method = visqol_method()
    clean, found = (_mono(audio, sample_rate) for audio in (reference, estimate))
    if len(clean) < VISQOL_LEAST_S * VISQOL_RATE or not clean.any():
        return float("nan")
    if not found.any():
        return VISQOL_LOWEST
    return float(method.measure_from_arrays(clean, found, VISQOL_RATE).moslqo)


@cache
def visqol_method() -> Any:
    """Open the package in its audio mode.

    It computes in threads of numba, and asks for a kind of them that must be named before the first is started: those
    of OpenMP would change the number of PyTorch's.
    """
    import numba

    method = package("visqol", "visqol").VisqolApi()
    numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
    method.create(mode="audio")
    return method


def _mono(audio: Block, sample_rate: int) -> Any:
    import soxr

    return soxr.resample(audio.mean(axis=0, dtype=np.float64), sample_rate, VISQOL_RATE)


VISQOL = Metric("ViSQOL", "", 2, True, visqol, optional=True, together=True)
