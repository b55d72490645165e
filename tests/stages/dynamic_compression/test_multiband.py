"""The multiband compressor: its contract, the sum of its bands, and that each follows its own level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import Block, Format
from aural.errors import ParameterError
from aural.stages.dynamic_compression.crossover import crossover
from aural.stages.dynamic_compression.multiband import Multiband
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.testing import check_stage, probe

RATE = 48000
STAGES = {
    "plain": Multiband(),
    "in parallel": Multiband(mix=0.5, threshold_db=(-50.0,)),
    "two bands": Multiband(crossovers_hz=(800.0,), threshold_db=(-40.0, -30.0), ratio=(2.0, 8.0), link=0.0),
    "peaks": Multiband(crossovers_hz=(200.0, 2000.0), detector="peak"),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Multiband) -> None:
    check_stage(stage)


def test_one_band_is_a_compressor() -> None:
    audio = probe("voice")
    alone = DynamicCompression(threshold_db=-30.0, ratio=2.0, attack_ms=10.0, release_ms=150.0, detector="rms")
    assert np.allclose(Multiband(crossovers_hz=())(audio, RATE), alone(audio, RATE), atol=1e-6)


def magnitude_db(response: Block) -> Block:
    return 20 * np.log10(np.abs(np.fft.rfft(response)) + 1e-12)


def split(audio: Block, frequencies: list[float], sample_rate: int = RATE) -> Block:
    stream = crossover(Format(sample_rate, len(audio)), frequencies)
    return np.concatenate([stream.push(audio), stream.flush()], axis=-1)


def click(frames: int = RATE) -> Block:
    audio = np.zeros((1, frames), np.float32)
    audio[0, frames // 2] = 1
    return audio


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.floats(20, 3300), min_size=0, max_size=5, unique=True).map(sorted),
    st.sampled_from([8000, 44100, 48000, 192000]),
)
def test_bands_sum_to_the_signal(frequencies: list[float], sample_rate: int) -> None:
    noise = np.random.default_rng(0).standard_normal((2, sample_rate // 2)).astype(np.float32)
    bands = split(noise, frequencies, sample_rate)
    assert bands.shape == (len(frequencies) + 1, *noise.shape)
    assert np.abs(bands.sum(axis=0) - noise).max() < 1e-5
    assert np.abs(magnitude_db(bands.sum(axis=0)) - magnitude_db(noise)).mean() < 0.05


def test_slopes_are_those_of_linkwitz_and_riley() -> None:
    bands = split(click(), [120.0, 1000.0])
    bass, middle, treble = (magnitude_db(band)[0] for band in bands)
    assert middle[1000] == pytest.approx(-6.02, abs=0.01)
    assert treble[1000] == pytest.approx(-6.02, abs=0.01)
    for band, hz, octaves in ((treble, 250, 2), (middle, 4000, 2), (bass, 480, 2), (bass, 120, 0), (treble, 500, 1)):
        assert band[hz] == pytest.approx(-20 * np.log10(1 + 16.0**octaves), abs=0.6)  # 24 dB an octave


def sine(hz: float, level_db: float) -> Block:
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE))[np.newaxis].astype(
        np.float32
    )


def level_db(audio: Block, hz: float) -> float:
    """Return the level of a sine in the second half of a signal."""
    half = audio[0, audio.shape[-1] // 2 :]
    turn = np.exp(-2j * np.pi * hz * np.arange(half.size) / RATE)
    return float(20 * np.log10(2 * abs((half * turn).mean())))


def test_a_loud_bass_does_not_turn_the_treble_down() -> None:
    together = sine(60, -3) + sine(8000, -40)
    stage = Multiband(crossovers_hz=(500.0,), threshold_db=(-30.0,), ratio=(4.0,), knee_db=0.0)
    out = stage(together, RATE)
    assert level_db(out, 8000) == pytest.approx(-40, abs=0.05)
    assert level_db(out, 60) == pytest.approx(-3 - 0.75 * (30 - 3 - 3), abs=0.4)  # the mean power lies 3 dB down
    broad = DynamicCompression(threshold_db=-30.0, ratio=4.0, detector="rms")(together, RATE)
    assert level_db(broad, 8000) < -55


def test_a_number_stands_for_all_bands() -> None:
    assert Multiband(threshold_db=-40, ratio=3.0) == Multiband(threshold_db=(-40,), ratio=(3.0,))  # type: ignore[arg-type]


def test_each_band_has_its_values() -> None:
    stage = Multiband(crossovers_hz=(500.0, 3000.0), threshold_db=(0.0,), makeup_db=(6.0, 0.0, -6.0))
    audio = sine(60, -30) + sine(1200, -30) + sine(12000, -30)
    levels = [level_db(stage(audio, RATE), hz) for hz in (60, 1200, 12000)]
    assert levels == pytest.approx([-24, -30, -36], abs=0.3)


def test_parallel_compression_does_not_comb() -> None:
    response = magnitude_db(Multiband(threshold_db=(0.0,), mix=0.5)(0.1 * click(), RATE))[0]
    assert response[100:-100].max() - response[100:-100].min() < 0.05


def test_a_low_sample_rate_leaves_fewer_bands() -> None:
    audio = probe("voice")[:, :8000]
    at_8_khz = Multiband()(audio, 8000)
    assert np.allclose(at_8_khz, Multiband(crossovers_hz=(120.0, 1000.0))(audio, 8000))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"crossovers_hz": (1000.0, 500.0)}, "multiband: crossovers_hz must rise"),
        ({"crossovers_hz": (1000.0, 1000.0)}, "multiband: crossovers_hz must rise"),
        ({"crossovers_hz": (5.0,)}, "crossovers_hz must be numbers, each from 20 to 20000 Hz, got"),
        ({"ratio": (2.0, 3.0)}, "ratio must be one value, or 4, got"),
        ({"ratio": ()}, "ratio must be one value, or 4, got"),
        (
            {"threshold_db": (-20.0, float("nan"), -3.0, -2.0)},
            "threshold_db must be numbers, each from -80 to 0 dBFS",
        ),
        ({"threshold_db": ("loud",)}, "threshold_db must be numbers"),
        ({"threshold_db": "-20"}, "threshold_db must be a tuple of numbers"),
        ({"crossovers_hz": [100.0]}, "crossovers_hz must be a tuple of numbers"),
    ],
)
def test_bad_values(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        Multiband(**values)  # type: ignore[arg-type]
