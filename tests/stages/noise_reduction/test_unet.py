"""The unet: what it sees, what it learns, and how it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aural.errors import WeightsError
from aural.learning import weights
from aural.stage import Block, Format, pump
from aural.stages.noise_reduction import unet_stream
from aural.stages.noise_reduction.curves import (
    BANDS,
    BINS,
    CURVES,
    HIGHEST_HZ,
    HOP,
    LOWEST_HZ,
    PITCHES,
    SAMPLE_RATE,
    WINDOW,
    Curves,
    MelBands,
    running_level,
)  # fmt: skip
from aural.stages.noise_reduction.unet import GRID, REACH, Discriminator, Unet
from aural.stages.noise_reduction.unet_stream import UnetStream, open_unet

PITCH, _, ONSET, RATE, STRENGTH, LOUDNESS, SHARPNESS = range(CURVES)


def power_of(audio: Tensor) -> Tensor:
    """Return power spectra, shape (batch, frames, bins)."""
    window = torch.hann_window(WINDOW).sqrt()
    spectra = torch.stft(audio, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    return spectra.abs().square().transpose(1, 2)


def tone(hz: float, seconds: float = 1.0) -> Tensor:
    """Return a tone with harmonics up to 6 kHz, shape (1, frames)."""
    time = torch.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [torch.cos(2 * torch.pi * hz * k * time + k * k) / k for k in range(1, int(6000 / hz))]
    return 0.1 * torch.stack(partials).sum(0, keepdim=True)


def noise(seconds: float = 1.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.05 * torch.randn(1, round(seconds * SAMPLE_RATE), generator=generator)


def curves_of(audio: Tensor) -> Tensor:
    """Return the curves of one clip, shape (7, frames)."""
    power = power_of(audio)
    return Curves()(power, MelBands()(power) / running_level(power)[..., None])[0]


@pytest.fixture(scope="module")
def fresh() -> Unet:
    torch.manual_seed(0)
    return Unet().eval()


def test_each_bin_belongs_to_the_bands_once() -> None:
    bands = MelBands()
    torch.testing.assert_close(bands.to_bins(torch.ones(1, 1, BANDS)), torch.ones(1, 1, BINS))
    assert bands(torch.ones(1, 1, BINS)).sum() == pytest.approx(BINS)
    assert bool((bands.share.sum(1) > 1).all())


@pytest.mark.parametrize("hz", [85, 100, 140, 200, 300, 400])
def test_the_pitch_of_a_tone_is_found(hz: float) -> None:
    curves = Curves()
    found = curves.salience(power_of(tone(hz)))[0, 5:-5].argmax(-1)
    assert LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (found / (PITCHES - 1)) == pytest.approx(np.full(53, hz), rel=0.03)


def test_noise_and_silence_have_no_pitch() -> None:
    curves = Curves()
    assert not curves.pitch_class(power_of(noise())).any()
    assert not curves.pitch_class(power_of(torch.zeros(1, SAMPLE_RATE))).any()
    assert curves.pitch_class(power_of(tone(200.0)))[0, 5:-5].all()


def test_brighter_is_sharper_and_not_louder_by_level() -> None:
    bright = torch.diff(noise(), prepend=torch.zeros(1, 1))
    assert curves_of(bright)[SHARPNESS].mean() > curves_of(noise())[SHARPNESS].mean() + 0.1
    torch.testing.assert_close(curves_of(100 * noise()), curves_of(noise()), rtol=1e-3, atol=1e-3)


def test_loudness_and_onsets_follow_the_sound() -> None:
    gate = torch.zeros(1, 2 * SAMPLE_RATE)
    gate[:, SAMPLE_RATE:] = 1
    curves = curves_of(noise(2.0) * (gate + 0.01))
    edge = SAMPLE_RATE // HOP
    assert curves[LOUDNESS, edge + 5 :].mean() > curves[LOUDNESS, : edge - 5].mean() + 0.5
    assert int(curves[ONSET].argmax()) in range(edge - 2, edge + 3)


def test_faster_syllables_give_a_higher_rate() -> None:
    time = torch.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    slow, fast = (curves_of(noise(4.0) * (torch.sin(2 * torch.pi * hz * time) > 0)) for hz in (2.6, 6.25))
    still = curves_of(noise(4.0))
    assert fast[RATE].mean() > slow[RATE].mean() + 0.5
    assert min(slow[STRENGTH].mean(), fast[STRENGTH].mean()) > still[STRENGTH].mean() + 0.3


@pytest.mark.parametrize("frames", [1, 2, 16, 37])
def test_any_length_will_do(fresh: Unet, frames: int) -> None:
    told = fresh(torch.rand(2, frames, BINS))
    for bands in (told.voice, told.noise, told.character_db, told.studio):
        assert bands.shape == (2, frames, BANDS)
    assert told.pitch.shape == (2, frames, PITCHES + 1)
    assert told.curves.shape == (2, CURVES, frames)


def test_it_is_small() -> None:
    assert sum(p.numel() for part in (Unet(), Discriminator()) for p in part.parameters()) < 1e6


def test_silence_is_finite_and_level_does_not_matter(fresh: Unet) -> None:
    silence = fresh(torch.zeros(1, 40, BINS))
    assert all(torch.isfinite(x).all() for x in (silence.voice, silence.character_db, silence.pitch))
    power = power_of(tone(150.0) + noise())
    loud, quiet = fresh(power), fresh(1e-6 * power)
    torch.testing.assert_close(loud.voice, quiet.voice, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loud.character_db, quiet.character_db, rtol=1e-3, atol=1e-3)


def test_every_curve_conditions_both_stages(fresh: Unet, monkeypatch: pytest.MonkeyPatch) -> None:
    power = power_of(tone(150.0) + noise())
    told = fresh(power)
    for curve in range(CURVES):
        changed = told.curves.clone()
        changed[:, curve] += 0.5
        monkeypatch.setattr(fresh.conditioning, "forward", lambda *_, changed=changed: changed)
        other = fresh(power)
        assert (other.voice - told.voice).abs().max() > 1e-4
        assert (other.character_db - told.character_db).abs().max() > 1e-4


# Learning

pytest.importorskip("lightning")
from aural.learning.training import CHECKPOINT, Recipe, fit  # noqa: E402
from aural.stages.noise_reduction.train import NoiseReductionTraining  # noqa: E402
from aural.stages.noise_reduction.unet_recipe import UnetRecipe  # noqa: E402


def clip(rng: np.random.Generator) -> tuple[Any, ...]:
    """Draw a tone that comes and goes, in noise and a room of one echo."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    dry = tone(rng.uniform(90, 350), 0.5)[0].numpy() * (np.sin(2 * np.pi * 6 * time) > -0.5)
    voice = dry + 0.5 * np.roll(dry, 2400)
    heard = voice + 0.1 * rng.standard_normal(len(time))
    return *(x.astype(np.float32) for x in (heard, voice, dry)), np.float32(0)


