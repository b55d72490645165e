"""The contract of the stage, engine by engine, and what it does at the edges."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_msst import save_tiny

from aural import AudioError, Block, Chain, Format, ParameterError, Separator, Split
from aural.learning import weights
from aural.registry import stage_class
from aural.stages.source_separation.engines.demucs.engine import MODELS
from aural.stages.source_separation.engines.voice.network import Voice
from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import RULES, check_stage, every_parameter_matters, probe

RATE = 48000


def tiny() -> torch.nn.Module:
    """Make a hybrid transformer of demucs's with few channels, random weights and a low rate."""
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(0)
    network: torch.nn.Module = HTDemucs(
        list(MODELS["htdemucs"]), channels=4, dconv_mode=0, t_layers=1, t_heads=1, t_hidden_scale=1.0,
        segment=2, samplerate=8000,
    )  # fmt: skip
    return network.eval()


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return tiny()


NETWORKS = ("demucs", "msst")  # which may give something for silence
MSST = find_spec("msst") is not None
ENGINES = [engine.name for engine in SourceSeparation.engines if MSST or engine.name != "msst"]


def made(engine: str, network: torch.nn.Module, **values: Any) -> SourceSeparation:
    """Make the stage with this engine, demucs with this network, voice with weights drawn by chance."""
    given = {"demucs": {"model": network}, "voice": {"weights": drawn()}, "msst": {"checkpoint": others()}}
    return SourceSeparation(engine=engine, **values, **given.get(engine, {}))


@cache
def others() -> str | None:
    """Write a small checkpoint of the kind that engine msst opens; return its path."""
    return str(save_tiny(folder() / "tiny.ckpt")) if MSST else None


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="aural-test-"))
    atexit.register(shutil.rmtree, made)
    return made


@cache
def drawn() -> str:
    """Write weights of the voice network, drawn by chance; return their path."""
    torch.manual_seed(0)
    return str(weights.save(Voice().state_dict(), folder(), "voice", {}))


@pytest.mark.parametrize("engine", ENGINES)
def test_contract(engine: str, network: torch.nn.Module) -> None:
    check_stage(made(engine, network))


def test_two_stems_keep_the_contract() -> None:
    stage = SourceSeparation(engine="center", two_stems="sides")
    for rule in RULES:
        if rule is not every_parameter_matters:  # no other engine has this stem
            rule(stage)


def test_it_is_registered() -> None:
    assert stage_class("source-separation") is SourceSeparation
    assert issubclass(SourceSeparation, Separator)


def pcm(bits: int, frames: int, channels: int = 2, seed: int = 0) -> Block:
    """Make full-scale noise with the values of a converter of so many bits, both ends included."""
    scale = 2 ** (bits - 1)
    values = np.random.default_rng(seed).integers(-scale, scale, (channels, frames), endpoint=True)
    audio: Block = (values / scale).astype(np.float32)
    return audio


def engines(network: torch.nn.Module) -> list[SourceSeparation]:
    return [made(engine, network) for engine in ENGINES]


@pytest.mark.parametrize("bits", [16, 24])
def test_the_stems_sum_to_the_mixture_bit_for_bit(bits: int, network: torch.nn.Module) -> None:
    audio = pcm(bits, 40000)
    for stage in engines(network):
        stems = np.stack(list(stage(audio, RATE).values()))
        assert np.array_equal(stems.sum(axis=0), audio), stage.engine
        assert np.array_equal(stems[::-1].sum(axis=0), audio), stage.engine
        assert np.array_equal(Split(separator=stage)(audio, RATE), audio), stage.engine


def test_any_stem_kept_leaves_exactly_the_sum_of_the_rest(network: torch.nn.Module) -> None:
    audio = pcm(16, 30000)
    for stage in engines(network):
        parts = stage(audio, RATE)
        for stem in stage.stems:
            two = made(stage.engine, network, two_stems=stem)
            assert two.stems == (stem, f"no_{stem}")
            kept = two(audio, RATE)
            assert np.array_equal(kept[stem], parts[stem])
            rest = np.sum([part for name, part in parts.items() if name != stem], axis=0)
            assert np.array_equal(kept[f"no_{stem}"], rest)


