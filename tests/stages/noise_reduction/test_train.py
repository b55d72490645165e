"""Training on a toy set: the loss falls, a run goes on bit for bit, a seed is a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("lightning", reason='needs pip install "aural[train]"')

import torch
from learnt import losses
from programs import Program, evil
from recordings import invoke, voice

from aural.degrade import active_db
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import weights
from aural.learning.run import fit, start
from aural.stages.noise_reduction import clips
from aural.stages.noise_reduction.clips import VoiceClips
from aural.stages.noise_reduction.engines.compact.network import Compact
from aural.stages.noise_reduction.engines.compact.recipe import CompactRecipe
from aural.stages.noise_reduction.stage import NoiseReduction
from aural.stages.noise_reduction.train import NoiseReductionTraining


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four voices and four noises."""
    folder = tmp_path_factory.mktemp("toy")
    rng = np.random.default_rng(0)
    for number in range(4):
        for kind in ("speech", "noise", "music"):
            path = folder / kind / f"{'abcd'[number]}.wav"
            path.parent.mkdir(exist_ok=True)
            noise = rng.standard_normal(2 * 48000) * 0.05
            sound = noise if kind == "noise" else voice(2)[0] - 0.004 * noise
            soundfile.write(path, sound, 48000)
    (folder / "scene.toml").write_text("room = 0.0\nsnr_low_db = 3.0\nsnr_high_db = 3.0\nrecording = 1.0")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def settings(toy: Path, **values: Any) -> NoiseReductionTraining:
    small = {"steps": 4, "epoch_steps": 2, "batch": 2, "clip_s": 0.6, "validation_clips": 2, "workers": 0, "paths": 0}
    folders = {"speech": (str(toy / "speech"),), "noise": str(toy / "noise"), "scene": str(toy / "scene.toml")}
    return NoiseReductionTraining(device="cpu", **{**small, **folders, **values})


