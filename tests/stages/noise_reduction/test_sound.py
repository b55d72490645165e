"""What noise reduction does to sound, and how it answers to what it is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from aural.degrade import Rumble, Take
from aural.errors import NotReady, ParameterError
from aural.signals import Block, Format
from aural.stages.noise_reduction.stage import NoiseReduction
from aural.stream import pump
from aural.testing import partition, probe

RATE = 48000
NO_HUM = {"hum_hz": 0.0}
ENGINES = [engine.name for engine in NoiseReduction.engines]


def noise(seconds: float = 3, channels: int = 1, level: float = 0.01, rate: int = RATE) -> Block:
    rng = np.random.default_rng(3)
    return (level * rng.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def hum(seconds: float = 6, hz: float = 50.0) -> Block:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.atleast_2d(sum(0.02 / k * np.sin(2 * np.pi * hz * k * time) for k in (1, 2, 3))).astype(np.float32)


def level_db(audio: Block) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-30))


def test_where_music_is_kept_a_note_that_lasts_is_no_hum() -> None:
    note = hum()
    assert NoiseReduction().measure([note], Format(RATE, 1)).hum_hz == pytest.approx(50, abs=0.02)
    assert NoiseReduction(keep="music").measure([note], Format(RATE, 1)).hum_hz == 0
    assert NoiseReduction(keep="music", hum_hz=50.0).measure([note], Format(RATE, 1)).hum_harmonics == (1, 2, 3)


def test_where_music_is_kept_less_is_taken_away() -> None:
    audio = noise()
    lowered = [
        level_db(NoiseReduction(keep=keep, **NO_HUM)(audio, RATE)) - level_db(audio) for keep in ("music", "voice")
    ]
    assert -6.5 < lowered[0] < 0
    assert lowered[1] < -20


def test_what_lies_below_voices_is_rumble_unless_music_is_kept() -> None:
    voice = probe("voice", 6.0, 1)
    take = Rumble(20.0, -30.0, snr_db=0.0)(Take.of(voice[0], RATE), np.random.default_rng(0))
    rumble = (take.noisy - take.voice)[np.newaxis]
    deep = butter(4, 50, fs=RATE, output="sos")
    left = {
        keep: level_db(sosfiltfilt(deep, NoiseReduction(keep=keep, **NO_HUM)(voice + rumble, RATE) - voice - change))
        for keep, change in (("voice", 0 * rumble), ("music", rumble))
    }
    assert left["voice"] < level_db(rumble) - 20
    assert left["music"] < level_db(rumble) - 20


@pytest.mark.parametrize("attenuation_db", [6.0, 12.0, 18.0])
def test_steady_noise_is_lowered_by_nearly_as_much_as_allowed(attenuation_db: float) -> None:
    audio = noise()
    quiet = NoiseReduction(max_attenuation_db=attenuation_db, **NO_HUM)(audio, RATE)
    lowered = level_db(audio[:, RATE:]) - level_db(quiet[:, RATE:])
    assert 0.6 * attenuation_db < lowered <= attenuation_db


@pytest.mark.parametrize("engine", ENGINES)
def test_no_attenuation_and_nothing_to_filter_is_the_input_bit_for_bit(engine: str) -> None:
    audio = noise()
    assert np.array_equal(NoiseReduction(engine=engine, max_attenuation_db=0.0)(audio, RATE), audio)


def test_clean_syllables_are_left_alone() -> None:
    time = np.arange(4 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
    voice = (0.1 * tone * np.clip(np.sin(2 * np.pi * 3 * time), 0, 1) ** 2).astype(np.float32)
    error = NoiseReduction(engine="mmse", **NO_HUM)(voice, RATE) - voice
    assert level_db(error) < level_db(voice) - 20


def test_channels_share_one_gain_so_that_the_image_stays() -> None:
    left = probe("voice")[:1]
    out = NoiseReduction(**NO_HUM)(np.concatenate([left, 0.25 * left]), RATE)
    assert np.abs(out[1] - 0.25 * out[0]).max() < 1e-6


@pytest.mark.parametrize("gain_db", [-60.0, -40.0, 15.0])
def test_quiet_speech_is_treated_as_loud_speech(gain_db: float) -> None:
    audio, gain = probe("voice"), np.float32(10 ** (gain_db / 20))
    stage = NoiseReduction()
    expected = stage(audio, RATE)
    assert np.abs(stage(audio * gain, RATE) / gain - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("channels", [1, 7])
def test_any_rate_and_number_of_channels(engine: str, rate: int, channels: int) -> None:
    audio = noise(0.7, channels, 0.01, rate)
    out = NoiseReduction(engine=engine)(audio, rate)
    assert out.shape == audio.shape
    assert np.isfinite(out).all()
    assert level_db(out) < level_db(audio)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("audio", [np.zeros((1, 0)), np.ones((1, 1)), np.zeros((2, 9999)), np.full((1, 20000), 0.5)])
def test_next_to_nothing(engine: str, audio: Block) -> None:
    out = NoiseReduction(engine=engine)(audio.astype(np.float32), RATE)
    assert out.shape == audio.shape
    assert np.isfinite(out).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_silent_channel_and_clicks(engine: str) -> None:
    audio = np.zeros((2, RATE), np.float32)
    audio[0, [0, 20000, RATE - 1]] = 1.0
    out = NoiseReduction(engine=engine)(audio, RATE)
    assert np.isfinite(out).all()
    assert not out[1].any()
    assert np.abs(out[0]).argmax() in (0, 20000, RATE - 1)


@pytest.mark.parametrize("silence_s", [1, 8])
def test_noise_that_begins_after_digital_silence_is_lowered(silence_s: int) -> None:
    audio = noise(silence_s + 4)
    audio[:, : silence_s * RATE] = 0
    out, heard = NoiseReduction(**NO_HUM)(audio, RATE), np.s_[:, (silence_s + 1) * RATE :]
    assert level_db(out[heard]) < level_db(audio[heard]) - 7


@pytest.mark.parametrize("hz", [50.0, 59.95])
def test_hum_is_found_and_taken_out(hz: float) -> None:
    audio = hum(8, hz) + 0.1 * noise(8)
    stage = NoiseReduction(max_attenuation_db=0.0)
    ready = stage.measure([audio], Format(RATE, 1))
    assert ready.hum_hz == pytest.approx(hz, abs=0.02)
    assert ready.hum_harmonics == (1, 2, 3)
    out = stage(audio, RATE)[:, 2 * RATE :]
    assert level_db(out) < level_db(0.1 * noise(8)) + 1


def test_an_offset_goes_without_a_thump() -> None:
    audio, stage = probe("voice", 1.0, 1), NoiseReduction(highpass_hz=80.0, hum_hz=0.0, max_attenuation_db=0.0)
    without, with_offset = stage(audio - audio[:, :1], RATE), stage(audio + 0.3, RATE)
    assert np.abs(without - with_offset).max() < 1e-5


def test_a_frequency_that_is_given_is_not_looked_for() -> None:
    ready = NoiseReduction(hum_hz=50.0).measure([hum(hz=50.02)], Format(RATE, 1))
    assert ready.hum_hz == 50.0
    assert ready.hum_harmonics == (1, 2, 3)
    given_both = NoiseReduction(hum_hz=50.0, hum_harmonics=(2,))
    assert given_both.ready
    assert given_both.measure([], Format(RATE, 1)) == given_both


def test_not_ready_names_what_is_missing() -> None:
    with pytest.raises(NotReady, match=r"hum_hz, hum_harmonics$"):
        NoiseReduction().open(Format(RATE, 1))
    with pytest.raises(NotReady, match="measured_noise_dbfs"):
        NoiseReduction(engine="mmse", hum_hz=0.0, noise_profile="0-1").open(Format(RATE, 1))
    NoiseReduction(hum_hz=0.0).open(Format(RATE, 1))


def coloured() -> Block:
    audio = noise(6)
    return np.cumsum(audio, axis=-1, dtype=np.float64).astype(np.float32) * 0.02 + 0.1 * audio


@pytest.mark.parametrize("engine", ["mmse", "gate"])
def test_profile_of_a_passage_and_of_a_file_agree(engine: str, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    audio = coloured()
    soundfile.write(tmp_path / "noise.wav", audio[:, RATE : 3 * RATE].T, RATE, subtype="FLOAT")
    by_passage = NoiseReduction(engine=engine, noise_profile="1.0-3.0", **NO_HUM)
    by_file = replace(by_passage, noise_profile=str(tmp_path / "noise.wav"))
    assert np.abs(by_passage(audio, RATE) - by_file(audio, RATE)).max() < 1e-6
    assert level_db(by_file(audio, RATE)) < level_db(audio) - 6


def test_measured_profile_is_saved_with_the_stage_and_works_live() -> None:
    audio = coloured()
    stage = NoiseReduction(engine="mmse", noise_profile="1.0-3.0", **NO_HUM)
    ready = stage.measure([audio], Format(RATE, 1))
    assert len(ready.measured_noise_dbfs or ()) == 48
    live = NoiseReduction(engine="mmse", measured_noise_dbfs=ready.measured_noise_dbfs, **NO_HUM)
    out = np.concatenate(list(pump(live.open(Format(RATE, 1)), partition(audio, 1))), axis=-1)
    assert np.abs(out - stage(audio, RATE)).max() < 1e-5


@pytest.mark.parametrize("profile", ["3-1", "1-1"])
def test_passage_that_ends_before_it_begins(profile: str) -> None:
    with pytest.raises(ParameterError, match="ends before it begins"):
        NoiseReduction(engine="mmse", noise_profile=profile)


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ("2.5-9", "ends behind the recording of 3.00 s"),
        ("1-1.01", "is shorter than 0.1 s"),
        (f"0-{'9' * 200}", "must be a passage"),
        ("0.5-", "must be a passage in seconds such as 0.5-1.8 or an audio file"),
        ("nowhere.wav", "nowhere.wav"),
    ],
)
def test_profiles_that_cannot_be_used(profile: str, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        NoiseReduction(engine="mmse", noise_profile=profile)(noise(), RATE)


def test_tuples_that_make_no_sense() -> None:
    with pytest.raises(ParameterError, match="hum_harmonics must be whole numbers, each from 1 to"):
        NoiseReduction(hum_harmonics=(0, 1))
    with pytest.raises(ParameterError, match="must be 48 levels"):
        NoiseReduction(engine="mmse", measured_noise_dbfs=(-60.0,))
    for wrong in (np.inf, np.nan, -401.0):
        with pytest.raises(ParameterError, match="measured_noise_dbfs must be numbers"):
            NoiseReduction(engine="mmse", measured_noise_dbfs=(wrong,) * 48)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 90000))
def test_partitions(seed: int, frames: int) -> None:
    audio, source = probe("voice")[:, :frames], Format(RATE, 2)
    stage = NoiseReduction(hum_hz=50.0, hum_harmonics=(1, 2), highpass_hz=70.0)
    whole = np.concatenate(list(pump(stage.open(source), [audio])), axis=-1)
    parts = np.concatenate([np.zeros((2, 0), np.float32), *pump(stage.open(source), partition(audio, seed))], axis=-1)
    assert np.array_equal(whole, parts)


def test_a_hole_that_a_codec_left_does_not_whistle_on() -> None:
    """Noise that comes back where it was missing is lowered like the noise around it."""
    audio = noise(8)
    spectrum = np.fft.rfft(audio[:, : 3 * RATE])
    hz = np.fft.rfftfreq(3 * RATE, 1 / RATE)
    spectrum[:, (hz > 7200) & (hz < 7500)] *= 1e-3
    audio[:, : 3 * RATE] = np.fft.irfft(spectrum)
    quiet = NoiseReduction(max_attenuation_db=18.0, **NO_HUM)(audio, RATE)[0, 4 * RATE : 5 * RATE]
    power = np.abs(np.fft.rfft(quiet)) ** 2
    hz = np.fft.rfftfreq(quiet.size, 1 / RATE)
    lines = power[(hz >= 6000) & (hz < 9000)].reshape(-1, 25).mean(axis=1)  # 25 Hz each
    assert 10 * np.log10(lines.max() / np.median(lines)) < 9
