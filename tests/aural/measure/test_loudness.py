"""The loudness meter against EBU Tech 3341 and 3342, pyloudnorm, and itself in pieces."""

import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import Block, Format
from aural.measure.loudness import Loudness, LoudnessMeter, k_weighting
from aural.testing import partition, probe

RATE = 48000
Part = tuple[float, float]


def read(audio: Block, sample_rate: int = RATE, blocks: Iterable[Block] | None = None) -> Loudness:
    meter = LoudnessMeter(Format(sample_rate, audio.shape[0]))
    for block in [audio] if blocks is None else blocks:
        meter.update(block)
    return meter.compute()


def tones(*parts: Part, channels: int = 2, sample_rate: int = RATE) -> Block:
    """Return a 1 kHz sine whose peak level changes; parts are (dBFS, seconds)."""
    levels = np.concatenate([np.full(round(s * sample_rate), 10 ** (db / 20)) for db, s in parts])
    sine = levels * np.sin(2 * np.pi * 1000 * np.arange(levels.size) / sample_rate)
    return np.tile(sine.astype(np.float32), (channels, 1))


TECH_3341 = {
    1: ([(-23.0, 20.0)], -23),
    2: ([(-33.0, 20.0)], -33),
    3: ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23),
    4: ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23),
    5: ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23),
}
TECH_3342 = {
    1: ([(-20.0, 20.0), (-30.0, 20.0)], 10),
    2: ([(-20.0, 20.0), (-15.0, 20.0)], 5),
    3: ([(-40.0, 20.0), (-20.0, 20.0)], 20),
    4: ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15),
}


@pytest.mark.parametrize(("parts", "lufs"), TECH_3341.values(), ids=TECH_3341)
def test_integrated_loudness_of_tech_3341(parts: list[Part], lufs: float) -> None:
    assert read(tones(*parts)).integrated_lufs == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 44100, 96000, 192000])
def test_a_sine_reads_alike_at_every_rate(sample_rate: int) -> None:
    loudness = read(tones((-33.0, 5.0), sample_rate=sample_rate), sample_rate)
    tolerance = 0.1 if sample_rate >= 16000 else 0.2  # the bilinear transform bends the shelf near half the rate
    for lufs in (loudness.integrated_lufs, loudness.momentary_max_lufs, loudness.short_term_max_lufs):
        assert lufs == pytest.approx(-33, abs=tolerance)


@pytest.mark.parametrize(("channels", "surrounds"), [(5, (3, 4)), (6, (4, 5))])
def test_surround_weights_of_tech_3341_test_6(channels: int, surrounds: tuple[int, int]) -> None:
    audio = np.zeros((channels, 20 * RATE), np.float32)
    for channel, db in zip((0, 1, 2, *surrounds), (-28.0, -28.0, -24.0, -30.0, -30.0), strict=True):
        audio[channel] = tones((db, 20.0), channels=1)
    assert read(audio).integrated_lufs == pytest.approx(-23, abs=0.1)
    if channels == 6:
        audio[3] = 0.5  # the low-frequency channel does not count
        assert read(audio).integrated_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize(
    ("layout", "weights"),
    [
        ("quad", (1, 1, 1.41, 1.41)),
        ("4.0", (1, 1, 1, 1)),
        ("2.1", (1, 1, 0)),
        ("5.1", (1, 1, 1, 0, 1.41, 1.41)),
        ("5.1(side)", (1, 1, 1, 0, 1.41, 1.41)),
        ("6.1", (1, 1, 1, 0, 1, 1.41, 1.41)),
        ("7.1", (1, 1, 1, 0, 1, 1, 1.41, 1.41)),
        ("5.1.2", (1, 1, 1, 0, 1.41, 1.41, 1, 1)),
        ("9 channels", (1,) * 9),
    ],
)
def test_each_loudspeaker_counts_as_annex_3_says(layout: str, weights: tuple[float, ...]) -> None:
    for channel, weight in enumerate(weights):
        audio = np.zeros((len(weights), 2 * RATE), np.float32)
        audio[channel] = tones((-20.0, 2.0), channels=1)[0]
        meter = LoudnessMeter(Format(RATE, len(weights), layout))
        meter.update(audio)
        expected = -23.0 + 10 * math.log10(weight) if weight else -math.inf
        assert meter.compute().integrated_lufs == pytest.approx(expected, abs=0.02)


def test_short_term_loudness_of_tech_3341_test_9() -> None:
    audio = tones(*[(-20.0, 1.34), (-30.0, 1.66)] * 5)
    assert read(audio).short_term_max_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("number", range(0, 20, 3))
def test_highest_short_term_loudness_of_tech_3341_test_10(number: int) -> None:
    audio = tones((-150.0, number * 0.15), (-23.0, 3.0), (-150.0, 1.0))
    assert read(audio).short_term_max_lufs == pytest.approx(-23, abs=0.1)


def test_short_term_loudness_of_tech_3341_test_11_read_as_it_goes_on() -> None:
    meter = LoudnessMeter(Format(RATE, 2))
    for number in range(20):
        meter.update(tones((-150.0, number * 0.15), (number - 38.0, 3.0), (-150.0, 3 - number * 0.15)))
        assert meter.compute().short_term_max_lufs == pytest.approx(number - 38, abs=0.1)