def same(first: Path, second: Path) -> bool:
    a, b = (weights.load(path)[0] for path in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_falls(toy: Path, tmp_path: Path) -> None:
    before, after = losses(settings(toy, steps=24, epoch_steps=8, learning_rate=0.02), tmp_path / "run", "loss", 4)
    assert after < before - 0.5


def test_a_run_goes_on_bit_for_bit_and_a_seed_is_a_seed(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(settings(toy), tmp_path / "whole")
    assert same(whole, fit(settings(toy, workers=1), tmp_path / "again"))
    assert not same(whole, fit(settings(toy, seed=1), tmp_path / "other"))
    step = CompactRecipe.training_step

    def broken(recipe: CompactRecipe, batch: Any, index: int) -> Any:
        if recipe.global_step == 3:
            raise RuntimeError("the power fails")
        return step(recipe, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(CompactRecipe, "training_step", broken)
        with pytest.raises(RuntimeError, match="the power fails"):
            fit(settings(toy), tmp_path / "broken")
    run = tmp_path / "broken"
    assert same(whole, fit(NoiseReductionTraining.read(run), run, resume=True))
    with pytest.raises(
        ParameterError, match="is finished; to train further, start another run with its weights as init"
    ):
        fit(NoiseReductionTraining.read(run), run, resume=True)


def test_a_checkpoint_runs_no_program(toy: Path, tmp_path: Path) -> None:
    run, marker = tmp_path / "run", tmp_path / "the program ran"
    run.mkdir()
    settings(toy).write(run)
    torch.save({"state_dict": Program(marker)}, run / "last.ckpt")
    for write in (
        lambda: None,
        lambda: evil(run / "last.ckpt", marker),
        lambda: (run / "last.ckpt").write_bytes(b""),
        lambda: torch.save([1, 2], run / "last.ckpt"),
        lambda: torch.save({"state_dict": {}}, run / "last.ckpt"),
    ):
        write()
        code, _, err = invoke("train", "noise-reduction", "--resume", run)
        assert (code, len(err.splitlines())) == (2, 1)
        assert "last.ckpt: is no checkpoint of a training" in err
    assert not marker.exists()


def test_weights_can_be_used_and_learnt_on(toy: Path, tmp_path: Path) -> None:
    first = fit(settings(toy, pretrain=True, music=str(toy / "music"), music_share=0.5), tmp_path / "first")
    second = fit(settings(toy, init=str(first), steps=2), tmp_path / "second")
    assert not same(first, second)
    audio = voice(1)
    assert np.isfinite(NoiseReduction(weights=str(second), hum_hz=0.0)(audio, 48000)).all()
    card = (tmp_path / "second" / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("hours", "hardware", "speech", "validation/loss", second.name))
    with pytest.raises(WeightsError):
        fit(settings(toy, init=str(toy / "scene.toml")), tmp_path / "third")


def test_what_weights_say_nothing_of_is_told(toy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = Compact().state_dict()
    missing = next(iter(state))
    part = weights.save({name: value for name, value in state.items() if name != missing}, tmp_path, "part", {})
    assert start(Compact(), str(part)) == [missing]
    fit(settings(toy, init=str(part), steps=2), tmp_path / "run")
    assert f"1 tensors, which begin at random: {missing}" in caplog.text


def test_the_command_trains_resumes_and_says_what_is_wrong(toy: Path, tmp_path: Path) -> None:
    folders = ["--speech", toy / "speech", "--noise", toy / "noise", "--scene", toy / "scene.toml"]
    small = ["--steps", 2, "--epoch-steps", 1, "--batch", 1, "--clip-s", 0.6, "--workers", 0, "--device", "cpu"]
    command = ["train", "noise-reduction", *folders, *small, "--validation-clips", 1]
    code, out, err = invoke(*command, "-o", tmp_path / "run")
    assert (code, err) == (0, "")
    assert "step 2 of 2: loss" in out
    assert "weights: " in out
    for wrong, message in (
        (command, "-o"),
        ([*command, "-o", tmp_path / "run"], "holds a run already"),
        (["train", "noise-reduction", "--resume", tmp_path], "is not a training run"),
        (["train", "noise-reduction", "-o", tmp_path / "x"], "must name a folder"),
        ([*command, "-o", tmp_path / "y", "--noise", tmp_path / "none"], "no such folder"),
        ([*command, "-o", tmp_path / "z", "--scene", toy / "speech" / "a.wav"], "is not a TOML file"),
        ([*command, "-o", tmp_path / "z", "--strategy", "nonsense"], "nonsense"),
        (["train", "mastr"], "mastr"),
    ):
        code, out, err = invoke(*wrong)
        assert code == 2, wrong
        assert message in err
        assert err.count("\n") <= 4


def test_settings_are_checked_and_come_back(toy: Path, tmp_path: Path) -> None:
    wanted = settings(toy, seed=7)
    wanted.write(tmp_path)
    assert NoiseReductionTraining.read(tmp_path) == wanted
    (tmp_path / "settings.toml").write_text("stepz = 3")
    with pytest.raises(ParameterError, match="did you mean 'steps'"):
        NoiseReductionTraining.read(tmp_path)
    with pytest.raises(ParameterError, match="steps must be from 1 to"):
        settings(toy, steps=0)


@pytest.mark.parametrize(("scene", "share"), [("room = 0.5", 0.5), ("room = 0.0\nsimulated_room = 1.0", 1.0)])
def test_without_impulse_responses_all_rooms_are_simulated(
    toy: Path, tmp_path: Path, scene: str, share: float
) -> None:
    (tmp_path / "scene.toml").write_text(scene)
    draw = VoiceClips(settings(toy, scene=str(tmp_path / "scene.toml")), "train")
    assert (draw.scene.room, draw.scene.simulated_room) == (0.0, share)


def test_some_clips_have_no_noise_and_some_no_voice(toy: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    names = (
        "timbre",
        "floor",
        "room",
        "microphone",
        "band_limit",
        "gain_control",
        "compression",
        "clipping",
        "codec",
    )
    bare.write_text("\n".join(f"{name} = 0.0" for name in (*names, "packet_loss")) + "\nrecording = 1.0\n")
    draw = VoiceClips(settings(toy, scene=str(bare), clean_share=0.3), "train", silent_share=0.2)
    clips = [draw(np.random.default_rng(n)) for n in range(60)]
    clean = [np.array_equal(noisy, voice) for noisy, voice, *_ in clips]
    silent = [not voice.any() and not dry.any() for _, voice, dry, _ in clips]
    assert 9 <= sum(clean) <= 27
    assert 5 <= sum(silent) <= 20
    for noisy, *_ in (clip for clip, alone in zip(clips, silent, strict=True) if alone):
        assert active_db(noisy, 48000) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("others", [0.0, 1.0])
def test_voices_pause_and_another_person_goes_on_more_softly(
    toy: Path, monkeypatch: pytest.MonkeyPatch, others: float
) -> None:
    draw = VoiceClips(settings(toy, clip_s=1.0), "train")
    monkeypatch.setattr(clips, "OTHERS", others)
    levels_db = []
    for seed in range(30):
        monkeypatch.setattr(clips, "PAUSES", 0.0)
        whole = draw.spoken(np.random.default_rng(seed))
        monkeypatch.setattr(clips, "PAUSES", 1.0)
        spoken = draw.spoken(np.random.default_rng(seed))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], spoken == 0, [False]]).astype(int)))
        first, last = max(edges.reshape(-1, 2), key=lambda pause: pause[1] - pause[0])
        assert 4790 <= last - first <= 24002
        fade = 490
        np.testing.assert_array_equal(spoken[: max(0, first - fade)], whole[: max(0, first - fade)])
        behind = spoken[last + fade :]
        before = whole[first + 2 + fade :][: behind.size]  # a fade begins and ends with a zero
        if behind.size > 9600:
            levels_db.append(active_db(behind, 48000) - active_db(before, 48000))
            assert np.array_equal(behind, before) != bool(others)
    assert len(levels_db) > 8
    assert np.mean(levels_db) == pytest.approx(-7.5 * others, abs=3 * others)


