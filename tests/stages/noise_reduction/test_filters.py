"""The filters in front of the engine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfreqz

from aural.stages.noise_reduction.filters import filter_sections


def test_notch_takes_out_the_line_and_leaves_its_neighbours() -> None:
    sections = filter_sections(48000, 0.0, 50.0, (1, 3, 2000))
    assert len(sections) == 2  # the 2000th lies above half the sample rate
    _, response = sosfreqz(sections, [50.0, 150.0, 50.1, 45.0, 100.0, 120.0, 1000.0], fs=48000)
    level = 20 * np.log10(np.abs(response) + 1e-12)
    assert (level[:2] < -60).all()
    assert level[2] < -15
    assert (level[3:] > -0.3).all()


def test_highpass_is_three_decibels_down_at_its_cutoff() -> None:
    _, response = sosfreqz(filter_sections(48000, 80.0, 0.0, ()), [80.0, 20.0, 1000.0], fs=48000)
    assert 20 * np.log10(np.abs(response)) == pytest.approx([-3.01, -24.1, 0.0], abs=0.1)