def test_momentary_loudness_of_tech_3341_test_14_read_as_it_goes_on() -> None:
    meter = LoudnessMeter(Format(RATE, 2))
    for number in range(20):
        meter.update(tones((-150.0, number * 0.02), (number - 38.0, 0.4), (-150.0, 0.4 - number * 0.02)))
        assert meter.compute().momentary_max_lufs == pytest.approx(number - 38, abs=0.1)


def test_momentary_loudness_of_tech_3341_test_12() -> None:
    audio = tones(*[(-20.0, 0.18), (-30.0, 0.22)] * 25)
    assert read(audio).momentary_max_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("number", range(20))
def test_highest_momentary_loudness_of_tech_3341_test_13(number: int) -> None:
    audio = tones((-150.0, number * 0.02), (-23.0, 0.4), (-150.0, 1.0))
    assert read(audio).momentary_max_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize(("parts", "range_lu"), TECH_3342.values(), ids=TECH_3342)
def test_loudness_range_of_tech_3342(parts: list[Part], range_lu: float) -> None:
    assert read(tones(*parts)).range_lu == pytest.approx(range_lu, abs=1)


def test_filter_is_the_table_of_the_standard_at_48_khz() -> None:
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48000), [shelf, high_pass], atol=1e-8)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), sample_rate=st.sampled_from([8000, 11025, 48000]))
def test_blocks_do_not_matter(seed: int, sample_rate: int) -> None:
    audio = probe("voice", 5.0)
    assert read(audio, sample_rate, partition(audio, seed)) == read(audio, sample_rate)


def test_passages_can_be_left_out() -> None:
    meter = LoudnessMeter(Format(RATE, 2))
    meter.update(tones((-20.0, 5.0), (-30.0, 10.0), (-26.0, 5.0)))
    assert meter.integrated_lufs(apart_from=[(0.0, 5.0), (15.0, 20.0)]) == pytest.approx(-30, abs=0.1)
    assert meter.integrated_lufs(apart_from=[(5.0, 20.0)]) == pytest.approx(-20, abs=0.1)
    assert meter.integrated_lufs(apart_from=[(0.0, 20.0)]) == -math.inf


def test_reading_does_not_disturb() -> None:
    audio = probe("voice", 4.0)
    meter = LoudnessMeter(Format(RATE, 2))
    meter.update(audio[:, :100001])
    meter.compute()
    meter.update(audio[:, 100001:])
    assert meter.compute() == read(audio)


def test_silence_and_short_signals_have_no_loudness() -> None:
    nothing = Loudness(-math.inf, 0.0, -math.inf, -math.inf)
    assert read(np.zeros((2, 0), np.float32)) == nothing
    assert read(probe("voice")[:, :19199]) == nothing
    silent = read(np.zeros((1, 5 * RATE), np.float32))
    assert silent.integrated_lufs == -math.inf
    assert silent.momentary_max_lufs < -300
    assert math.isfinite(read(probe("voice")[:, :19200]).integrated_lufs)


def test_scaling_shifts_loudness() -> None:
    audio = probe("voice", 4.0)
    loud, soft = read(audio), read(audio * np.float32(0.1))
    assert soft.integrated_lufs == pytest.approx(loud.integrated_lufs - 20, abs=1e-3)
    assert soft.range_lu == pytest.approx(loud.range_lu, abs=0.01)


@pytest.mark.parametrize("kind", ["voice", "dull", "loud"])
def test_agrees_with_pyloudnorm(kind: str) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    audio = probe(kind, 10.0)
    reference = pyloudnorm.Meter(RATE).integrated_loudness(audio.T.astype(np.float64))
    assert read(audio).integrated_lufs == pytest.approx(reference, abs=0.1)


def corpus(folder: str, count: int) -> list[Path]:
    root = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parents[2].parent / "shared" / "audio"))
    files = sorted((root / folder).rglob("*.opus")) + sorted((root / folder).rglob("*.ogg"))
    if not files:
        pytest.skip(f"no recordings in {root / folder}; set AURAL_CORPUS")
    return files[:: max(1, len(files) // count)][:count]


@pytest.mark.corpus
@pytest.mark.parametrize("folder", ["music", "speech"])
def test_agrees_with_pyloudnorm_on_recordings(folder: str) -> None:
    import pyloudnorm
    import soundfile

    for path in corpus(folder, 16):
        audio, sample_rate = soundfile.read(path, always_2d=True)
        tenths = len(audio) * 10 // sample_rate  # pyloudnorm counts an incomplete block at the end as a whole one
        audio = audio[: tenths * sample_rate // 10]
        if tenths < 50 or audio.shape[1] > 5:
            continue  # too few blocks: one of them at the gate decides
        reference = pyloudnorm.Meter(sample_rate).integrated_loudness(audio)
        assert read(audio.T, sample_rate).integrated_lufs == pytest.approx(reference, abs=0.1), path.name
