"""Demucs networks as a stream: in segments what demucs gives of the whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from demucs import apply
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from tiny_demucs import STEMS, separate, tiny

from aural import AudioError, Format, NotReady
from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import probe

RATE = 8000


def transformer(seed: int = 0) -> Any:
    return tiny(seed, samplerate=RATE)


def hybrid(seed: int = 0, segment: float = 2) -> Any:
    torch.manual_seed(seed)
    small: dict[str, Any] = {"channels": 4, "nfft": 256, "depth": 4, "dconv_mode": 0, "norm_starts": 9}
    return HDemucs(STEMS, **small, segment=segment, samplerate=RATE).eval()


def in_time(seed: int = 0) -> Any:
    """Make a network that takes more than a segment to give one."""
    torch.manual_seed(seed)
    return Demucs(
        STEMS, channels=4, depth=3, dconv_mode=0, lstm_layers=0, segment=2, samplerate=RATE, normalize=False
    ).eval()


def bag() -> Any:
    return BagOfModels([transformer(1), hybrid(2, segment=3)], [[1.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.5, 2.0]])


NETWORKS = {"transformer": transformer, "hybrid": hybrid, "in time": in_time, "bag": bag}


def reference(network: Any, audio: np.ndarray, **options: Any) -> np.ndarray:
    """Do what demucs does: bring the recording to unit level and apply the model."""
    mixture = torch.tensor(audio)
    mono = mixture.mean(0)
    level = mono.std() + 1e-8
    with torch.no_grad():
        estimates = apply_model(network, ((mixture - mono.mean()) / level)[None], **options)[0] * level
    return np.asarray(estimates)


def apart_db(stems: dict[str, np.ndarray], wanted: np.ndarray) -> float:
    """Return how far the stems that demucs estimates lie from what it gives, in dB below that; the worst of them."""
    ratios = [
        np.sum((stems[name] - estimate) ** 2.0) / np.sum(estimate**2.0)
        for name, estimate in zip(STEMS, wanted, strict=True)
        if name != "other"
    ]
    return float(10 * np.log10(max(ratios)))


def noise(frames: int) -> np.ndarray:
    audio: np.ndarray = np.random.default_rng(0).standard_normal((2, frames)) * 0.1 + 1e-3
    return audio.astype(np.float32)


@pytest.mark.parametrize("frames", [100, 5000, 15600, 15601, 23400, 50001])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_stream_is_what_demucs_gives(name: str, frames: int) -> None:
    network, audio = NETWORKS[name](), noise(frames)
    assert (
        apart_db(SourceSeparation(engine="demucs", model=network)(audio, RATE), reference(network, audio, shifts=0))
        < -80
    )


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [({"overlap": 0.6}, {"overlap": 0.6}), ({"segment_s": 1.0}, {"segment": 1.0})]
)
def test_other_segments_are_what_demucs_gives(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    network, audio = NETWORKS[name](), noise(40000)
    stems = SourceSeparation(engine="demucs", model=network, **ours)(audio, RATE)
    assert apart_db(stems, reference(network, audio, shifts=0, **theirs)) < -80
    if name != "in time":  # a small one gives the same wherever its segments lie
        assert apart_db(stems, reference(network, audio, shifts=0)) > -80


@pytest.mark.parametrize("name", NETWORKS)
def test_shifts_are_what_demucs_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, audio = NETWORKS[name](), noise(20000)
    monkeypatch.setattr(apply, "random", random.Random(0))
    wanted = reference(network, audio, shifts=2)
    assert apart_db(SourceSeparation(engine="demucs", model=network, shifts=2)(audio, RATE), wanted) < -80
    assert apart_db(SourceSeparation(engine="demucs", model=network)(audio, RATE), wanted) > -80


def test_the_level_of_the_recording_is_measured_or_given() -> None:
    audio = np.random.default_rng(0).standard_normal((2, 20000)).astype(np.float32) * 0.1 + 0.05
    stage = SourceSeparation(engine="demucs", model=transformer())
    assert not stage.ready
    with pytest.raises(NotReady, match="measured_offset, measured_level_dbfs"):
        stage.open(Format(RATE, 2))
    ready = stage.measure(np.array_split(audio, 3, axis=1), Format(RATE, 2))
    mono = audio.mean(axis=0, dtype=np.float64)
    assert ready.measured_offset == pytest.approx(mono.mean(), abs=1e-9)
    assert ready.measured_level_dbfs == pytest.approx(20 * np.log10(mono.std(ddof=1)), abs=1e-4)
    assert SourceSeparation(engine="hpss").ready

    def unread() -> Iterator[np.ndarray]:
        pytest.fail("the recording is read")
        yield audio

    with pytest.raises(AudioError, match="the model takes 1 or 2 channels, not 3"):
        stage.measure(unread(), Format(RATE, 3))
    given = SourceSeparation(engine="demucs", model=transformer(), measured_offset=0.0, measured_level_dbfs=-20.0)
    assert given.measure([audio], Format(RATE, 2)) == given


def test_a_model_whose_stems_are_not_wanted_does_not_run() -> None:
    first, second = hybrid(1), hybrid(2)
    network = BagOfModels([first, second], [[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])  # the second for the rest
    second.forward = lambda mix: pytest.fail("it runs")
    assert np.isfinite(separate(network)).all()


class Sharp(torch.nn.Module):
    """Stands in for a network: takes a moving average off, the same whatever the level and the offset."""

    sources, samplerate, audio_channels, segment = ("sharp", "other"), 48000, 2, 0.5

    def __init__(self) -> None:
        super().__init__()
        kernel = -torch.ones(2, 1, 401) / 401
        kernel[:, :, 200] += 1
        self.kernel = torch.nn.Parameter(kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sharp = torch.nn.functional.conv1d(x, self.kernel, padding=200, groups=2)
        return torch.stack([sharp, x - sharp], dim=1)


def test_segments_fade_into_each_other() -> None:
    audio = probe("voice")
    wanted = np.stack([row - np.convolve(row, np.ones(401) / 401, "same") for row in audio])

    def error(overlap: float) -> Any:
        sharp = SourceSeparation(engine="demucs", model=Sharp(), overlap=overlap)(audio, 48000)["sharp"]
        return np.abs(sharp - wanted)[:, 200:-200].max()

    assert error(0.25) < 0.2 * error(0.0)  # where segments abut, each is wrong at its end


def test_a_hybrid_without_transformer_runs() -> None:
    network = HDemucs(STEMS, channels=4, nfft=256, depth=4, segment=2, dconv_mode=0, norm_starts=9, samplerate=8000)
    assert np.isfinite(separate(network)).all()


def test_the_module_learns_nothing_and_keeps_its_weights() -> None:
    network = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    separate(network)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(value.grad is None for value in network.parameters())