class Toy(UnetRecipe):
    """Learns from tones; stops at a step where it is told to."""

    stop_at: int | None = None

    def clips(self, part: str) -> Callable[[np.random.Generator], Any]:
        return clip

    def about(self) -> Mapping[str, Any]:
        return {}

    def losses(self, batch: Any) -> dict[str, Tensor]:
        if self.training and self.global_step == self.stop_at:
            raise InterruptedError
        return super().losses(batch)


@dataclass(frozen=True, kw_only=True)
class ToyTraining(NoiseReductionTraining):
    def recipe(self) -> Recipe:
        return Toy(self, Unet())


TINY = ToyTraining(
    speech="-", noise="-", steps=4, epoch_steps=2, batch=2, clip_s=0.5, validation_clips=2, workers=0, device="cpu"
)  # fmt: skip


def batch_of(count: int) -> list[Tensor]:
    clips = [clip(np.random.default_rng(seed)) for seed in range(count)]
    return [torch.from_numpy(np.stack(column)) for column in zip(*clips, strict=True)]


@pytest.fixture(scope="module")
def learnt() -> tuple[Toy, list[dict[str, float]]]:
    """A recipe that has seen one batch again and again, and what it lost each time."""
    torch.manual_seed(0)
    recipe = Toy(TINY, Unet())
    recipe.eval()  # so that the colour stays
    recipe.network.train()
    optimizer = torch.optim.Adam(recipe.parameters(), 6e-3)
    batch, history = batch_of(2), []
    for _ in range(30):
        parts = recipe.losses(batch)
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        history.append({name: part.item() for name, part in parts.items()})
    return recipe, history


@pytest.mark.parametrize(
    ("part", "share"), [("spectral", 0.5), ("noise", 0.5), ("pitch", 0.4), ("studio", 0.6), ("discriminator", 0.6)]
)
def test_every_part_is_learnt(learnt: tuple[Toy, list[dict[str, float]]], part: str, share: float) -> None:
    _, history = learnt
    assert history[-1][part] < share * history[0][part]


def test_the_noise_goes_and_the_pitch_is_known(learnt: tuple[Toy, list[dict[str, float]]]) -> None:
    recipe, history = learnt
    assert history[-1]["si_sdr"] < history[0]["si_sdr"] - 3
    heard, _, dry, _ = batch_of(2)
    told = recipe.network(power_of(heard))
    wanted = recipe.network.conditioning.pitch_class(power_of(dry))
    assert (told.pitch.argmax(-1) == wanted).float().mean() > 0.7


