"""How takes differ: in level, and bin by bin."""

from __future__ import annotations

import numpy as np
import pytest
from channels import RATE, voice, white

from aural.learning.metrics.takes import lsd_between_takes, spread_of_takes
from aural.signals import Block

GIVEN = voice()[: 2 * RATE][np.newaxis]


def take(seed: int, level: float) -> Block:
    return GIVEN + np.float32(level) * white(seed)[np.newaxis]


def test_noises_of_one_level_differ_bin_by_bin_and_not_in_level() -> None:
    takes = [take(1, 1.0), take(2, 1.0), take(3, 1.0)]
    assert lsd_between_takes(takes, GIVEN, RATE) == pytest.approx(7.9, abs=0.2)
    assert spread_of_takes(takes, GIVEN, RATE) < 0.5


def test_one_noise_at_two_levels_differs_by_what_it_is_louder() -> None:
    takes = [take(1, 1.0), take(1, 2.0)]
    assert lsd_between_takes(takes, GIVEN, RATE) == pytest.approx(6.0, abs=0.2)
    assert spread_of_takes(takes, GIVEN, RATE) == pytest.approx(3.0, abs=0.2)


def test_equal_takes_differ_by_nothing() -> None:
    assert lsd_between_takes([take(1, 1.0), take(1, 1.0)], GIVEN, RATE) == 0


def test_what_nobody_filled_does_not_count() -> None:
    assert np.isnan(lsd_between_takes([GIVEN, GIVEN], GIVEN, RATE))
    assert np.isnan(lsd_between_takes([take(1, 1.0)], GIVEN, RATE))
