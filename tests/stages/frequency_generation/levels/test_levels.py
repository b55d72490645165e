"""The networks: what they may fill, what they depend on, and that they can learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from guessing import NETWORKS, guessing

from aural import Block, Format
from aural.degrade.codec import Codec
from aural.stages.frequency_generation.engine import Damage
from aural.stages.frequency_generation.levels import stream as levels_stream
from aural.stages.frequency_generation.levels.fill import analysis, filled, power_of, synthesis
from aural.stages.frequency_generation.levels.network import AROUND, PHASORS, SILENT_DB
from aural.stages.frequency_generation.levels.stream import LevelsStream
from aural.stages.frequency_generation.stage import FrequencyGeneration
from aural.testing import probe

RATE = 48000
EACH = pytest.mark.parametrize("engine", NETWORKS)


def phasors(*shape: int) -> torch.Tensor:
    return torch.polar(torch.ones(shape), 6.28 * torch.rand(shape, generator=torch.Generator().manual_seed(0)))


def with_hole() -> Block:
    """Noise without 8 to 10 kHz."""
    spectrum = np.fft.rfft(0.1 * np.random.default_rng(0).standard_normal((1, 2 * RATE)))
    hz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    spectrum[:, (hz > 8000) & (hz < 10000)] = 0
    return np.fft.irfft(spectrum).astype(np.float32)


def test_only_holes_are_filled_whatever_the_levels_are() -> None:
    spectra = analysis(torch.from_numpy(with_hole()))
    levels = torch.full((1, spectra.shape[1] // 2 + 1, spectra.shape[2]), 60.0)
    made = power_of(filled(spectra, levels, phasors(*spectra.shape)))[0, 8:-8]
    kept = power_of(spectra)[0, 8:-8]
    hz = torch.arange(spectra.shape[2]) * 46.875
    hole = (hz > 8300) & (hz < 9700)
    assert (made[:, hole] > 0).all()
    assert (made[:, hz < 700] == 0).all()
    outside = ((hz > 1000) & (hz < 7500)) | ((hz > 10500) & (hz < 23000))
    assert (made[:, outside] > 0).float().mean() < 0.02
    assert made[:, outside].mean() < 0.04 * kept[:, outside].mean()
    assert made[:, hole].median() < 15 * kept[:, outside].median()


def test_of_slight_damage_a_band_that_is_always_empty_is_left_empty() -> None:
    spectra = analysis(torch.from_numpy(with_hole()))
    levels = torch.full((1, spectra.shape[1] // 2 + 1, spectra.shape[2]), 60.0)
    noise, hz = phasors(*spectra.shape), torch.arange(spectra.shape[2]) * 46.875
    empty = (hz > 8900).float()
    made = power_of(filled(spectra, levels, noise, empty=empty, slight=True))[0, 8:-8]
    edge, middle, above = (made[:, (hz > low) & (hz < low + 150)].mean() for low in (8150, 8700, 8900))
    assert middle < 0.01 * edge
    assert middle < 0.01 * above


def test_nothing_is_filled_where_nothing_is_expected() -> None:
    spectra = analysis(torch.from_numpy(with_hole()))
    levels = torch.full((1, spectra.shape[1] // 2 + 1, spectra.shape[2]), SILENT_DB)
    assert not power_of(filled(spectra, levels, phasors(*spectra.shape))).any()


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_the_fill_has_the_level_that_the_network_says(share: float) -> None:
    spectra = analysis(torch.from_numpy(with_hole()))
    typical = torch.log10(power_of(spectra)[0, 8:-8, 20:150]).mul(10).mean()
    level = float(typical + 20 * np.log10(share))
    levels = torch.full((1, spectra.shape[1] // 2 + 1, spectra.shape[2]), level)
    audio = synthesis(filled(spectra, levels, phasors(*spectra.shape)), 2 * RATE)
    found = torch.log10(power_of(analysis(audio))[0, 8:-8, 180:205]).mul(10).mean()
    assert float(found) == pytest.approx(level, abs=1.0)


def test_what_the_codec_kept_is_kept() -> None:
    song = probe("voice")
    coded = Codec("mp3", 32000).there_and_back(song, RATE)
    added = FrequencyGeneration(cutoff_hz=20000.0, holes=0.1)(coded, RATE) - coded
    original, there, made = (power_of(analysis(torch.tensor(x)))[:, 8:-8] for x in (song, coded, added))
    kept = (there > 0.5 * original) & (there < 2 * original) & (there > 1e-6 * there.mean())
    assert kept.float().mean() > 0.05
    assert made[kept].sum() < 1e-4 * there[kept].sum()
    assert made[~kept].sum() > 10 * made[kept].sum()


def test_without_holes_nothing_is_added_below_the_cut_off() -> None:
    audio = probe("holes")[:, :RATE]
    stage = FrequencyGeneration(cutoff_hz=9000.0, holes=0.0)
    spectrum = np.abs(np.fft.rfft((stage(audio, RATE) - audio) * np.hanning(RATE))) ** 2
    assert spectrum[:, : 9000 - 300].sum() < 1e-8 * spectrum[:, 9000 + 300 : 20000].sum()


@EACH
def test_seeds(engine: str, drawn: dict[str, str]) -> None:
    audio = probe("holes")[:, :RATE]
    stage = FrequencyGeneration(engine=engine, weights=drawn[engine], cutoff_hz=9000.0, holes=0.1)
    first, again, other = (s(audio, RATE) - audio for s in (stage, stage, replace(stage, seed=1)))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.3 * np.abs(first).max() > 0


@EACH
@torch.no_grad()
def test_z_changes_the_levels_of_networks_that_have_a_noise(engine: str) -> None:
    power = power_of(analysis(torch.from_numpy(probe("voice", 1.0, 1).copy())))[:, ::2]
    network = guessing(engine, 0.2)
    z = phasors(*power.shape[:2], PHASORS)
    assert torch.equal(network(power, z), network(power, -z)) == (engine == "deterministic") == (not network.phasors)
    assert sum(p.numel() for p in network.parameters()) < 1e6


@EACH
@torch.no_grad()
def test_a_level_depends_on_nothing_farther_away_than_it_says(engine: str) -> None:
    network = guessing(engine, 0.2)
    reach = AROUND + network.layers
    power = torch.rand(1, 2 * reach + 200, 513)
    z = phasors(1, power.shape[1], PHASORS)
    other = power.clone()
    middle = slice(reach + 100, reach + 101)
    other[:, middle] *= 1e4
    before, after = (network(x, z) for x in (power, other))
    torch.testing.assert_close(before[:, :100], after[:, :100], atol=1e-3, rtol=0)
    torch.testing.assert_close(before[:, -99:], after[:, -99:], atol=1e-3, rtol=0)
    assert (before - after)[:, middle].abs().max() > 1


@EACH
def test_segments_meet_without_a_seam(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = np.tile(probe("holes"), (1, 7))[:, : 10 * RATE]
    network = guessing(engine, 0.5)

    def made(frames: int) -> Block:
        monkeypatch.setattr(levels_stream, "SEGMENT", frames * levels_stream.FRAME)
        stream = LevelsStream(
            Format(RATE, 2), Damage(9000.0, 20000.0, porous=True, slight=False, level_db=0.0), network, 0
        )
        return np.concatenate([stream.push(audio), stream.flush()], axis=-1)

    whole, parts = made(1024), made(320)
    assert np.abs(whole).max() > 1e-5
    np.testing.assert_allclose(parts, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize(("network", "learning_rate"), [("stochastic", 0.02), ("unet", 0.1)])
def test_the_loss_falls(network: str, learning_rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    import soundfile
    from learnt import losses

    from aural.stages.frequency_generation.train import FrequencyGenerationTraining

    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "music").mkdir()
    for number, name in enumerate("abc", 1):
        soundfile.write(tmp_path / "music" / f"{name}.wav", probe("voice", 11.0, 1)[0] * number / 3, RATE)
    settings = FrequencyGenerationTraining(
        network=network, music=(str(tmp_path / "music"),), steps=20, epoch_steps=20, batch=2, clip_s=0.5,
        pool=2, validation_clips=2, workers=0, device="cpu", learning_rate=learning_rate,
    )  # fmt: skip
    before, after = losses(settings, tmp_path / "run", "levels", 2)
    assert after < before - 1