def test_nothing_is_learnt_at_no_ratio_from_noise_alone(toy: Path) -> None:
    recipe = CompactRecipe(settings(toy), Compact())
    noise = torch.randn(2, 48000, generator=torch.Generator().manual_seed(0))
    parts = recipe.losses((noise, 0 * noise, 0 * noise, torch.zeros(2)))
    of_a_voice = "sdr", "room_sdr", "log_spectral", "disturbance", "unintelligible", "deficit"
    assert all(parts[name].item() == 0 for name in of_a_voice)
    assert parts["spectral"].item() > 0.1
    parts["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in recipe.network.parameters() if p.grad is not None)


def test_a_silent_excerpt_is_drawn_again(toy: Path, tmp_path: Path) -> None:
    """Brought to unit level, it would be a million times too loud."""
    for name in "abc":
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "1.wav", np.concatenate([voice(2)[0], np.zeros(480000)]), 48000)
    draw = VoiceClips(settings(toy, speech=(str(tmp_path),)), "train")
    peaks = [max(np.abs(part).max() for part in draw(np.random.default_rng(n))[:3]) for n in range(10)]
    assert max(peaks) < 100
    for name in "abc":
        soundfile.write(tmp_path / name / "1.wav", np.zeros(48000), 48000)
    with pytest.raises(AudioError, match="excerpts in a row are silent"):
        VoiceClips(settings(toy, speech=(str(tmp_path),)), "train")(np.random.default_rng(0))


def test_a_damaged_file_is_named_from_the_process_that_mixes(toy: Path, tmp_path: Path) -> None:
    for name in "abcd":
        path = tmp_path / "noise" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(48000, np.nan), 48000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"^\S+\.wav: "):
        fit(settings(toy, noise=str(tmp_path / "noise"), workers=1), tmp_path / "run")
