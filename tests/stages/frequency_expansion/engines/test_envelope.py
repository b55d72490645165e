"""The envelope network: what it may depend on, what its training is shown, and that it can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aural.dsp import background
from aural.stages.frequency_expansion.bands import BANDS, CENTRES_HZ, EDGES_HZ, Analysis, known, top
from aural.stages.frequency_expansion.engines.envelope.network import REACH, Envelope
from aural.testing import probe

SAMPLE_RATE = 48000


@pytest.fixture(scope="module")
def fresh() -> Envelope:
    torch.manual_seed(0)
    network = Envelope().eval()
    torch.nn.init.normal_(network.leave.weight, std=0.02)
    return network


def heard(audio: np.ndarray, cutoff_hz: float) -> list[Tensor]:
    """What the network is told of a recording."""
    levels, standing = Analysis(SAMPLE_RATE).levels(audio)
    floor = background.continued(background.background(levels), CENTRES_HZ, top(cutoff_hz, 1.0))
    masks = (mask[None].astype(np.float32) for mask in (known(cutoff_hz), top(cutoff_hz, 1.0)))
    return [torch.from_numpy(x) for x in (levels, standing, floor, *masks)]


@torch.no_grad()
def test_it_is_small_and_what_stands_above_the_cut_off_is_not_looked_at(fresh: Envelope) -> None:
    assert sum(p.numel() for p in fresh.parameters()) < 4e5
    told = heard(probe("voice", 1.0, 1), 4000.0)
    blind = [told[0] * told[3], told[1] * told[3], *told[2:]]
    assert fresh(*told).shape == told[0].shape
    assert torch.equal(fresh(*told), fresh(*blind))


@torch.no_grad()
@pytest.mark.parametrize("gain", [1e-2, 30.0])
def test_levels_do_not_matter(fresh: Envelope, gain: float) -> None:
    audio = probe("voice", 1.0, 1)
    expected, found = (fresh(*heard(x, 4000.0)) for x in (audio, np.float32(gain) * audio))
    difference = found - expected - 20 * np.log10(gain)
    assert difference[expected > -80].abs().max() < 0.1


@torch.no_grad()
def test_a_result_depends_on_nothing_farther_away_than_it_says(fresh: Envelope) -> None:
    told = heard(probe("voice", 5.0, 1), 4000.0)
    other = [x.clone() for x in told]
    other[0][:, REACH + 100 :] -= 20
    both = [fresh(*x) for x in (told, other)]
    assert torch.allclose(both[0][:, :100], both[1][:, :100], atol=1e-3)
    assert not torch.allclose(both[0][:, 101 : 101 + REACH], both[1][:, 101 : 101 + REACH], atol=1e-3)


def test_levels_of_noise_are_those_of_noise_at_any_rate() -> None:
    rng = np.random.default_rng(0)
    for rate in (44100, 48000, 96000):
        levels, standing = Analysis(rate).levels(rng.standard_normal((1, 2 * rate)).astype(np.float32))
        there = EDGES_HZ[1:] < rate / 2
        np.testing.assert_allclose(levels[0, 10:-10, there].mean(axis=-1), -2.5, atol=0.8)
        np.testing.assert_allclose(standing[0, 10:-10, there].mean(axis=-1), 2.2, atol=1.0)


def test_levels_between_frames_and_livelier_ones() -> None:
    from aural.stages.frequency_expansion.engines.envelope.recipe import at, livelier

    levels = np.array([[0, -150], [10, -150], [20, -150]], np.float32)
    np.testing.assert_allclose(at(levels, np.array([0.5, 1.25])), [[5, -150], [12.5, -150]])
    found = livelier(levels, 1.2)
    np.testing.assert_allclose(np.diff(found[:, 0]), 12, rtol=1e-5)
    assert found[2, 0] > levels[2, 0] > found[1, 0]  # around the mean power, which the loudest frame makes
    np.testing.assert_array_equal(found[:, 1], levels[:, 1])


def test_voices_are_made_higher_and_lower() -> None:
    from aural.stages.frequency_expansion.engines.envelope.recipe import warped

    peak = np.zeros((1, BANDS), np.float32)
    peak[0, 22] = 10  # 10 to 11 kHz
    assert int(warped(peak, 0.8)[0].argmax()) == int(np.searchsorted(EDGES_HZ, 8400)) - 1
    np.testing.assert_allclose(warped(peak, 1.0), peak)


def test_the_loss_hears_what_pesq_hears() -> None:
    """What is too loud now and then counts most, then what is missing; a lasting or a masked difference does not."""
    from aural.stages.frequency_expansion.engines.envelope.recipe import disturbance

    target = torch.full((1, 200, BANDS), -40.0)
    target[:, ::4, 20:] = -20.0
    sometimes = 12.0 * (torch.arange(200) // 10 % 2)[:, None]
    counted = torch.from_numpy(EDGES_HZ[1:] <= 8000)[None]

    def heard(told: Tensor) -> float:
        return float(disturbance(told, target, torch.tensor([[[-20.0]]]), counted))

    assert heard(target) < 0.01
    assert heard(target + 10) < 0.01
    assert heard(target + sometimes / 12) < 0.01
    assert heard(target + sometimes) > 1.1 * heard(target - sometimes) > 0.1
    assert heard(target + sometimes * (torch.arange(BANDS) > 30)) < 0.01  # above 8 kHz


def test_the_loss_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    from learnt import losses, voices

    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    settings = FrequencyExpansionTraining(
        network="envelope", speech=(str(voices(tmp_path / "speech")),), steps=40, epoch_steps=20,
        batch=4, clip_s=1.0, validation_clips=2, workers=0, device="cpu", learning_rate=0.02,
    )  # fmt: skip
    before, after = losses(settings, tmp_path / "run", "distance", 6)
    assert after < before - 0.5