def test_the_judge_tells_a_studio_from_the_network(learnt: tuple[Toy, list[dict[str, float]]]) -> None:
    recipe, _ = learnt
    heard, _, dry, _ = batch_of(2)
    power = power_of(heard)
    told = recipe.network(power)
    studio = recipe.network.bands(power_of(dry)) / running_level(power)[..., None]
    assert recipe.judge(studio, told.curves)[-1].mean() > recipe.judge(told.studio, told.curves)[-1].mean() + 0.2


def test_each_loss_reaches_only_what_it_is_meant_for() -> None:
    recipe = Toy(TINY, Unet())
    network = recipe.network
    parts = recipe.losses(batch_of(2))

    def reached(name: str, module: torch.nn.Module) -> bool:
        wanted = list(module.parameters())
        return any(
            g is not None and bool(g.any())
            for g in torch.autograd.grad(parts[name], wanted, retain_graph=True, allow_unused=True)
        )

    for name in ("spectral", "si_sdr", "disturbance", "noise", "pitch"):
        assert reached(name, network.down)
        assert not reached(name, network.studio_up)
    for name in ("studio", "adversarial", "matching"):
        assert reached(name, network.studio_up)
        assert not reached(name, network.down)
        assert not reached(name, recipe.judge)
    assert reached("discriminator", recipe.judge)
    assert not reached("discriminator", network)


def test_clips_of_music_teach_nothing() -> None:
    recipe = Toy(TINY, Unet())
    *audio, _ = batch_of(2)
    assert recipe.losses([*audio, torch.ones(2)])["loss"].item() == 0


def test_a_run_that_is_gone_on_with_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(TINY, tmp_path / "whole")
    monkeypatch.setattr(Toy, "stop_at", 3)
    with pytest.raises(InterruptedError):
        fit(TINY, tmp_path / "parts")
    assert (tmp_path / "parts" / CHECKPOINT).exists()
    monkeypatch.setattr(Toy, "stop_at", None)
    parts = fit(TINY, tmp_path / "parts", resume=True)
    first, second = weights.load(whole)[0], weights.load(parts)[0]
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first.keys() == Unet().state_dict().keys()


# Running


def run(stream: UnetStream, audio: Block) -> Block:
    return np.concatenate(list(pump(stream, np.array_split(audio, 7, axis=-1))), axis=-1)


def restless(seconds: float, channels: int = 1) -> Block:
    """Return tones and noise at changing levels, float32 (channels, frames)."""
    rng = np.random.default_rng(1)
    audio = np.concatenate([tone(hz, 0.5)[0].numpy() for hz in rng.uniform(90, 300, round(2 * seconds))])
    gains = np.repeat(10 ** rng.uniform(-2, 0, round(2 * seconds)), SAMPLE_RATE // 2)
    hiss = 0.02 * rng.standard_normal((channels, len(audio)))
    return np.asarray(gains * audio + hiss, np.float32)


def test_segments_meet_without_a_seam(fresh: Unet, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = restless(24.0)
    whole = UnetStream(Format(SAMPLE_RATE, 1), fresh, 60.0, 1.0).process(audio)
    monkeypatch.setattr(unet_stream, "SEGMENT", 16 * GRID * HOP)
    assert 24.0 * SAMPLE_RATE > 2 * unet_stream.SEGMENT + 2 * REACH * HOP
    parts = run(UnetStream(Format(SAMPLE_RATE, 1), fresh, 60.0, 1.0), audio)
    assert parts.shape == audio.shape
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert np.abs(whole - audio).max() > 1e-3


def test_gains_are_one_for_all_channels_and_bounded(fresh: Unet) -> None:
    audio = restless(1.0, channels=2)
    audio[1] *= -0.5
    left, right = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 60.0, 0.0), audio)
    both = np.stack([audio[0], audio[0]])
    alike = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 60.0, 0.0), both)
    np.testing.assert_array_equal(alike[0], alike[1])
    assert not np.allclose(left, right)
    barely = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 0.01, 1.0), audio)
    np.testing.assert_allclose(barely, audio, atol=2e-3)


@pytest.mark.parametrize("frames", [0, 1, 700, 30011])
def test_any_rate_and_length_through_the_stream(fresh: Unet, tmp_path: Path, frames: int) -> None:
    path = weights.save(fresh.state_dict(), tmp_path, "unet", {})
    audio = restless(1.0)[:, :frames]
    stream = open_unet(Format(44100, 1), path, 20.0, 0.5)
    out = np.concatenate([stream.push(audio), stream.flush()], axis=-1)
    assert out.shape == audio.shape
    assert np.isfinite(out).all()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = weights.save({"weight": torch.zeros(3)}, tmp_path, "other", {})
    with pytest.raises(WeightsError, match="holds no weights of the unet"):
        unet_stream.network(path)
