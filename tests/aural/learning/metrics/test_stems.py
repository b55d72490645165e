"""Metrics of stems against their equations, and museval."""

from __future__ import annotations

import numpy as np
import pytest

from aural.learning.metrics.stems import leakage, sdr_of_stem, si_sdr_of_stem
from aural.signals import Block


def stereo(seconds: float, seed: int = 0) -> Block:
    return np.random.default_rng(seed).standard_normal((2, int(seconds * 8000))).astype(np.float32)


def test_sdr_of_a_stem_is_the_median_over_seconds() -> None:
    wanted = stereo(5.5)
    error = stereo(5.5, seed=1) * np.repeat([0.1, 0.1, 0.1, 1.0, 1.0, 1.0], [8000] * 5 + [4000]).astype(np.float32)
    assert sdr_of_stem(wanted, wanted + error, wanted, 8000) == pytest.approx(20, abs=0.2)
    wanted[:, :16000] = 0  # silent seconds do not count
    assert sdr_of_stem(wanted, wanted + error, wanted, 8000) == pytest.approx(0, abs=0.2)
    assert np.isnan(sdr_of_stem(0 * wanted, error, wanted, 8000))
    assert sdr_of_stem(wanted, 0.5 * wanted, wanted, 8000) == pytest.approx(6.02, abs=0.01)


def test_sdr_of_a_stem_is_that_of_museval() -> None:
    museval = pytest.importorskip("museval")
    wanted, made = stereo(5.5), stereo(5.5) + 0.3 * stereo(5.5, seed=1)
    theirs = museval.metrics.bss_eval(wanted.T[None], made.T[None], window=8000, hop=8000)[0]
    assert sdr_of_stem(wanted, made, wanted, 8000) == pytest.approx(np.nanmedian(theirs), abs=0.01)


def test_si_sdr_of_a_stem_has_one_scale_for_all_channels() -> None:
    wanted = stereo(1)
    assert si_sdr_of_stem(wanted, 3 * wanted, wanted, 8000) > 100
    panned = wanted * np.array([[1], [0.5]], np.float32)
    assert si_sdr_of_stem(wanted, panned, wanted, 8000) == pytest.approx(9.5, abs=0.2)
    assert np.isnan(si_sdr_of_stem(0 * wanted, wanted, wanted, 8000))


def test_leakage_is_what_is_left_while_a_stem_is_silent() -> None:
    heard, wanted = stereo(4), stereo(4)
    wanted[:, 16000:] = 0
    made = wanted + np.float32(0.01) * heard
    assert leakage(wanted, made, heard, 8000) == pytest.approx(-40, abs=0.1)
    assert leakage(wanted, heard, heard, 8000) == pytest.approx(0, abs=0.1)
    assert leakage(0 * wanted, made, heard, 8000) < -1
    assert leakage(wanted, wanted, heard, 8000) == pytest.approx(-120)
    heard[:, 16000:] = 0  # silence of all tells nothing
    assert np.isnan(leakage(wanted, made, heard, 8000))
