"""What the classical engines do to sound, and the sums that hold the stems together."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aural import Block
from aural.dsp.frames import frame_sizes
from aural.stages.source_separation.engines import center
from aural.stages.source_separation.stage import SourceSeparation
from aural.stages.source_separation.stream import complete

RATE = 44100


def sdr(estimate: Block, truth: Block) -> float:
    """Return the ratio of signal to distortion, in dB."""
    return float(10 * np.log10(np.sum(truth**2.0) / np.sum((estimate - truth) ** 2.0)))


def tones(seconds: float = 4.0) -> Block:
    time = np.arange(int(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (220, 277.2, 329.6, 880))
    return np.atleast_2d(0.05 * chord).astype(np.float32)


def clicks(seconds: float = 4.0) -> Block:
    strokes = np.zeros((1, int(seconds * RATE)), np.float32)
    strokes[:, 5000::11025] = 0.9
    strokes[:, 5001::11025] = -0.6
    return strokes


def noise(seed: int, seconds: float = 4.0) -> Block:
    return (0.1 * np.random.default_rng(seed).standard_normal((1, int(seconds * RATE)))).astype(np.float32)


def voice(seconds: float = 4.0) -> Block:
    """Make a gliding harmonic tone in syllables."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(220 + 40 * np.sin(2 * np.pi * 0.5 * time)) / RATE
    tone = np.sum([np.sin(k * phase) / k for k in range(1, 30)], axis=0)
    audio: Block = (0.15 * tone * np.clip(np.sin(2 * np.pi * 2 * time), 0, 1))[None].astype(np.float32)
    return audio


def test_hpss_parts_tones_from_clicks() -> None:
    stems = SourceSeparation(engine="hpss")(tones() + clicks(), RATE)
    before = sdr(tones() + clicks(), tones()), sdr(tones() + clicks(), clicks())
    assert sdr(stems["harmonic"], tones()) > max(10, before[0] + 10)
    assert sdr(stems["percussive"], clicks()) > max(10, before[1] + 10)


@pytest.mark.parametrize("frames", [5000, 450_003])
def test_hpss_in_segments_is_librosa_on_the_whole(frames: int) -> None:
    import librosa

    audio = (np.tile(tones() + clicks(), 3) + noise(0, 12.0))[:, :frames]
    window, hop = frame_sizes(RATE, window_ms=93, overlap=4)
    spectra = librosa.stft(audio, n_fft=window, hop_length=hop)
    wanted = librosa.istft(librosa.decompose.hpss(spectra)[0], n_fft=window, hop_length=hop, length=frames)
    np.testing.assert_allclose(SourceSeparation(engine="hpss")(audio, RATE)["harmonic"], wanted, atol=1e-5)


def test_center_pulls_the_middle_out_of_a_wide_mixture() -> None:
    middle = np.repeat(voice(), 2, axis=0)
    wide = np.concatenate([noise(1) + tones(), noise(2) + 0.1 * tones()])
    stems = SourceSeparation(engine="center")(middle + wide, RATE)
    before, mid_side = (
        sdr(middle + wide, middle),
        np.repeat((middle + wide).mean(axis=0, keepdims=True), 2, axis=0),
    )
    assert sdr(stems["center"], middle) > before + 4
    assert sdr(stems["center"], middle) > sdr(mid_side, middle) + 1
    assert sdr(stems["sides"], wide) > sdr(middle + wide, wide) + 4


def test_center_leaves_a_hard_panned_and_an_inverted_tone_to_the_sides() -> None:
    for right in (0.0, -1.0):
        audio = np.concatenate([tones(), np.float32(right) * tones()])
        assert not SourceSeparation(engine="center")(audio, RATE)["center"].any()


def test_the_sides_of_a_middle_stand_at_right_angles() -> None:
    rng = np.random.default_rng(0)
    spectra = (rng.standard_normal((2, 50, 40)) + 1j * rng.standard_normal((2, 50, 40))).astype(np.complex64)
    middle = center.middle(spectra)
    left, right = spectra - middle
    found = np.abs(middle[0]) > 0
    assert 0.3 < found.mean() < 0.7  # in the other bins the channels oppose each other
    assert np.abs((left * right.conj()).real[found]).max() < 1e-5
    assert np.all((spectra[0] * spectra[1].conj()).real[~found] <= 0)
    assert np.array_equal(center.middle(np.ones((2, 1, 1), np.complex64)), np.ones((1, 1, 1)))


def test_low_hz_is_where_half_of_the_middle_stays_with_the_sides() -> None:
    gains = center.high_pass(np.array([0.0, 75.0, 150.0, 300.0]), 150.0)
    np.testing.assert_allclose(20 * np.log10(gains[1:]), [-48.2, -6.02, -0.03], atol=0.05)
    assert gains[0] < 1e-30
    assert center.high_pass(np.array([0.0, 1.0]), 0.0).tolist() == [1, 1]


def grid(limit: float) -> st.SearchStrategy[float]:
    steps = int(limit * 2**23)
    return st.integers(-steps, steps).map(lambda n: n / 2**23)


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(np.float32, (3, 1, 5), elements=st.floats(-8, 8, width=32)),
    arrays.arrays(np.float32, (1, 5), elements=grid(1)),
    st.integers(0, 3),
    st.permutations(range(4)),
)
def test_the_sum_is_the_mixture_in_any_order(estimates: Block, mixture: Block, rest: int, order: list[int]) -> None:
    stems = complete(estimates, mixture, rest)
    total = np.zeros_like(mixture)
    for stem in order:
        total = total + stems[stem]
    assert np.array_equal(total, mixture)
    kept = stems[order[0]]
    assert np.array_equal(kept + (mixture - kept), mixture)


def test_stems_of_usual_size_are_only_rounded() -> None:
    rng = np.random.default_rng(0)
    estimates = (0.3 * rng.uniform(-1, 1, (3, 2, 200_000))).astype(np.float32)
    mixture = rng.uniform(-1, 1, (2, 200_000)).astype(np.float32)
    stems = complete(estimates, mixture, rest=1)
    assert np.abs(stems[[0, 2, 3]] - estimates).max() <= 2.0**-24
    assert np.abs(stems.sum(axis=0) - mixture).max() <= 2.0**-23


def test_a_mixture_of_32_bits_or_beyond_full_scale_is_met_within_a_rounding() -> None:
    rng = np.random.default_rng(0)
    for size in (1e-4, 1.0, 8.0):
        mixture = (size * rng.uniform(-1, 1, (2, 50_000))).astype(np.float32)
        estimates = (0.5 * size * rng.uniform(-1, 1, (3, 2, 50_000))).astype(np.float32)
        error = np.abs(complete(estimates, mixture, 3).sum(axis=0) - mixture).max()
        assert error <= 2.0**-22 * max(1, size)


@pytest.mark.corpus
def test_center_raises_the_voice_of_a_real_song() -> None:
    import soundfile

    root = Path(__file__).parents[3].parent / "shared/audio"
    song = Path(os.environ.get("AURAL_CORPUS", root)) / "stems/everythingisfree/4.Potassium_e2"
    if not song.exists():
        pytest.skip(f"no {song}")
    stems = {f.stem: soundfile.read(f, 480_000, dtype="float32", always_2d=True)[0].T for f in song.glob("*.opus")}
    mixture = sum(stems.values())
    result = SourceSeparation(engine="center")(mixture, 48000)
    assert sdr(result["center"], stems["vocals"]) > sdr(mixture, stems["vocals"]) + 2
