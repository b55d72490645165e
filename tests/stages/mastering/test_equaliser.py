"""The equaliser: its contract, and its curves against what the names of the sections promise."""

from __future__ import annotations

import numpy as np
import pytest

from aural import Block, Format
from aural.errors import ParameterError
from aural.stages.mastering.equaliser import Equaliser
from aural.testing import check_stage

RATE = 48000
PHASES = pytest.mark.parametrize("phase", ["minimum", "linear"])
STAGES = {
    "none": Equaliser(gain_db=-3.0),
    "voice": Equaliser(bands=("high-pass:80", "peak:3000:4:1.2", "high-shelf:9000:-3")),
    "linear": Equaliser(bands=("low-shelf:200:-6", "low-pass:12000"), phase="linear", mix=0.5),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Equaliser) -> None:
    check_stage(stage)


def gains_db(stage: Equaliser, *hz: float, rate: int = RATE) -> Block:
    """Measure the gain at frequencies, by an impulse."""
    impulse = np.zeros((1, 2 * rate), np.float32)
    impulse[:, rate] = 1
    spectrum = np.abs(np.fft.rfft(stage(impulse, rate)[0]))
    return 20 * np.log10(spectrum[[round(f * 2) for f in hz]] + 1e-12)


@PHASES
@pytest.mark.parametrize("gain_db", [-12.0, 3.0, 12.0])
def test_a_peak_is_so_high_there_and_nowhere_else(gain_db: float, phase: str) -> None:
    stage = Equaliser(bands=(f"peak:1000:{gain_db}:2",), phase=phase)
    there, below, above = gains_db(stage, 1000, 50, 15000)
    assert there == pytest.approx(gain_db, abs=0.02)
    assert below == pytest.approx(0, abs=0.1)
    assert above == pytest.approx(0, abs=0.1)


@PHASES
@pytest.mark.parametrize(("hz", "gain_db", "q"), [(50, -12, 4), (30, 12, 2), (100, 12, 20)])
def test_narrow_bands_are_as_deep_as_they_say(hz: float, gain_db: float, q: float, phase: str) -> None:
    assert gains_db(Equaliser(bands=(f"peak:{hz}:{gain_db}:{q}",), phase=phase), hz)[0] == pytest.approx(
        gain_db, abs=0.5
    )


@PHASES
@pytest.mark.parametrize(("kind", "inner", "outer"), [("low-shelf", 20, 15000), ("high-shelf", 22000, 50)])
def test_a_shelf_has_half_its_gain_at_its_frequency(kind: str, inner: float, outer: float, phase: str) -> None:
    found = gains_db(Equaliser(bands=(f"{kind}:1000:8",), phase=phase), inner, 1000, outer)
    np.testing.assert_allclose(found, [8, 4, 0], atol=0.05)


@PHASES
@pytest.mark.parametrize(("kind", "octave"), [("high-pass", 500), ("low-pass", 2000)])
def test_a_pass_is_butterworth(kind: str, octave: float, phase: str) -> None:
    found = gains_db(Equaliser(bands=(f"{kind}:1000",), phase=phase), 1000, octave)
    np.testing.assert_allclose(found, [-3.01, -12.3], atol=0.15)


def test_linear_phase_is_symmetric_and_minimum_phase_is_causal() -> None:
    impulse = np.zeros((1, RATE), np.float32)
    impulse[:, RATE // 2] = 1
    both = [Equaliser(bands=("peak:500:9",), phase=p)(impulse, RATE)[0] for p in ("minimum", "linear")]
    assert np.abs(both[0][: RATE // 2]).max() < 1e-12
    np.testing.assert_allclose(
        both[1][RATE // 2 - 3000 : RATE // 2], both[1][RATE // 2 + 3000 : RATE // 2 : -1], atol=1e-6
    )


def test_the_order_of_bands_does_not_matter() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    bands = ("peak:300:5", "high-shelf:4000:-7", "high-pass:60")
    np.testing.assert_allclose(
        Equaliser(bands=bands)(noise, RATE), Equaliser(bands=bands[::-1])(noise, RATE), atol=1e-5
    )


@pytest.mark.parametrize(
    "band", ["peak", "peak:1000", "bell:1:2", "peak:x:3", "high-pass:80:1:2", "peak:0:3", "peak:9:99"]
)
def test_what_is_no_band_is_refused(band: str) -> None:
    with pytest.raises(ParameterError, match="equaliser: "):
        Equaliser(bands=(band,))


def test_a_band_needs_room() -> None:
    with pytest.raises(ParameterError, match="peak:5000:3 lies above half the sample rate, 4000 Hz"):
        Equaliser(bands=("peak:5000:3",)).open(Format(8000, 1))
