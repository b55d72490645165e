"""What is drawn together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from takes import ECHOES, RATE, STREET, VOICE, arrays, generator, voice_at

import aural.degrade
from aural.degrade import (
    Additive,
    BandLimit,
    Codec,
    Degradation,
    Level,
    Noise,
    Room,
    Scene,
    SimulatedRoom,
    Stock,
    Take,
    VariableCodec,
    Wind,
    active_db,
    degrade,
)
from aural.errors import AudioError
from aural.parameters import parameters

STOCK = Stock(noises=[STREET, VOICE], responses=[ECHOES], voices=[VOICE])


def every(share: float) -> Scene:
    """Return a scene in which each degradation befalls this share of recordings."""
    shares: dict[str, Any] = {p.name: share for p in parameters(Scene) if p.spec.help.startswith("Fraction")}
    return Scene(**shares)


NEVER, ALWAYS = every(0.0), every(1.0)


def test_a_scene_of_nothing_is_a_level() -> None:
    assert [type(degradation) for degradation in NEVER.draw(generator(), Stock())] == [Level]


def test_a_scene_of_everything_has_everything() -> None:
    kinds = {type(degradation) for degradation in ALWAYS.draw(generator(), STOCK)}
    concrete = {
        kind for kind in vars(aural.degrade).values() if isinstance(kind, type) and issubclass(kind, Degradation)
    }
    assert kinds == concrete - {Degradation, Additive, SimulatedRoom, VariableCodec}  # the last is for evaluations
    simulated = replace(NEVER, simulated_room=1.0).draw(generator(), STOCK)
    assert type(simulated[0]) is SimulatedRoom


def test_what_is_drawn_of_one_kind_does_not_depend_on_the_others() -> None:
    """So that a new degradation does not change what old seeds draw."""
    for seed in range(5):
        everything = {type(degradation): degradation for degradation in ALWAYS.draw(generator(seed), STOCK)}
        alone = {type(h): h for h in replace(NEVER, band_limit=1.0, codec=1.0, wind=1.0).draw(generator(seed), STOCK)}
        assert everything[BandLimit] == alone[BandLimit]
        assert everything[Codec] == alone[Codec]
        assert everything[Level] == alone[Level]
        take = Take.of(VOICE, RATE)
        sounds = [degrade(take, [one, Wind()], generator(seed)).noisy - degrade(take, [one], generator(seed)).noisy
                  for one in (Level(-20.0), Noise(STREET, snr_db=100.0))]  # fmt: skip
        one, other = (sound / np.abs(sound).max() for sound in sounds)
        np.testing.assert_allclose(one, other, atol=1e-2)


def test_shares_are_kept() -> None:
    rng = generator()
    drawn = [Scene(band_limit=0.4, band_limits_hz=(7900.0,), room=0.15).draw(rng, STOCK) for _ in range(2000)]
    for kind, share in ((BandLimit, 0.4), (Room, 0.15), (Noise, 0.85)):
        assert np.mean(
            [any(isinstance(degradation, kind) for degradation in degradations) for degradations in drawn]
        ) == pytest.approx(share, abs=0.04)
    assert {
        degradation.cutoff_hz
        for degradations in drawn
        for degradation in degradations
        if isinstance(degradation, BandLimit)
    } == {7900.0}
    levels = [
        degradation.peak_dbfs
        for degradations in drawn
        for degradation in degradations
        if isinstance(degradation, Level)
    ]
    assert -60 <= min(levels) < -55
    assert -5 < max(levels) <= 0


def test_all_noises_together_make_the_ratio() -> None:
    scene = replace(NEVER, recording=1.0, most_recordings=3, coloured=1.0, hum=1.0, snr_low_db=-5.0, snr_high_db=30.0)
    rng, ratios, counts = generator(), [], set()
    for _ in range(30):
        sounds = [
            degradation for degradation in scene.draw(rng, Stock([STREET])) if isinstance(degradation, Additive)
        ]
        counts.add(sum(isinstance(sound, Noise) for sound in sounds))
        take = degrade(Take.of(VOICE, RATE), sounds, rng)
        ratios.append(active_db(VOICE, RATE) - active_db(take.noisy - VOICE, RATE))
        shares = [10 ** (-sound.snr_db / 10) for sound in sounds]
        assert ratios[-1] == pytest.approx(-10 * np.log10(sum(shares)), abs=0.5)
    assert counts == {1, 2, 3}
    assert -6 < min(ratios) < 5
    assert 20 < max(ratios) < 31


def test_a_scene_needs_what_it_draws() -> None:
    with pytest.raises(AudioError, match="no noises to draw from"):
        replace(NEVER, recording=1.0).draw(generator(), Stock())


@given(seed=st.integers(0, 2**32), sample_rate=st.sampled_from([8000, 16000, 44100, 48000]))
@settings(max_examples=12, deadline=None)
def test_a_scene_is_a_function_of_its_seed(seed: int, sample_rate: int) -> None:
    clean = voice_at(sample_rate, sample_rate)

    def record() -> Take:
        rng = generator(seed)
        return degrade(Take.of(clean, sample_rate), Scene(codec=0.5, packet_loss=0.5).draw(rng, STOCK), rng)

    first, again = record(), record()
    for audio, same in zip(arrays(first), arrays(again), strict=True):
        np.testing.assert_array_equal(audio, same)
        assert audio.shape == clean.shape
        assert np.isfinite(audio).all()
    assert np.abs(first.noisy).max() < 2
