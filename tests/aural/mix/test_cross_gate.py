"""A cross-gate opens the microphone of who speaks, and lowers those that only hear it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import invoke, voice, write

from aural import Block
from aural.errors import ChainError, ParameterError
from aural.mix.mixfile import read_mix
from aural.mix.mixing import Mix, Track

RATE, SECONDS = 48000, 6
BLEED = 0.2  # 14 dB less


def alone(seed: int, *spoken: tuple[float, float]) -> Block:
    """Speak in some passages, in noise, and be silent in all others."""
    noise = np.random.default_rng(seed).standard_normal(SECONDS * RATE)
    time = np.arange(noise.size) / RATE
    sounds = np.any([(time >= begins) & (time < ends) for begins, ends in spoken], axis=0)
    return (0.1 * noise * sounds)[None].astype(np.float32)


ANNA, BEN = alone(0, (0, 2), (4, 5)), alone(1, (2, 3.5), (4.5, 5.5))
"""One after the other, a pause at 3.5 s, and both at once from 4.5 to 5 s."""


def gains(**values: float) -> tuple[Block, Block]:
    """Return the gains of both microphones by mixing each with the other one silent in the sum."""
    heard = {"anna": ANNA + BLEED * BEN, "ben": BEN + BLEED * ANNA}
    found = []
    for listened in heard:
        tracks = tuple(Track(name, gain_db=0.0 if name == listened else -120.0) for name in heard)
        mixed = Mix(tracks, cross_gate=("anna", "ben"), **values)(heard, RATE)[0]  # type: ignore[arg-type]
        loud = np.abs(heard[listened][0]) > 0.005
        found.append(np.where(loud, 20 * np.log10(np.abs(mixed / np.where(loud, heard[listened][0], 1)) + 1e-9), 0.0))
    return found[0], found[1]


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


def test_less_of_the_other_voice_is_heard() -> None:
    heard = {"anna": ANNA + BLEED * BEN, "ben": BEN + BLEED * ANNA}
    plain, gated = (
        Mix((Track("anna"), Track("ben")), cross_gate=names)(heard, RATE)[0] for names in ((), ("anna", "ben"))
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
