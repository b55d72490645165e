"""Metrics of masters: loudness by another implementation than AURAL's, and the true peak.

References:
    Steinmetz, Reiss: pyloudnorm: A simple yet flexible loudness meter in Python. AES 150, 2021.
"""

from __future__ import annotations

import numpy as np

from aural.learning.metrics.metric import Metric, package
from aural.signals import Block, Format


def published_lufs(audio: Block, sample_rate: int) -> float:
    """Measure the integrated loudness in LUFS by pyloudnorm, another implementation of BS.1770 than AURAL's.

    What is left of a tenth of a second at the end, which pyloudnorm counts as a whole one, is left out.

    Raises:
        AuralError: the package is missing.
    """
    tenths = audio.shape[-1] * 10 // sample_rate
    whole = audio[:, : tenths * sample_rate // 10].T.astype(np.float64)
    return float(package("pyloudnorm").Meter(sample_rate).integrated_loudness(whole))


def loudness_error(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure by how many LU the estimate is louder or softer than the reference, by pyloudnorm."""
    return abs(published_lufs(estimate, sample_rate) - published_lufs(reference, sample_rate))


def meters_apart(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure by how many LU AURAL's meter and pyloudnorm differ on the estimate."""
    from aural.measure.loudness import LoudnessMeter

    meter = LoudnessMeter(Format(sample_rate, len(estimate)))
    meter.update(estimate)
    return abs(meter.compute().integrated_lufs - published_lufs(estimate, sample_rate))


def true_peak(reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
    """Measure the true peak of the estimate in dBTP."""
    from aural.measure.true_peak import TruePeakMeter

    meter = TruePeakMeter(Format(sample_rate, len(estimate)))
    meter.update(estimate)
    return meter.compute()


MASTER = (
    Metric("loudness error", "LU", 2, False, loudness_error, together=True),
    Metric("meters apart", "LU", 2, False, meters_apart, together=True),
    Metric("true peak", "dBTP", 2, False, true_peak, together=True),
)
"""The metrics of mastering."""
