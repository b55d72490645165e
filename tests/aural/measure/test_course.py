"""A recording over time: every column against what is known of the signal."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import voice

from aural.measure.course import COLUMNS, Course, CourseMeter, added, missing
from aural.signals import Block, Format

RATE = 48000


def course(audio: Block, cuts: tuple[int, ...] = (), rate: int = RATE) -> Course:
    meter = CourseMeter(Format(rate, audio.shape[0]))
    for block in np.split(audio, cuts, axis=-1):
        meter.update(block)
    return meter.compute()


def sine(hz: float, seconds: float, level: float = 1.0, rate: int = RATE) -> Block:
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)[None]


def test_blocks_do_not_matter() -> None:
    audio = voice(4.0, 2)
    whole, parts = course(audio), course(audio, (1, 500, 500, 70000, 100001))
    for name in ("low", "high", "true_peak_dbtp", "loudness_lufs", "levels_db"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 11.9, 12.1, 30.01, 61.0])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_columns_cover_the_recording(seconds: float, rate: int) -> None:
    found = course(sine(440, seconds, rate=rate), rate=rate)
    columns = len(found.low)
    assert columns <= 2 * COLUMNS
    assert seconds < 12 or columns >= COLUMNS
    assert (columns - 1) * found.column_s < found.duration_s <= columns * found.column_s + 1e-9
    assert found.levels_db.shape == (len(found.edges_hz) - 1, columns)
    assert found.true_peak_dbtp.shape == found.loudness_lufs.shape == found.high.shape == (columns,)


@pytest.mark.parametrize("hz", [200.0, 1000.0, 9000.0])
def test_a_sine_is_where_it_is_and_as_loud_as_it_is(hz: float) -> None:
    found = course(sine(hz, 6.0, 0.5))
    middle = found.levels_db[:, found.levels_db.shape[1] // 2]
    band = int(middle.argmax())
    assert found.edges_hz[band] - 25 <= hz <= found.edges_hz[band + 1] + 25
    assert middle[middle < middle.max() - 60].size > len(middle) / 2
    np.testing.assert_allclose(found.true_peak_dbtp[2:-2], -6.02, atol=0.05)
    np.testing.assert_allclose(found.high, 0.5, atol=0.01)


def test_loudness_over_time_ends_in_that_of_the_whole() -> None:
    audio = np.concatenate([sine(997, 10.0, 0.1), sine(997, 10.0, 0.01)], axis=-1)
    found = course(audio)
    loud, quiet = (found.times_s > 2) & (found.times_s < 8), found.times_s > 12
    np.testing.assert_allclose(found.loudness_lufs[loud], -23.0, atol=0.1)
    np.testing.assert_allclose(found.loudness_lufs[quiet], -43.0, atol=0.1)


def test_a_click_stands_in_its_column_however_often_columns_are_joined() -> None:
    audio = np.zeros((1, 60 * RATE), np.float32)
    audio[0, 41 * RATE] = -0.7
    found = course(audio)
    column = int(found.low.argmin())
    assert column * found.column_s <= 41 < (column + 1) * found.column_s
    assert found.low[column] == pytest.approx(-0.7)


def test_silence_is_silence() -> None:
    found = course(np.zeros((2, RATE), np.float32))
    assert np.isneginf(found.true_peak_dbtp).all()
    assert np.isneginf(found.loudness_lufs).all()
    assert (found.levels_db == -120).all()


def test_what_was_added_is_told_from_what_was_turned_up() -> None:
    times = np.arange(2 * RATE) / RATE
    rng = np.random.default_rng(0)
    low = (0.1 * np.sin(2 * np.pi * 400 * times) + 0.001 * rng.standard_normal(len(times)))[None].astype(np.float32)
    high = (0.03 * np.sin(2 * np.pi * 9000 * times) * (times > 1))[None].astype(np.float32)
    before, louder, brighter = (course(audio) for audio in (low, 2 * low, 2 * low + high))
    assert not added(before, louder).any()
    assert not added(louder, before).any()
    made = added(before, brighter)
    assert made.shape == brighter.levels_db.shape
    bands, columns = np.nonzero(made)
    assert {int(np.searchsorted(brighter.edges_hz, 9000)) - 1} <= set(bands.tolist())
    assert (brighter.edges_hz[bands] > 7500).all()
    assert abs(float(columns.min()) * brighter.column_s - 1) < 0.05


def test_a_faint_fill_is_marked_and_a_speck_is_not() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(2 * RATE) / RATE
    tone = (0.1 * np.sin(2 * np.pi * 400 * times))[None].astype(np.float32)
    faint = rng.normal(0, 10 ** (-58 / 20), (1, 2 * RATE)).astype(np.float32)  # -85 dB in each bin
    filled = added(course(tone), course(tone + faint))
    assert filled[course(tone).edges_hz[:-1] > 2000].mean() > 0.9
    blip = np.zeros_like(tone)
    blip[0, RATE : RATE + 960] = 0.003 * np.hanning(960) * np.sin(2 * np.pi * 9000 * times[:960])
    assert not added(course(tone), course(tone + blip)).any()


def test_what_was_missing_is_what_is_added_later() -> None:
    rng = np.random.default_rng(0)
    narrow, wide = (rng.normal(0, 0.1, (1, rate)).astype(np.float32) for rate in (RATE, RATE))
    spectrum = np.fft.rfft(narrow)
    spectrum[:, 10000:] = 0
    before, after = course(np.fft.irfft(spectrum).astype(np.float32)), course(wide)
    holes = missing(before, after)
    assert holes[before.edges_hz[:-1] > 10500].all()
    assert holes[before.edges_hz[1:] < 9500].mean() < 0.1
    low = course(narrow[:, ::3], rate=RATE // 3)
    assert missing(low, after).shape == low.levels_db.shape
    assert missing(low, after).mean() < 0.2  # other noise


def test_what_lies_above_the_old_sample_rate_is_added() -> None:
    narrow = np.random.default_rng(0).normal(0, 0.1, (1, 16000)).astype(np.float32)
    wide = course(np.random.default_rng(0).normal(0, 0.1, (1, RATE)).astype(np.float32))
    made = added(course(narrow, rate=16000), wide)
    assert made[wide.edges_hz[:-1] > 8000].all()
    assert made[wide.edges_hz[1:] < 8000].mean() < 0.2  # other noise
