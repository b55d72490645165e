"""The whole-signal call, and the checker itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from demo_stages import Frames, Gain, GainStream, LowHigh, Normalise, Rate, Smooth
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import AudioError, Block, Chain, ChainError, Effect, Format, Split, Stream, param, registry
from aural.stage import Watch, pump
from aural.testing import SAMPLE_RATE, ContractError, check_stage, probe


def test_shapes() -> None:
    assert Gain()(np.zeros(100), 8000).shape == (100,)
    assert Gain()(np.zeros((2, 100)), 8000).shape == (2, 100)
    assert Gain()(np.zeros((7, 1), np.float32), 8000).shape == (7, 1)
    assert Gain()(np.zeros((2, 0)), 8000).shape == (2, 0)
    assert Rate(sample_rate=16000)(np.zeros(99), 8000).shape == (198,)
    assert {name: stem.shape for name, stem in LowHigh()(np.zeros(99), 8000).items()} == {"low": (99,), "high": (99,)}


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (np.zeros((1000, 2)), r"1000 channels of 2 frames; pass x.T if it is transposed"),
        (np.zeros((1000, 1)), r"1000 channels of 1 frames; pass x.T"),
        (np.zeros(10, np.int16), r"must be floats from -1 to 1, got int16"),
        (np.zeros((1, 2, 3)), r"shape \(frames,\) or \(channels, frames\), got \(1, 2, 3\)"),
        (np.array([0.0, np.nan]), r"holds NaN or infinity"),
        (np.array([0.0, np.inf]), r"holds NaN or infinity"),
    ],
)
def test_bad_arrays_get_one_sentence(audio: Block, sentence: str) -> None:
    with pytest.raises(AudioError, match=sentence):
        Gain()(audio, 48000)


def test_a_chain_takes_effects_only() -> None:
    with pytest.raises(ChainError, match="stage 2: low-high gives stems; put it in a Split"):
        Chain((Gain(), LowHigh()))  # type: ignore[arg-type]
    with pytest.raises(ChainError, match="no stem called 'voice'; low-high gives low, high"):
        Split(LowHigh(), {"voice": Gain()})  # type: ignore[arg-type]


def test_branches_of_a_split_end_in_one_format() -> None:
    split = Split(LowHigh(), {"low": Rate(sample_rate=16000)})  # type: ignore[arg-type]
    with pytest.raises(ChainError, match="the branches of a split must end in one format"):
        split(probe("voice"), 48000)
    both = {"low": Rate(sample_rate=16000), "high": Rate(sample_rate=16000)}
    assert Split(LowHigh(), both)(probe("voice"), 48000).shape == (2, 32000)  # type: ignore[arg-type]


def test_an_empty_chain_is_the_input() -> None:
    audio = probe("voice")
    assert np.array_equal(Chain()(audio, 48000), audio)


def test_an_impulse_stays_in_place() -> None:
    audio = np.zeros((1, 3000), np.float32)
    audio[0, 1500] = 1
    chain = Chain((Frames(factor=1.0), Smooth(half=0), Gain(0.0)))
    np.testing.assert_allclose(chain(audio, 48000), audio, atol=1e-6)


cuts = st.lists(st.integers(0, 4000), max_size=12)


@settings(deadline=None, max_examples=40)
@given(cuts=cuts, frames=st.integers(0, 6000))
def test_any_partition_gives_the_whole(cuts: list[int], frames: int) -> None:
    audio = probe("voice")[:, :frames]
    chain = Chain((Frames(), Split(LowHigh(), {"low": Smooth()}), Rate(sample_rate=44100, mix=0.5)))
    blocks = np.split(audio, sorted(min(cut, frames) for cut in cuts), axis=-1)
    parts = np.concatenate(list(pump(chain.open(Format(48000, 2)), blocks)), axis=-1)
    np.testing.assert_allclose(parts, chain(audio, 48000), atol=1e-5)


def test_two_passes_reach_the_goal_within_a_chain() -> None:
    chain = Chain((Smooth(), Normalise(peak_dbfs=-3.0), Gain(-10.0), Normalise(peak_dbfs=-6.0)))
    run = chain.render(iter([probe("voice")]), Format(48000, 2))
    assert np.abs(np.concatenate(list(run.blocks), axis=-1)).max() == pytest.approx(10 ** (-6 / 20), rel=1e-5)
    assert run.stage.ready
    assert run.stage.stages[3].measured_dbfs == pytest.approx(-13, abs=1e-3)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Broken(Effect):
    """Breaks a rule of the contract, as told."""

    name: ClassVar[str] = "broken"
    gain_db: float = param(-6.0, "Change of level", unit="dB", low=-60.0, high=60.0)
    how: ClassVar[str] = ""

    def stream(self, source: Format) -> Stream:
        return BrokenStream(source, self.how, self.gain_db)


class BrokenStream(GainStream):
    shared = 0

    def __init__(self, source: Format, how: str, gain_db: float) -> None:
        super().__init__(source, gain_db)
        self.how, self.kept, self.first = how, [], True

    def push(self, block: Block) -> Block:
        out = super().push(block)
        if self.how == "blocks" and block.shape[-1]:
            return out / (1 + np.abs(block).max())
        if self.how == "late" and self.first:
            self.first, out = False, np.concatenate([out[:, :0], np.zeros((2, 5), np.float32), out], axis=-1)
        if self.how == "shared":
            BrokenStream.shared += 1
            return out * np.float32(BrokenStream.shared)
        if self.how == "memory":
            self.kept.append(block.copy())
        if self.how == "torch":
            self.kept.append(torch.tensor(block.copy()))
        if self.how == "parameter":
            return block * np.float32(0.5)
        if self.how == "level":
            return np.tanh(out)
        return out


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("blocks", "frames in blocks differ from one piece"),
        ("late", "96000 frames became|in blocks give another shape|frames behind the input"),
        ("shared", "differ from one piece|runs beside it"),
        ("memory", "peak memory rose"),
        ("torch", "the process grew by"),
        ("parameter", "gain_db does nothing"),
        ("level", "20 dB less input changes the result"),
    ],
)
def test_the_checker_finds_a_broken_stage(how: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "how", how)
    with pytest.raises(ContractError, match=sentence):
        check_stage(Broken())


def test_the_checker_passes_a_sound_stage() -> None:
    check_stage(Broken())


class Counting(Watch):
    """Counts the frames that go by, and those that were announced."""

    def __init__(self) -> None:
        self.seen = self.spared = 0

    def spare(self, passes: int) -> None:
        self.spared += passes

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterator[Block]:
        for block in blocks:
            self.seen += block.shape[-1]
            yield block


@pytest.mark.parametrize("gain", [0.01, 0.9])  # with and without room for a gain
@pytest.mark.parametrize("name", ["master", "frequency-generation", "leveller"])
def test_the_announced_passes_are_made_or_spared(name: str, gain: float) -> None:
    audio, watch = gain * probe("voice", 4.0), Counting()
    stage = registry.create(name)
    for _ in stage.render([audio], Format(SAMPLE_RATE, 2), watch).blocks:
        pass
    assert watch.seen == (stage.passes - watch.spared) * audio.shape[-1]
    assert watch.spared >= 0
