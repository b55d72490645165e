"""The bandwidth meter: it finds cliffs where they are, and none where there are none."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from scipy.signal import butter, firwin, lfilter, oaconvolve, sosfilt

from aural import Block, Format
from aural.measure.bandwidth.meter import Bandwidth, BandwidthMeter
from aural.testing import partition, probe

CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parents[3] / "shared" / "audio"))


def bandwidth(audio: Block, sample_rate: int = 48000) -> Bandwidth:
    meter = BandwidthMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    return meter.compute()


def low_passed(audio: Block, cutoff_hz: float, sample_rate: int = 48000) -> Block:
    kernel = firwin(1001, cutoff_hz, fs=sample_rate)
    return oaconvolve(audio, kernel[None], mode="same", axes=-1).astype(np.float32)


def pink(seconds: float = 5.0, sample_rate: int = 48000, decline: float = 0.9) -> Block:
    white = np.random.default_rng(3).standard_normal((1, int(seconds * sample_rate)))
    return (0.02 * lfilter([1], [1, -decline], white)).astype(np.float32)


@pytest.mark.parametrize("cutoff_hz", [2500, 3400, 5500, 8000, 11025, 16000, 19000])
@pytest.mark.parametrize("floor_db", [None, -96, -80])
def test_finds_a_filter(cutoff_hz: float, floor_db: float | None) -> None:
    audio = low_passed(pink(), cutoff_hz)
    if floor_db is not None:
        noise = np.random.default_rng(1).standard_normal(audio.shape)
        audio = (audio + 10 ** (floor_db / 20) * noise).astype(np.float32)
    found = bandwidth(audio)
    assert found.cut
    assert found.cutoff_hz == pytest.approx(cutoff_hz, abs=120)


@pytest.mark.parametrize("sample_rate", [24000, 48000])
@pytest.mark.parametrize("cutoff_hz", [3400, 8000, 11025])
def test_a_codecs_low_pass_leaves_nothing_above(cutoff_hz: float, sample_rate: int) -> None:
    found = bandwidth(low_passed(pink(sample_rate=sample_rate), cutoff_hz, sample_rate), sample_rate)
    assert found.lowpass_hz == pytest.approx(cutoff_hz, abs=120)


@pytest.mark.parametrize("gain", [1.0, 1e-3])
@pytest.mark.parametrize("order", [2, 6])
def test_what_a_gentle_filter_leaves_is_not_empty(order: int, gain: float) -> None:
    audio = sosfilt(butter(order, 8000, fs=48000, output="sos"), pink()) * gain
    assert bandwidth(audio.astype(np.float32)).lowpass_hz is None
    assert bandwidth(np.float32(gain) * pink()).lowpass_hz is None


def test_a_low_pass_below_the_images_of_a_resampler_is_found() -> None:
    """FFmpeg's leaves some above half of the old sample rate: a codec's low-pass does not lie there."""
    audio = low_passed(pink(sample_rate=24000), 10900, 24000)
    frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout="mono")
    frame.sample_rate = 24000
    (raised,) = av.AudioResampler("fltp", "mono", 44100).resample(frame)
    found = bandwidth(raised.to_ndarray(), 44100)
    assert found.lowpass_hz == pytest.approx(10900, abs=120)
    assert found.emptied


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000])
def test_finds_a_resampler(rate: int) -> None:
    low = soxr.resample(pink()[0], 48000, rate)
    found = bandwidth(soxr.resample(low, rate, 48000)[None])
    assert found.cut
    assert 0.9 * rate / 2 < found.cutoff_hz < 0.98 * rate / 2


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
def test_full_band_is_not_cut_at_any_rate(sample_rate: int) -> None:
    found = bandwidth(pink(sample_rate=sample_rate), sample_rate)
    assert (found.cutoff_hz, found.cut) == (sample_rate / 2, False)


@pytest.mark.parametrize(("taps", "fall_db"), [(257, 15), (1025, 15), (1025, 30)])
def test_what_declines_towards_a_cliff_is_not_part_of_it(taps: int, fall_db: float) -> None:
    spectrum = np.fft.rfft(pink(decline=0.5))
    hz = np.linspace(0, 24000, spectrum.shape[1])
    declined = np.fft.irfft(spectrum * 10 ** (-fall_db / 20 * np.clip((hz - 5000) / 2000, 0, None)))
    audio = oaconvolve(declined, firwin(taps, 7000, fs=48000)[None], mode="same", axes=-1)
    assert bandwidth(audio.astype(np.float32)).cutoff_hz == pytest.approx(7000, rel=0.03)


@pytest.mark.parametrize("decline", [0.5, 0.95, 0.999])
def test_a_natural_decline_is_no_cut(decline: float) -> None:
    assert not bandwidth(pink(decline=decline)).cut


def test_a_dull_voice_is_not_cut_without_a_cliff() -> None:
    dull = pink()
    for _ in range(2):  # 48 dB per octave above 3 kHz
        dull = lfilter([0.03], [1, -0.97], dull).astype(np.float32)
    assert not bandwidth(dull).cut


def test_a_pure_tone_is_not_cut() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 3000 * np.arange(96000) / 48000)
    assert not bandwidth(tone[None].astype(np.float32)).cut


def test_a_whistle_or_a_click_above_the_cut_off_does_not_hide_it() -> None:
    audio = low_passed(pink(20), 7000)
    audio += 0.001 * np.sin(2 * np.pi * 15625 * np.arange(audio.shape[1]) / 48000).astype(np.float32)
    audio[:, 300000] = 0.9
    assert bandwidth(audio).cutoff_hz == pytest.approx(7000, abs=150)


def test_mostly_silent_and_quiet_recordings() -> None:
    audio = np.zeros((1, 48000 * 20), np.float32)
    audio[:, 400000:430000] = 1e-3 * low_passed(pink(), 8000)[:, :30000]
    assert bandwidth(audio).cutoff_hz == pytest.approx(8000, abs=150)


@pytest.mark.parametrize("frames", [0, 1, 4095, 48000])
def test_silence_is_full_band(frames: int) -> None:
    assert bandwidth(np.zeros((2, frames), np.float32)) == Bandwidth(24000.0, 0.0, False)


def test_blocks_do_not_matter() -> None:
    meter = BandwidthMeter(Format(48000, 2))
    for block in partition(probe("dull"), 0):
        meter.update(block)
    found, whole = meter.compute(), bandwidth(probe("dull"))
    assert found.cutoff_hz == whole.cutoff_hz
    assert found.steepness_db == pytest.approx(whole.steepness_db)


def test_level_does_not_matter() -> None:
    assert bandwidth(probe("dull") * np.float32(1e-3)).cutoff_hz == bandwidth(probe("dull")).cutoff_hz


@pytest.mark.corpus
def test_recordings_of_22_kHz_and_of_full_band() -> None:  # noqa: N802
    if not CORPUS.exists():
        pytest.skip(f"no recordings in {CORPUS}")
    with open(CORPUS / "speech" / "MANIFEST.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, cutoff_hz in (("audio_cmn_hsk_22k", 10000), ("rhasspy_kathleen", 20000)):
        for row in [row for row in rows if row["set"] == name][:5]:
            audio, rate = soundfile.read(CORPUS / "speech" / row["path"], dtype="float32", always_2d=True)
            found = bandwidth(audio.T, rate)
            assert found.cut
            assert found.cutoff_hz == pytest.approx(cutoff_hz, abs=300), row["path"]


def spoken(seconds: float = 12.0) -> Block:
    """Return pink noise in bursts, as a voice has syllables and pauses."""
    audio = pink(seconds)
    return audio * (np.arange(audio.shape[1]) // 24000 % 3 > 0)


@pytest.mark.parametrize("cutoff_hz", [3400, 5000])
@pytest.mark.parametrize("below_db", [20, 40])
def test_hiss_above_a_dull_voice_does_not_hide_its_end(cutoff_hz: float, below_db: float) -> None:
    voice = low_passed(spoken(), cutoff_hz)
    hiss = np.random.default_rng(5).standard_normal(voice.shape) * np.std(voice) * 10 ** (-below_db / 20)
    assert bandwidth((voice + hiss).astype(np.float32)).cutoff_hz == pytest.approx(cutoff_hz, rel=0.05)
    assert not bandwidth((spoken() + hiss).astype(np.float32)).cut


def test_where_the_background_ends_just_above_the_voice_that_is_the_end() -> None:
    voice = low_passed(spoken(), 7100)
    hiss = 10 ** (-15 / 20) * np.std(voice) * np.random.default_rng(5).standard_normal(voice.shape)
    whole = low_passed((voice + hiss).astype(np.float32), 8000)
    assert bandwidth(whole).cutoff_hz == pytest.approx(8000, rel=0.02)


@pytest.mark.parametrize(("left_db", "cut"), [(-18, False), (-30, True)])
def test_where_the_sound_goes_on_there_is_no_end(left_db: float, cut: bool) -> None:
    """Formants can end as steeply as a telephone does, but the sound above them goes on."""
    swelling = pink(decline=0.5) * np.abs(np.sin(3 * np.arange(5 * 48000) / 48000)) ** 3
    below = low_passed(swelling, 3400)
    hiss = 2e-6 * np.random.default_rng(1).standard_normal(below.shape)
    audio = below + 10 ** (left_db / 20) * (swelling - below) + hiss
    assert bandwidth(audio.astype(np.float32)).cut == cut


def test_a_decline_into_the_background_is_no_end() -> None:
    sound = spoken()
    share = np.fft.rfftfreq(sound.shape[1], 1 / 48000) / 1500
    dull = np.fft.irfft(np.fft.rfft(sound) / np.sqrt(1 + share**10), sound.shape[1])
    hiss = 10 ** (-40 / 20) * np.std(dull) * np.random.default_rng(5).standard_normal(dull.shape)
    assert not bandwidth((dull + hiss).astype(np.float32)).cut


@pytest.mark.parametrize("rate", [8000, 12000, 16000])
@pytest.mark.parametrize("level_db", [0, -60])
def test_images_of_linear_interpolation_end_at_half_the_old_rate(rate: int, level_db: float) -> None:
    low = soxr.resample(pink()[0], 48000, rate)
    audio = np.interp(np.arange(4 * 48000) * rate / 48000, np.arange(low.size), low)[None] * 10 ** (level_db / 20)
    found = bandwidth(audio.astype(np.float32))
    assert found.cut
    assert found.cutoff_hz == pytest.approx(rate / 2, rel=0.01)
    assert not found.declines, "what is above is an image"


@pytest.mark.parametrize("tone_hz", [110.0, 196.0, 440.0])
def test_a_steady_tone_is_no_image_of_itself(tone_hz: float) -> None:
    partials = np.arange(1, 20000 / tone_hz)  # they decline as images of linear interpolation do
    time = np.arange(4 * 48000) / 48000
    tone = sum(np.sin(2 * np.pi * n * tone_hz * time + n * n) / n**2 for n in partials)
    assert bandwidth((0.3 * tone + 1e-6 * pink()[0, : time.size])[None].astype(np.float32)).cutoff_hz > 18000


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("zeros", [6, 16])
def test_the_slope_of_a_short_kernel_is_not_part_of_the_band(rate: int, zeros: int) -> None:
    reach = zeros * 48000 // rate
    frames = np.arange(-reach, reach + 1)
    kernel = np.sinc(rate / 48000 * frames) * np.cos(np.pi * frames / (2 * reach)) ** 2
    audio = oaconvolve(pink(), kernel[None] / kernel.sum(), mode="same", axes=-1)
    assert bandwidth(audio.astype(np.float32)).cutoff_hz == pytest.approx(rate / 2, rel=0.1)


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_a_gentle_resampler_is_not_read_too_high(rate: int) -> None:
    low = soxr.resample(pink()[0], 48000, rate, quality="LQ")
    assert bandwidth(soxr.resample(low, rate, 48000, quality="LQ")[None]).cutoff_hz < 1.02 * rate / 2
