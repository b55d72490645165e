"""What holds for every degradation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from takes import ECHOES, RATE, STREET, VOICE, arrays, generator, needs_rooms, voice_at

from aural.degrade import (
    Babble,
    BandLimit,
    Clipping,
    Codec,
    Coloured,
    Degradation,
    GainControl,
    Handling,
    HighPass,
    Hum,
    Level,
    Machine,
    Microphone,
    Noise,
    PacketLoss,
    Pitch,
    Ringing,
    Room,
    Rumble,
    Scene,
    SimulatedRoom,
    Stretch,
    Take,
    Wind,
    codecs,
)
from aural.errors import AudioError, AuralError, ParameterError

SOUNDS = [
    Noise(STREET),
    Babble([VOICE, VOICE[::-1]]),
    Coloured(),
    Hum(),
    Machine(),
    Ringing(per_s=5.0),
    Rumble(),
    Wind(),
    Handling(),
]
LIKE = [Microphone(), HighPass(), BandLimit(3000), GainControl(), Level(-20), Stretch(1.1), Pitch(2)]
HEARD_ONLY = [
    *SOUNDS,
    Clipping(),
    PacketLoss(0.3),
    *(Codec(name, 12_000 + 20_000 * (name != "amr")) for name in codecs()),
]
ROOMS = [Room(ECHOES), SimulatedRoom(decay_s=0.2)]
ALL = [*LIKE, *HEARD_ONLY, *ROOMS]
RANDOM = (*SOUNDS, PacketLoss(0.3), SimulatedRoom(decay_s=0.2))

NEEDS = {SimulatedRoom: needs_rooms}


def over(degradations: Iterable[Degradation]) -> pytest.MarkDecorator:
    """Run a test over degradations, without those whose library is missing."""
    cases = [
        pytest.param(degradation, id=type(degradation).__name__, marks=NEEDS.get(type(degradation), ()))
        for degradation in degradations
    ]
    return pytest.mark.parametrize("degradation", cases)


@over(ALL)
@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000])
def test_length_type_and_input_stay(degradation: Degradation, sample_rate: int) -> None:
    clean = voice_at(sample_rate)
    result = degradation(Take.of(clean, sample_rate), generator())
    assert result.sample_rate == sample_rate
    for audio in arrays(result):
        assert audio.dtype == np.float32
        assert audio.shape == clean.shape
        assert np.isfinite(audio).all()
    assert not np.array_equal(result.noisy, clean)


@over(ALL)
def test_the_seed_decides(degradation: Degradation) -> None:
    take = Take.of(voice_at(16000), 16000)
    first, again, other = (degradation(take, generator(seed)).noisy for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) != (degradation in RANDOM)


@over(ALL)
@pytest.mark.parametrize("frames", [1, 2, 17, 700])
def test_short_takes_and_silence(degradation: Degradation, frames: int) -> None:
    for clean in (np.zeros(frames, np.float32), voice_at(16000, frames), np.full(frames, 1e-42, np.float32)):
        for audio in arrays(degradation(Take.of(clean, 16000), generator())):
            assert audio.shape == (frames,)
            assert audio.dtype == np.float32
            assert np.isfinite(audio).all()


@over(HEARD_ONLY)
def test_what_is_not_linear_harms_what_is_heard_alone(degradation: Degradation) -> None:
    take = Take.of(voice_at(16000), 16000)
    result = degradation(take, generator())
    assert result.voice is take.voice
    assert result.dry is take.dry


@over(LIKE)
def test_devices_change_all_three_alike(degradation: Degradation) -> None:
    noisy = Noise(STREET)(Take.of(voice_at(16000), 16000), generator())
    halves = replace(noisy, voice=np.float32(0.5) * noisy.noisy, dry=np.float32(0.25) * noisy.noisy)
    loud, voice, dry = arrays(degradation(halves, generator()))
    np.testing.assert_allclose(voice, loud / 2, atol=2e-6)
    np.testing.assert_allclose(dry, loud / 4, atol=2e-6)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(AuralError, match=r'pyroomacoustics: pip install "aural\[train\]"'):
        SimulatedRoom()(Take.of(VOICE, RATE), generator())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Clipping(level_db=3.0), "Clipping: level_db must be from -60 to 0 dB, got 3.0"),
        (lambda: Noise(STREET, snr_db=float("nan")), "Noise: snr_db must be"),
        (lambda: Codec("wma"), "Codec: name must be one of aac, amr, mp3, opus, got 'wma'"),
        (lambda: Codec("amr", 64_000), "amr takes a bit_rate from 4750 to 12200"),
        (lambda: Scene(room=1.5), "Scene: room must be from 0 to 1"),
        (lambda: Scene(snr_low_db=10, snr_high_db=0), "snr_low_db must be at most snr_high_db"),
        (lambda: Scene(codecs=("aac", "wma")), "codecs must be among aac, amr, mp3, opus, got wma"),
        (lambda: Noise(np.zeros(0, np.float32)), "at least one frame"),
        (lambda: Noise(STREET.astype(np.float64)), "must be float32"),
        (lambda: Take.of(np.array([0.0, np.nan], np.float32), RATE), "holds NaN or infinity"),
        (lambda: Room(np.zeros((2, 99), np.float32)), r"shape \(frames,\)"),
        (lambda: Room(np.zeros(99, np.float32)), "silent"),
        (lambda: Babble([]), "at least one voice"),
        (lambda: Take.of([0.0], RATE), "got list"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_gets_one_clear_sentence(make: Callable[[], object], words: str) -> None:
    with pytest.raises((ParameterError, AudioError), match=words):
        make()
