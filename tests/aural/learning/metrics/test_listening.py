"""ViSQOL: its highest value, its order over bit rates, and what it cannot be measured on."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from channels import RATE

from aural.degrade.codec import Codec
from aural.errors import AuralError
from aural.learning.metrics import listening
from aural.learning.metrics.listening import VISQOL, VISQOL_LOWEST
from aural.signals import Block
from aural.testing import probe

HIGHEST = 4.732


def measured(reference: Block, estimate: Block, sample_rate: int = RATE) -> float:
    pytest.importorskip("visqol", reason='needs pip install "aural[visqol]"')
    return VISQOL.of(reference, estimate, reference, sample_rate)


def test_what_is_alike_is_best_at_any_level() -> None:
    music = probe("voice", 2.0, 2)
    assert measured(music, music) == pytest.approx(HIGHEST, abs=0.001)
    assert measured(music, np.float32(0.1) * music) == pytest.approx(HIGHEST, abs=0.001)
    assert measured(music[:, ::3], music[:, ::3], RATE // 3) == pytest.approx(HIGHEST, abs=0.001)
    assert measured(music, np.zeros_like(music)) == VISQOL_LOWEST


def test_more_bits_are_better() -> None:
    music = probe("voice", 3.0, 2)
    rated = [measured(music, Codec("mp3", 1000 * kbps).there_and_back(music, RATE)) for kbps in (32, 64, 128)]
    assert rated == sorted(rated)
    assert rated[0] < rated[-1] - 0.1
    assert rated[-1] < HIGHEST


def test_what_is_short_or_silent_has_no_value() -> None:
    music = probe("voice", 2.0, 2)
    assert np.isnan(measured(music[:, : RATE - 1], music[:, : RATE - 1]))
    assert np.isnan(measured(np.stack([music[0], -music[0]]), music))


def test_a_missing_package_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    listening.visqol_method.cache_clear()
    monkeypatch.setitem(sys.modules, "visqol", None)
    music = probe("voice", 2.0, 2)
    with pytest.raises(AuralError, match=r'the package visqol is missing: pip install "aural\[visqol\]"'):
        VISQOL.of(music, music, music, RATE)
