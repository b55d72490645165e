"""Training of the content network: what a scene is said to hold, and a run on a toy set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("lightning", reason='needs pip install "aural[train]"')

import torch
from material import fill
from recordings import invoke, voice

from aural.learning import weights
from aural.learning.run import fit
from aural.measure.content import scenes
from aural.measure.content.features import BANDS, MARGIN_S, PER_SECOND, SAMPLE_RATE, SILENCE_DB
from aural.measure.content.network import ContentNetwork
from aural.measure.content.scenes import Scenes
from aural.measure.content.training import ContentTraining


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of each: what speaks is voice-like, what plays is a chord."""
    folder = tmp_path_factory.mktemp("toy")
    time = np.arange(4 * 16000) / 16000
    for number in range(4):
        chord = sum(np.sin(2 * np.pi * (200 + 20 * number) * k * time) for k in (1, 1.25, 1.5))
        for kind, audio in (("speech", voice(4.0)[0, ::3]), ("music", 0.1 * chord)):
            (folder / kind).mkdir(exist_ok=True)
            soundfile.write(folder / kind / f"{'abcd'[number]}.wav", audio, 16000)
    fill(folder / "noise", dict.fromkeys("abcd", 2.0), 16000)
    fill(folder / "ir", dict.fromkeys("abcd", 0.1), 16000)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def settings(toy: Path, **values: Any) -> ContentTraining:
    folders = {kind: str(toy / kind) for kind in ("speech", "music", "noise", "ir")}
    small = {
        "steps": 4,
        "epoch_steps": 2,
        "batch": 2,
        "clip_s": 4.0,
        "scenes": 8,
        "validation_clips": 2,
        "workers": 0,
    }
    return ContentTraining(device="cpu", **{**folders, **small, **values})


def drawn(toy: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> scenes.Drawn:
    monkeypatch.setattr(scenes, "KINDS", {kind: 1.0})
    return Scenes(settings(toy), "train").make(np.random.default_rng(3))


@pytest.mark.parametrize(("kind", "holds"), [("speech", (True, False)), ("music", (False, True)),
                                             ("over", (True, True)), ("neither", (False, False))])  # fmt: skip
def test_a_scene_is_said_to_hold_what_went_into_it(
    toy: Path, kind: str, holds: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels, truth, _ = drawn(toy, kind, monkeypatch)
    assert levels.shape == (4 * PER_SECOND, BANDS)
    assert tuple(truth.max(axis=0) > 0) == holds


def test_what_sounds_in_half_of_a_second_counts_and_a_trace_is_left_open(toy: Path) -> None:
    cases = {0.0: (0, 1), 0.05: (0, 0), 0.5: (1, 1), 1.0: (1, 1)}
    made = Scenes(settings(toy), "train")
    speech = np.concatenate([np.arange(SAMPLE_RATE) < share * SAMPLE_RATE for share in cases]).astype(np.float32)
    truth, known = made.truth_of(speech, np.zeros_like(speech), 0.0)
    assert [tuple(pair) for pair in zip(truth[:, 0], known[:, 0], strict=True)] == list(cases.values())


def test_faint_music_under_speech_is_left_open(toy: Path) -> None:
    made = Scenes(settings(toy), "train")
    sound = np.ones(4 * SAMPLE_RATE, np.float32)
    assert made.truth_of(sound, sound, -10.0)[1].all()
    assert not made.truth_of(sound, sound, -24.0)[1][:, 1].any()
    assert not made.truth_of(sound, sound, 14.0)[1][:, 0].any()


def test_what_lies_outside_of_a_clip_is_silence_and_counts_for_nothing(toy: Path) -> None:
    made = Scenes(settings(toy), "train")
    for seed in range(20):
        levels, _, known = made(np.random.default_rng(seed))
        sounding = levels[scenes.MARGIN_S * PER_SECOND : -scenes.MARGIN_S * PER_SECOND].max(axis=1) > SILENCE_DB
        seconds = sounding.reshape(-1, PER_SECOND).any(axis=1)
        assert not known[~seconds].any()


def test_only_what_is_near_can_change_what_is_said_of_a_second() -> None:
    torch.manual_seed(0)
    network = ContentNetwork().eval()
    levels = torch.randn(1, 20 * PER_SECOND, BANDS) * 10 - 50
    other = levels.clone()
    other[:, : (10 - MARGIN_S) * PER_SECOND] -= 20
    other[:, (11 + MARGIN_S) * PER_SECOND :] += 20
    with torch.no_grad():
        before, after = network(levels)[0], network(other)[0]
    assert after[10] == pytest.approx(before[10], abs=1e-7)
    assert after[7] != pytest.approx(before[7], abs=1e-5)


def test_a_run_ends_in_weights_and_is_the_same_again(toy: Path, tmp_path: Path) -> None:
    first, second = (fit(settings(toy), tmp_path / name) for name in "ab")
    assert first is not None
    assert second is not None
    assert first.name == second.name
    assert first.name.startswith("content-")
    assert weights.into(ContentNetwork(), first)


def test_the_command(toy: Path, tmp_path: Path) -> None:
    folders = [argument for kind in ("speech", "music", "noise", "ir") for argument in (f"--{kind}", toy / kind)]
    small = ["--steps", 1, "--batch", 2, "--clip-s", 4, "--scenes", 2, "--validation-clips", 1, "--workers", 0]
    code, out, _ = invoke("train", "content", *folders, *small, "--device", "cpu", "-o", tmp_path / "run")
    assert code == 0
    assert "weights: " in out
    code, _, err = invoke("train", "content", "--speech", toy / "speech", "-o", tmp_path / "none")
    assert (code, "music must name a folder" in err) == (2, True)
