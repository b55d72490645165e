"""Matching: its contract, and that a known change of spectrum and width is taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural import Block, Format
from aural.errors import AudioError, ParameterError
from aural.measure.spectrum import BANDS_HZ, SpectrumMeter
from aural.stages.mastering.balance import DEEP_DB, Balance, balance_of
from aural.stages.mastering.equaliser import Equaliser
from aural.stages.mastering.match import Match
from aural.testing import check_stage, partition, probe

RATE = 48000
STAGES = {
    "speech": Match(),
    "music": Match(target="music", max_db=12.0, smooth_octaves=0.5, mix=0.7),
    "given": Match(curve_db=tuple(np.linspace(-6.0, 6.0, 31)), width_db=-3.0),
}
HEARD = slice(7, 28)  # 100 Hz to 10 kHz


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Match) -> None:
    check_stage(stage)


def noise(seconds: float = 8.0, seed: int = 0) -> Block:
    return 0.1 * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE))).astype(np.float32)


def spectrum_db(audio: Block, sample_rate: int = RATE) -> Block:
    return 10 * np.log10(Balance.of([audio], Format(sample_rate, len(audio))).powers + 1e-30)


def saved(audio: Block, folder: Path) -> str:
    soundfile.write(folder / "reference.wav", audio.T, RATE, subtype="FLOAT")
    return str(folder / "reference.wav")


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
def test_meter_reads_white_noise_and_a_sine(sample_rate: int) -> None:
    hiss = np.random.default_rng(0).standard_normal((1, 6 * sample_rate)).astype(np.float32)
    inside = sample_rate / 2 > BANDS_HZ * 2 ** (1 / 6)
    width_hz = BANDS_HZ * (2 ** (1 / 6) - 2 ** (-1 / 6))
    expected = 10 * np.log10(2 * width_hz / sample_rate)
    read = spectrum_db(hiss, sample_rate)
    assert np.abs(read - expected)[inside & (BANDS_HZ > 60)].max() < 0.8
    assert (read[~inside] < -250).all()
    sine = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(sample_rate) / sample_rate)
    assert spectrum_db(sine[np.newaxis].astype(np.float32), sample_rate).max() == pytest.approx(-9.03, abs=0.1)


def test_meter_leaves_pauses_out_and_does_not_see_blocks() -> None:
    loud = noise(4.0)
    paused = np.concatenate([loud, 1e-4 * noise(20.0, seed=1)], axis=-1)
    assert np.abs(spectrum_db(paused) - spectrum_db(loud))[HEARD].max() < 0.5
    meter = SpectrumMeter(Format(RATE, 2))
    for block in partition(loud, 3):
        meter.update(block)
    assert np.allclose(meter.compute(), Balance.of([loud], Format(RATE, 2)).powers)


def test_a_known_curve_is_taken_back(tmp_path: Path) -> None:
    bent = Equaliser(bands=("low-shelf:200:5", "high-shelf:3000:-4:0.5"))(noise(), RATE)
    matched = Match(reference=saved(noise(seed=1), tmp_path), max_db=12.0)(bent, RATE)
    left = spectrum_db(matched) - spectrum_db(noise())
    before = spectrum_db(bent) - spectrum_db(noise())
    assert np.ptp(before[HEARD]) > 8
    assert np.ptp(left[HEARD]) < 1.5


def test_the_width_of_a_reference_is_taken(tmp_path: Path) -> None:
    wide = noise()
    alike = np.tile(noise(seed=2)[:1], (2, 1))
    narrow = alike + 0.3 * wide
    stage = Match(reference=saved(alike + wide, tmp_path), max_db=12.0)
    out = stage(narrow, RATE)
    ratios = [Balance.of([x], Format(RATE, 2)).width() for x in (narrow, alike + wide, out)]
    assert ratios[0] < 0.2 * ratios[1]
    assert ratios[2] == pytest.approx(ratios[1], rel=0.1)
    assert stage.measure([alike], Format(RATE, 2)).width_db == 0  # what is mono stays mono


@pytest.mark.parametrize("target", ["speech", "music"])
def test_what_has_the_target_stays(target: str) -> None:
    levels = 10 * np.log10(balance_of(None, target).powers + 1e-30)
    curve = tuple(np.clip(levels - 10 * np.log10(BANDS_HZ), -200, 200) + 10)
    coloured = np.fft.irfft(
        np.fft.rfft(noise(20.0))
        * 10 ** (np.interp(np.log(np.fft.rfftfreq(20 * RATE, 1 / RATE) + 1), np.log(BANDS_HZ), curve) / 20)
    ).astype(np.float32)
    found = Match(target=target).measure([coloured], Format(RATE, 2)).curve_db
    assert found is not None
    assert np.abs(np.array(found)[HEARD]).max() < 0.7


def test_limits_hold_and_noise_is_not_raised() -> None:
    steep = Equaliser(bands=("low-pass:2000", "low-pass:2000", "low-pass:2000"))(noise(), RATE)
    stage = Match(target="music", max_db=4.0).measure([steep], Format(RATE, 2))
    assert stage.curve_db is not None
    assert np.abs(stage.curve_db).max() <= 4
    weak = spectrum_db(steep) < spectrum_db(steep).max() - DEEP_DB
    assert weak.any()
    assert (np.array(stage.curve_db)[weak] <= 0).all()


@pytest.mark.parametrize("audio", [np.zeros((2, RATE), np.float32), np.zeros((1, 0), np.float32)])
def test_silence_and_nothing(audio: Block) -> None:
    assert np.array_equal(Match()(audio, RATE), audio)


def test_one_frame_and_three_channels() -> None:
    assert Match()(np.full((1, 1), 0.5, np.float32), RATE).shape == (1, 1)
    assert np.isfinite(Match()(np.tile(probe("voice")[:1], (3, 1)), RATE)).all()


def test_bad_values(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="curve_db must be 31 gains in dB"):
        Match(curve_db=(1.0, 2.0))
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        Match(reference=str(tmp_path / "nowhere.wav"))(noise(1.0), RATE)
    with pytest.raises(AudioError, match="is silent; it cannot be a reference"):
        Match(reference=saved(np.zeros((1, RATE), np.float32), tmp_path))(noise(1.0), RATE)
