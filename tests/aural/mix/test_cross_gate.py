"""A cross-gate opens the microphone of who speaks, and lowers those that only hear it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from recordings import invoke, voice, write

from aural import Block
from aural.errors import ChainError, ParameterError
from aural.mix.mixfile import read_mix
from aural.mix.mixing import Mix, Track
from aural.signals import Format
from aural.testing import partition

RATE, SECONDS = 48000, 6
BLEED = 0.2  # 14 dB less


def alone(seed: int, *spoken: tuple[float, float]) -> Block:
    """Speak in some passages, in noise, and be silent in all others."""
    noise = np.random.default_rng(seed).standard_normal(SECONDS * RATE)
    time = np.arange(noise.size) / RATE
    sounds = np.any([(time >= begins) & (time < ends) for begins, ends in spoken], axis=0)
    return (0.1 * noise * sounds)[None].astype(np.float32)


def noise(seed: int, level: float = 0.0005) -> Block:
    """Return the noise of a microphone."""
    return (level * np.random.default_rng(seed).standard_normal((1, SECONDS * RATE))).astype(np.float32)


ANNA, BEN = alone(0, (0, 2), (4, 5)), alone(1, (2, 3.5), (4.5, 5.5))
"""One after the other, a pause at 3.5 s, and both at once from 4.5 to 5 s."""


HEARD = {"anna": ANNA + BLEED * BEN, "ben": BEN + BLEED * ANNA}


def gains(heard: Mapping[str, Block] = HEARD, **values: float) -> list[Block]:
    """Return the gain of each microphone by mixing it with the others silent in the sum."""
    found = []
    for listened in heard:
        tracks = tuple(Track(name, gain_db=0.0 if name == listened else -120.0) for name in heard)
        mixed = Mix(tracks, cross_gate=tuple(heard), **values)(heard, RATE)[0]  # type: ignore[arg-type]
        loud = np.abs(heard[listened][0]) > 0.005
        found.append(np.where(loud, 20 * np.log10(np.abs(mixed / np.where(loud, heard[listened][0], 1)) + 1e-9), 0.0))
    return found


def at(curve: Block, second: float) -> float:
    """Return the gain at a time, in dB: the median over 20 ms, pauses left out."""
    part = curve[round((second - 0.01) * RATE) : round((second + 0.01) * RATE)]
    return float(np.median(part[part != 0])) if np.any(part != 0) else 0.0


def test_who_speaks_is_open_and_who_only_hears_is_lowered() -> None:
    anna, ben = gains()
    assert at(anna, 1.0) == pytest.approx(0, abs=0.01)
    assert at(ben, 1.0) == pytest.approx(-12, abs=0.01)
    assert at(ben, 2.02) == pytest.approx(0, abs=0.01)  # from the first sound on
    assert at(anna, 3.0) == pytest.approx(-12, abs=0.01)
    assert at(anna, 4.02) == pytest.approx(0, abs=0.01)
    for both in (anna, ben):
        assert at(both, 4.8) == pytest.approx(0, abs=0.01)


def test_every_parameter_matters() -> None:
    assert at(gains(cross_gate_db=20.0)[1], 1.0) == pytest.approx(-20, abs=0.01)
    assert at(gains(cross_gate_margin_db=30.0)[1], 1.0) == pytest.approx(0, abs=0.01)
    assert at(gains(cross_gate_hold_ms=1000.0)[0], 2.8) == pytest.approx(0, abs=0.01)
    assert at(gains(cross_gate_lookahead_ms=0.0)[1], 2.01) < -3
    assert -9 < at(gains(cross_gate_attack_ms=1000.0)[0], 2.9) < -4
    assert -11 < at(gains(cross_gate_release_ms=500.0)[1], 2.02) < -4


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 12.0])
@pytest.mark.parametrize("bleed", [0.2, 0.32])
def test_who_speaks_little_is_lowered_too(bleed: float, gain_db: float) -> None:
    """Ben speaks for half a second, and so his microphone hears more of Anna than of him, whatever its gain."""
    anna, ben = alone(0, (0, 3), (3.5, 6)), alone(1, (3, 3.5))
    heard = {"anna": anna + bleed * ben + noise(2), "ben": 10 ** (gain_db / 20) * (ben + bleed * anna + noise(3))}
    annas, bens = gains(heard)
    for second in (1.0, 2.5, 4.5, 5.5):
        assert at(annas, second) == pytest.approx(0, abs=0.01)
        assert at(bens, second) == pytest.approx(-12, abs=0.01)
    assert at(bens, 3.2) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("gain_db", [-8.0, 0.0, 8.0])
@pytest.mark.parametrize("bleed", [0.0, 0.05, 0.3])
def test_a_microphone_into_which_nobody_speaks_is_lowered(bleed: float, gain_db: float) -> None:
    nobody = 10 ** (gain_db / 20) * (bleed * (ANNA + BEN) + noise(4, 0.01))
    anna, ben, none = gains({**{name: audio + noise(5) for name, audio in HEARD.items()}, "nobody": nobody})
    for second in (1.0, 2.5, 4.2):
        assert at(none, second) == pytest.approx(-12, abs=0.01)
    assert [at(anna, 1.0), at(ben, 3.0)] == pytest.approx([0, 0], abs=0.01)
    assert [at(anna, 3.0), at(ben, 1.0)] == pytest.approx([-12, -12], abs=0.01)


def test_rumble_is_no_voice() -> None:
    rumble = (0.2 * np.sin(2 * np.pi * 15 * np.arange(SECONDS * RATE) / RATE))[None].astype(np.float32)
    anna, ben = gains({name: audio + rumble for name, audio in HEARD.items()})
    assert [at(anna, 1.0), at(ben, 3.0)] == pytest.approx([0, 0], abs=0.01)
    assert [at(anna, 3.0), at(ben, 1.0)] == pytest.approx([-12, -12], abs=0.01)


def test_blocks_do_not_matter() -> None:
    mix, source = Mix((Track("anna"), Track("ben")), cross_gate=("anna", "ben")), Format(RATE, 1)
    whole, parts = (
        mix.render([(blocks, source) for blocks in signals])
        for signals in ([[a] for a in HEARD.values()], [list(partition(a, 3)) for a in HEARD.values()])
    )
    np.testing.assert_array_equal(*(np.concatenate(list(run.blocks), axis=-1) for run in (whole, parts)))


@pytest.mark.parametrize("frames", [0, 100, 5000])
def test_short_and_silent_microphones_stay_as_they_are(frames: int) -> None:
    audio = {"anna": ANNA[:, :frames], "ben": 0 * BEN[:, :frames]}
    mixed = Mix((Track("anna"), Track("ben")), cross_gate=("anna", "ben"))(audio, RATE)
    np.testing.assert_array_equal(mixed, audio["anna"])


def test_less_of_the_other_voice_is_heard() -> None:
    plain, gated = (
        Mix((Track("anna"), Track("ben")), cross_gate=names)(HEARD, RATE)[0] for names in ((), ("anna", "ben"))
    )
    part = slice(RATE // 2, 3 * RATE // 2)
    bleed = [np.std(mixed[part] - ANNA[0, part]) for mixed in (plain, gated)]
    assert 20 * np.log10(bleed[0] / bleed[1]) == pytest.approx(12, abs=0.1)


def test_on_the_command_line_and_what_is_wrong(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.wav", voice(1.0)) for name in ("anna", "ben"))
    saved = tmp_path / "mix.toml"
    options = ["--cross-gate", "anna", "--cross-gate", "ben", "--cross-gate-db", "9", "--save-mix", saved]
    code, out, err = invoke("mix", one, two, "-o", tmp_path / "out.wav", *options)
    assert (code, err) == (0, "")
    assert "of anna and ben, -9.0 dB while only another speaks" in out
    assert 'cross_gate = [\n    "anna",\n    "ben",\n]' in saved.read_text()
    assert read_mix(saved).cross_gate == ("anna", "ben")
    tracks = (Track("anna.wav"), Track("ben.wav"))
    for names, words in ((("anna",), "two microphones"), (("anna", "anna.wav"), "two microphones")):
        with pytest.raises(ChainError, match=words):
            Mix(tracks, cross_gate=names)
    with pytest.raises(ChainError, match="no track called 'clara'"):
        Mix(tracks, cross_gate=("anna", "clara"))
    with pytest.raises(ParameterError, match="cross_gate_db needs cross_gate"):
        Mix(tracks, cross_gate_db=3.0)