@pytest.mark.parametrize(
    ("stage", "stems"),
    [
        (SourceSeparation(engine="hpss"), ("harmonic", "percussive")),
        (SourceSeparation(engine="center"), ("center", "sides")),
        (SourceSeparation(), ("voice", "rest")),
        (SourceSeparation(engine="demucs"), ("drums", "bass", "other", "vocals")),
        (
            SourceSeparation(engine="demucs", model="htdemucs_6s"),
            ("drums", "bass", "other", "vocals", "guitar", "piano"),
        ),
    ],
)
def test_stems_are_known_and_an_unknown_one_is_named(stage: SourceSeparation, stems: tuple[str, ...]) -> None:
    assert stage.stems == stems
    with pytest.raises(ParameterError, match="two_stems must be one of " + ", ".join(stems) + ", got 'violin'"):
        replace(stage, two_stems="violin")


def test_the_stems_of_every_model_hold_a_rest() -> None:
    assert all("other" in stems for stems in MODELS.values())


def test_a_stem_goes_through_a_chain_of_its_own() -> None:
    audio = probe("voice")
    inner = Split(separator=SourceSeparation(engine="hpss"))
    branches = (("center", Chain(stages=(inner,))),)
    again = Split(separator=SourceSeparation(engine="center"), branches=branches)
    assert np.abs(again(audio, RATE) - audio).max() <= 2.0**-23


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("frames", [0, 1, 2, 700])
def test_short_signals_of_any_rate(rate: int, frames: int, network: torch.nn.Module) -> None:
    audio = pcm(16, frames)
    for stage in engines(network):
        stems = stage(audio, rate)
        assert all(stem.shape == audio.shape for stem in stems.values()), stage.engine
        assert np.array_equal(np.sum(list(stems.values()), axis=0), audio), stage.engine


def test_silence_gives_silence(network: torch.nn.Module) -> None:
    for stage in engines(network):
        stems = stage(np.zeros((2, 20000), np.float32), RATE)
        assert not any(stem.any() for stem in stems.values() if stage.engine not in NETWORKS), stage.engine
        assert all(np.isfinite(stem).all() for stem in stems.values()), stage.engine


def test_mono_is_all_middle_and_stays_mono(network: torch.nn.Module) -> None:
    audio = pcm(24, 30000)[0]
    center = SourceSeparation(engine="center")(audio, RATE)
    assert not center["sides"].any()
    demucs = SourceSeparation(engine="demucs", model=network)
    mono, stereo = demucs(audio, RATE), demucs(np.stack([audio, audio]), RATE)
    for stem in demucs.stems:
        np.testing.assert_allclose(mono[stem], stereo[stem].mean(axis=0), atol=1e-5)


def test_the_voice_of_a_film_is_separated_two_channels_at_a_time(network: torch.nn.Module) -> None:
    film, separate = pcm(24, 30000, channels=5), made("voice", network)
    stems = separate(film, RATE)
    np.testing.assert_array_equal(stems["voice"] + stems["rest"], film)
    for pair in (slice(0, 2), slice(2, 4), slice(4, 5)):
        np.testing.assert_allclose(stems["voice"][pair], separate(film[pair], RATE)["voice"], atol=1e-5)


def test_too_many_channels_are_refused_with_one_sentence(network: torch.nn.Module) -> None:
    with pytest.raises(AudioError, match="engine center takes 1 or 2 channels, not 7"):
        SourceSeparation(engine="center").open(Format(RATE, 7))
    with pytest.raises(AudioError, match="the model takes 1 or 2 channels, not 7"):
        SourceSeparation(engine="demucs", model=network)(pcm(16, 100, channels=7), RATE)
    assert SourceSeparation(engine="hpss")(pcm(16, 9000, channels=7), RATE)["harmonic"].shape == (7, 9000)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 30000), min_size=1, max_size=6))
def test_blocks_do_not_matter(sizes: list[int]) -> None:
    audio = probe("voice")[:, :60000]
    for stage in (SourceSeparation(engine="center"), SourceSeparation(engine="hpss")):
        whole = np.stack(list(stage(audio, RATE).values()))
        blocks = np.split(audio, np.minimum(np.cumsum(sizes), audio.shape[-1]), axis=-1)
        run = stage.render(iter(blocks), Format(RATE, 2))
        np.testing.assert_allclose(np.concatenate(list(run.blocks), axis=-1), whole, atol=1e-5)
