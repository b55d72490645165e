"""The fullband network: what it may depend on, what it says of silence, and that it can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aural.stages.frequency_expansion.engines.fullband.network import (
    BIN_HZ,
    BINS,
    HOP,
    REACH,
    SAMPLE_RATE,
    Fullband,
    analysis,
    synthesis,
)
from aural.testing import probe


@pytest.fixture(scope="module")
def fresh() -> Fullband:
    torch.manual_seed(0)
    return Fullband().eval()


def voice(seconds: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(probe("voice", seconds, 1).copy())


@torch.no_grad()
def test_it_is_small_and_its_spectra_are_audio(fresh: Fullband) -> None:
    assert sum(p.numel() for p in fresh.parameters()) < 3e6
    audio = voice()
    spectra = analysis(audio)
    assert spectra.shape == (1, audio.shape[1] // HOP + 1, BINS)
    np.testing.assert_allclose(synthesis(spectra, audio.shape[1]), audio, atol=1e-6)
    told = fresh(spectra, torch.tensor([4000.0]))
    assert told.spectra.shape == spectra.shape


@torch.no_grad()
def test_what_stands_above_the_cut_off_is_not_looked_at(fresh: Fullband) -> None:
    spectra = analysis(voice())
    blind = spectra * (torch.arange(BINS) * BIN_HZ < 4000.0)
    for cutoff_hz in (4000.0, 6000.0):
        same = torch.equal(*(fresh(x, torch.tensor([cutoff_hz])).log_amplitude for x in (spectra, blind)))
        assert same == (cutoff_hz == 4000.0)


@torch.no_grad()
@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_levels_do_not_matter(fresh: Fullband, gain: float) -> None:
    spectra = analysis(voice())
    expected, found = (fresh(x, torch.tensor([4000.0])).spectra for x in (spectra, gain * spectra))
    assert (found / gain - expected).abs().max() < 1e-2 * expected.abs().max()


@torch.no_grad()
def test_silence_stays_silence(fresh: Fullband) -> None:
    audio = voice(2.0)
    audio[:, SAMPLE_RATE:] = 0
    told = fresh(analysis(audio), torch.tensor([4000.0])).spectra.abs()
    frame = SAMPLE_RATE // HOP
    assert told[:, frame + 6 :].max() < 1e-4 * told[:, :frame].max()
    assert fresh(torch.zeros(1, 40, BINS, dtype=torch.complex64), torch.tensor([4000.0])).spectra.abs().max() < 1e-6


@torch.no_grad()
def test_a_result_depends_on_nothing_farther_away_than_it_says(fresh: Fullband) -> None:
    spectra = analysis(voice(3.0))
    other = spectra.clone()
    other[:, REACH + 100 :] *= 0.1
    both = [fresh(x, torch.tensor([4000.0])).log_amplitude for x in (spectra, other)]
    assert torch.equal(both[0][:, :100], both[1][:, :100])
    assert not torch.equal(both[0][:, 101 : 101 + REACH], both[1][:, 101 : 101 + REACH])


def test_the_loss_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    from learnt import losses, voices

    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    settings = FrequencyExpansionTraining(
        network="fullband", speech=(str(voices(tmp_path / "speech")),), steps=12, epoch_steps=6,
        batch=2, clip_s=0.5, validation_clips=2, workers=0, device="cpu", learning_rate=3e-3,
    )  # fmt: skip
    before, after = losses(settings, tmp_path / "run", "amplitude", 4)
    assert after < before - 0.2
