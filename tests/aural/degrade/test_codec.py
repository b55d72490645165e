"""Codecs stay in time; packets are lost as often as asked."""

from __future__ import annotations

import numpy as np
import pytest
from takes import RATE, VOICE, generator, lag, voice_at

from aural.degrade import Codec, PacketLoss, Take, VariableCodec, codecs
from aural.errors import AuralError


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize(
    ("name", "bit_rate"),
    [
        ("aac", 24_000),
        ("aac", 96_000),
        ("amr", 4_750),
        ("amr", 12_200),
        ("mp3", 32_000),
        ("opus", 12_000),
        ("opus", 32_000),
    ],
)
def test_codecs_stay_in_time(name: str, bit_rate: int, sample_rate: int) -> None:
    if name not in codecs():
        pytest.skip(f"this PyAV cannot write {name}")
    clean = voice_at(sample_rate)
    noisy = Codec(name, bit_rate)(Take.of(clean, sample_rate), generator()).noisy
    assert abs(lag(noisy, clean)) <= (name == "amr")  # coded at 8 kHz: its frames are longer
    if name != "amr":
        assert np.corrcoef(noisy, clean)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("name", "bit_rate", "coded_at"),
    [("mp3", 16_000, 24_000), ("mp3", 128_000, None), ("aac", 48_000, 32_000), ("opus", 24_000, None)],
)
def test_two_channels_are_coded_jointly_and_stay_in_time(name: str, bit_rate: int, coded_at: int | None) -> None:
    clean = np.stack([VOICE, -0.5 * np.roll(VOICE, 4000)])
    coded = Codec(name, bit_rate, coded_at).there_and_back(clean, RATE)
    assert coded.shape == clean.shape
    for before, after in zip(clean, coded, strict=True):
        assert abs(lag(after, before)) <= 1
        assert np.corrcoef(after, before)[0, 1] > 0.8


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000])
@pytest.mark.parametrize("name", ["vorbis", "mp3"])
def test_variable_bit_rates_stay_in_time(name: str, sample_rate: int) -> None:
    clean = np.stack([voice_at(sample_rate), np.roll(voice_at(sample_rate), sample_rate // 10)])
    for channels in (1, 2):
        coded = VariableCodec(name, 0.2).there_and_back(clean[:channels], sample_rate)
        assert coded.shape == clean[:channels].shape
        assert lag(coded[0], clean[0]) == 0
        assert 0.9 < np.corrcoef(coded[0], clean[0])[0, 1] < 0.99999
    noisy = VariableCodec(name, 0.2)(Take.of(clean[0], sample_rate), generator()).noisy
    assert noisy.shape == clean[0].shape


@pytest.mark.parametrize("name", ["vorbis", "mp3"])
def test_a_lower_quality_is_worse(name: str) -> None:
    low, high = (VariableCodec(name, q)(Take.of(VOICE, RATE), generator()).noisy - VOICE for q in (0.1, 1.0))
    assert np.std(low) > 2 * np.std(high)


def test_fewer_bits_are_worse() -> None:
    def error(bit_rate: int) -> float:
        return float(np.std(Codec("aac", bit_rate)(Take.of(VOICE, RATE), generator()).noisy - VOICE))

    assert error(24_000) > 1.5 * error(96_000)


def test_a_codec_that_is_missing_is_named_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aural.degrade.codec.codecs", lambda: ("aac", "opus"))
    with pytest.raises(AuralError, match="cannot write amr; it can write aac, opus"):
        Codec("amr", 12_200)(Take.of(VOICE, RATE), generator())


@pytest.mark.parametrize("loss", [0.05, 0.3])
def test_packets_are_lost_in_bursts(loss: float) -> None:
    rng, packets = generator(), 50_000
    lost = PacketLoss(loss, burst=3.0).lost(packets, rng)
    assert lost.mean() == pytest.approx(loss, rel=0.1)
    assert lost.sum() / np.count_nonzero(np.diff(lost.astype(int)) == 1) == pytest.approx(3, rel=0.1)


def test_lost_packets_are_bridged_without_clicks() -> None:
    tone = np.sin(2 * np.pi * 160.0 * np.arange(10 * RATE) / RATE).astype(np.float32)
    noisy = PacketLoss(0.2)(Take.of(tone, RATE), generator()).noisy
    assert np.abs(np.diff(noisy)).max() < 4 * np.abs(np.diff(tone)).max()
    assert np.mean(noisy != tone) == pytest.approx(0.2, abs=0.06)
    assert np.array_equal(PacketLoss(0.0)(Take.of(tone, RATE), generator()).noisy, tone)
