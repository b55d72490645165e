"""The default engine raises the three scores on real voices in real noise."""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from aural.degrade import SimulatedRoom, Take, degrade
from aural.learning.metrics.distortion import si_sdr
from aural.signals import Block
from aural.stages.noise_reduction.stage import NoiseReduction

pytestmark = pytest.mark.corpus
CORPUS = Path(os.environ.get("AURAL_CORPUS", Path(__file__).parents[3].parent / "shared" / "audio"))
RATE = 48000
# PESQ, ESTOI, SI-SDR dB; two of the voices have noise of their own, which the network takes away too
LEAST = {"compact": (0.15, 0.005, -0.5), "mmse": (0.05, 0.005, 1.5)}
VOICES = ("rhasspy_kathleen", "rhasspy_flemishguy", "asp_audio")
PLACES = ("street", "rain_weather", "transport", "wind")


@cache
def read(kind: str, column: str, value: str, seconds: float) -> Block:
    """Join the first files of this set or category until they last so long; one channel at 48 kHz, RMS 0.05."""
    soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")
    manifest = CORPUS / kind / "MANIFEST.csv"
    if not manifest.exists():
        pytest.skip(f"no recordings in {CORPUS}")
    with manifest.open() as file:
        rows = [row for row in csv.DictReader(file) if row[column] == value and float(row["seconds"]) > 2]
    pieces: list[Block] = []
    while sum(len(piece) for piece in pieces) < seconds * RATE:
        audio, rate = soundfile.read(CORPUS / kind / rows[len(pieces)]["path"], dtype="float32", always_2d=True)
        pieces.append(soxr.resample(audio[:, 0], rate, RATE))
    joined = np.concatenate(pieces)[: round(seconds * RATE)]
    audio = (joined * (0.05 / np.sqrt(np.mean(joined**2)))).astype(np.float32)
    audio.setflags(write=False)
    return audio


def scores(clean: Block, noisy: Block) -> list[float]:
    """Return PESQ, ESTOI and SI-SDR."""
    import soxr

    pesq, stoi = pytest.importorskip("pesq").pesq, pytest.importorskip("pystoi").stoi
    narrow = [soxr.resample(audio, RATE, 16000) for audio in (clean, noisy)]
    return [pesq(16000, *narrow, "wb"), stoi(*narrow, 16000, extended=True), si_sdr(clean, noisy, RATE)]


@cache
def noisy(voice: str, place: str, snr_db: float) -> tuple[Block, list[float]]:
    """Return a voice in noise, and its scores."""
    clean = read("speech", "set", voice, 6)
    mixed = clean + read("noise", "category", place, 6) * np.float32(10 ** (-snr_db / 20))
    return mixed, scores(clean, mixed)


@pytest.mark.parametrize("engine", LEAST)
@pytest.mark.parametrize("snr_db", [0, 5, 10, 15])
def test_scores_rise(engine: str, snr_db: float) -> None:
    gains = []
    for voice in VOICES:
        clean = read("speech", "set", voice, 6)
        for place in PLACES:
            mixed, before = noisy(voice, place, snr_db)
            gains.append(np.subtract(scores(clean, NoiseReduction(engine=engine)(mixed, RATE)), before))
    assert (np.mean(gains, axis=0) > LEAST[engine]).all()


@pytest.mark.parametrize("engine", ["compact", "unet", "mmse"])
@pytest.mark.parametrize("place", [None, "street"])
def test_the_voice_keeps_its_level(engine: str, place: str | None) -> None:
    for voice in VOICES:
        clean = read("speech", "set", voice, 6)
        noise = read("noise", "category", place, 6) * np.float32(10 ** (-15 / 20)) if place else np.float32(0)
        plain = {"studio": 0.0} if engine == "unet" else {}
        noisy = NoiseReduction(engine=engine, **plain)(clean + noise, RATE)
        assert abs(20 * np.log10(np.dot(noisy, clean) / np.dot(clean, clean))) < 0.5


def test_clean_speech_comes_out_nearly_unchanged() -> None:
    for voice in VOICES:
        clean = read("speech", "set", voice, 6)
        pesq, estoi, si_sdr = scores(clean, NoiseReduction()(clean, RATE))
        assert pesq > 4.0
        assert estoi > 0.95
        assert si_sdr > 20


@pytest.mark.parametrize("voice", VOICES)
def test_slow_bursts_go_where_there_is_noise_and_are_plosives_where_there_is_none(voice: str) -> None:
    clean = read("speech", "set", voice, 6)
    seconds, rms = np.arange(len(clean)) / RATE, clean.std()
    bursts = rms * np.sin(50 * np.pi * seconds) * np.maximum(0, np.sin(np.pi * seconds)) ** 8
    noise = 0.1 * rms * np.random.default_rng(0).standard_normal(len(clean))
    deep = butter(4, 50, fs=RATE, output="sos")
    alone, beside = (
        10 * np.log10(np.mean(sosfiltfilt(deep, NoiseReduction(hum_hz=0.0)(audio.astype(np.float32), RATE)) ** 2))
        - 10 * np.log10(np.mean(bursts**2))
        for audio in (clean + bursts, clean + bursts + noise)
    )
    assert alone == pytest.approx(0, abs=2)
    assert beside < -10


@pytest.mark.parametrize("voice", VOICES)
def test_steady_rumble_goes_where_there_is_no_other_noise(voice: str) -> None:
    clean = read("speech", "set", voice, 6)
    deep = butter(4, 40, fs=RATE, output="sos")
    rumble = sosfiltfilt(deep, np.random.default_rng(1).standard_normal(len(clean)))
    rumble *= 0.5 * clean.std() / rumble.std()
    left = NoiseReduction(hum_hz=0.0)((clean + rumble).astype(np.float32), RATE)
    assert 20 * np.log10(sosfiltfilt(deep, left).std() / rumble.std()) < -8
    assert scores(clean, left)[1] > 0.98


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(("dereverb", "least"), [(0.5, (0.2, 0.05, 1.0)), (1.0, (0.6, 0.05, -2.0))])
def test_less_of_a_room_raises_the_scores(voice: str, dereverb: float, least: tuple[float, ...]) -> None:
    room = SimulatedRoom(5.0, 4.0, 2.7, decay_s=0.6, distance_m=1.0)
    take = degrade(Take.of(read("speech", "set", voice, 6), RATE), [room], np.random.default_rng(0))
    before, after = (
        scores(take.dry, take.noisy),
        scores(take.dry, NoiseReduction(dereverb=dereverb)(take.noisy, RATE)),
    )
    assert np.all(np.subtract(after, before) > least)
