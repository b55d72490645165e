"""The voice network: a stream of pieces, mono, what comes with it; its training and the material it learns from."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightning", reason='needs pip install "aural[train]"')

import torch
from recordings import invoke, voice, write
from torch.nn import functional

from aural.degrade import active_db
from aural.errors import AudioError, ParameterError
from aural.learning import weights
from aural.learning.run import fit
from aural.stages.source_separation.engines.voice.network import AHEAD, BINS, Voice, analysis, synthesis, turned
from aural.stages.source_separation.engines.voice.recipe import SeparationRecipe
from aural.stages.source_separation.mixing import ALONE, Mixing
from aural.stages.source_separation.stage import SourceSeparation
from aural.stages.source_separation.train import SeparationTraining
from aural.testing import probe

RATE = 48000


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return weights.save(Voice().state_dict(), tmp_path_factory.mktemp("weights"), "voice", {})


def test_the_network_is_a_stream(drawn: Path) -> None:
    network = weights.into(Voice(), drawn)
    spectra = analysis(torch.randn(2, 2, 60 * 1024))
    with torch.inference_mode():
        whole, _ = network(spectra, network.begin(2))
        first, memory = network(spectra[:, :, :25], network.begin(2))
        second, _ = network(spectra[:, :, 25:], memory)
    torch.testing.assert_close(torch.cat([first, second], dim=2), whole, atol=2e-3, rtol=1e-3)


def test_what_the_network_gives_depends_on_a_few_frames_ahead_and_no_more(drawn: Path) -> None:
    network = weights.into(Voice(), drawn)
    spectra = analysis(torch.randn(1, 2, 40 * 1024))
    changed = spectra.clone()
    changed[:, :, 30:] = 0
    with torch.inference_mode():
        both = [network(x, network.begin(1))[0][:, :, AHEAD:] for x in (spectra, changed)]
    apart = (both[0] - both[1]).abs().amax(dim=(0, 1, 3))
    assert not apart[: 30 - AHEAD].any()
    assert apart[30 - AHEAD].any()


def test_the_stream_is_the_network_over_the_whole(drawn: Path) -> None:
    audio = probe("voice", 3.0)
    network = weights.into(Voice(), drawn)
    with torch.inference_mode():
        spectra = functional.pad(analysis(torch.tensor(audio)[None]), (0, 0, 0, AHEAD))
        wanted = synthesis(network(spectra, network.begin(1))[0][:, :, AHEAD:], audio.shape[-1])[0].numpy()
    stems = SourceSeparation(engine="voice", weights=str(drawn))(audio, RATE)
    np.testing.assert_allclose(stems["voice"], wanted, atol=1e-4)
    assert 0.1 < stems["voice"].std() / audio.std() < 0.9


def test_mono_is_two_equal_channels(drawn: Path) -> None:
    audio = probe("voice", 2.0)[0]
    stage = SourceSeparation(engine="voice", weights=str(drawn))
    mono, stereo = stage(audio, RATE), stage(np.stack([audio, audio]), RATE)
    np.testing.assert_allclose(mono["voice"], stereo["voice"][0], atol=1e-6)
    for stem in stereo.values():
        np.testing.assert_array_equal(*stem)


def test_spectra_come_back_as_audio() -> None:
    audio = torch.randn(2, 2, 9999)
    spectra = analysis(audio)
    assert spectra.shape[-1] == BINS
    torch.testing.assert_close(synthesis(spectra, 9999), audio, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned(turned(spectra)), spectra)


def test_it_is_the_default_and_needs_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the network is asked")

    monkeypatch.setattr(socket.socket, "connect", never)
    stage = SourceSeparation()
    assert (stage.engine, stage.stems) == ("voice", ("voice", "rest"))
    assert set(stage(voice(1.0), RATE)) == {"voice", "rest"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four voices, four noises and four songs."""
    folder = tmp_path_factory.mktemp("toy")
    rng = np.random.default_rng(0)
    for name in "abcd":
        noise = (rng.standard_normal((2, 3 * RATE)) * 0.05).astype(np.float32)
        for path, audio in (
            (f"voice/{name}.wav", voice(2.5)),
            (f"rest/{name}.wav", noise),
            (f"songs/{name}/vocals.wav", voice(2.5)),
            (f"songs/{name}/drums.wav", noise),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write(folder / path, audio)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def settings(toy: Path, **values: Any) -> SeparationTraining:
    small = {"steps": 4, "epoch_steps": 2, "batch": 2, "clip_s": 0.6, "validation_clips": 2, "workers": 0}
    folders = {"voice": (str(toy / "voice"),), "rest": (str(toy / "rest"),)}
    return SeparationTraining(device="cpu", **{**small, **folders, **values})


def test_clips_are_a_mixture_at_unit_level_and_the_voice_in_it(toy: Path) -> None:
    for folders in ({}, {"stems": (str(toy / "songs"),)}, {"stems": (str(toy / "songs"),), "voice": (), "rest": ()}):
        mixing = Mixing(settings(toy, **folders), "train")
        ratios, alone = [], 0
        for seed in range(40):
            mixture, voice = mixing(np.random.default_rng(seed))
            assert mixture.shape == voice.shape == (2, 28800)
            assert max(active_db(channel, RATE) for channel in mixture) == pytest.approx(0, abs=0.1)
            if voice.any() and np.abs(mixture - voice).max() > 1e-4:
                ratios.append(
                    max(active_db(v, RATE) for v in voice) - max(active_db(r, RATE) for r in mixture - voice)
                )
            else:
                alone += 1
        assert -10.1 < min(ratios) < -4
        assert 4 < max(ratios) < 10.1
        assert 0 < alone < 40 * 6 * ALONE


def test_the_loss_falls(toy: Path, tmp_path: Path) -> None:
    path = fit(settings(toy, steps=20, epoch_steps=10, learning_rate=0.01), tmp_path / "run")
    assert path
    recipe = SeparationRecipe(settings(toy), Voice())
    clips = recipe.clips("validation")
    batch = torch.utils.data.default_collate([clips(np.random.default_rng(n)) for n in range(4)])
    losses = []
    torch.manual_seed(0)
    for state in (Voice().state_dict(), weights.load(path)[0]):
        recipe.network.load_state_dict(state)
        with torch.no_grad():
            losses.append(float(recipe.losses(batch)["loss"]))
    assert losses[1] < losses[0] - 0.1
    assert SourceSeparation(engine="voice", weights=str(path))(voice(1.0), RATE)["voice"].any()


def test_a_run_goes_on_bit_for_bit(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(settings(toy), tmp_path / "whole")
    step = SeparationRecipe.training_step

    def broken(recipe: SeparationRecipe, batch: Any, index: int) -> Any:
        if recipe.global_step == 3:
            raise RuntimeError("the power fails")
        return step(recipe, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(SeparationRecipe, "training_step", broken)
        with pytest.raises(RuntimeError, match="the power fails"):
            fit(settings(toy), tmp_path / "broken")
    again = fit(SeparationTraining.read(tmp_path / "broken"), tmp_path / "broken", resume=True)
    assert whole
    assert again
    (a, _), (b, _) = weights.load(whole), weights.load(again)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_what_cannot_be_trained_is_said(toy: Path) -> None:
    for values, words in {
        (("voice", ()),): "give stems, or voice and rest",
    }.items():
        with pytest.raises(ParameterError, match=words):
            settings(toy, **dict(values))
    songs = toy / "instrumental"
    for name in "abc":
        (songs / name).mkdir(parents=True, exist_ok=True)
        for stem in ("drums", "bass"):
            write(songs / name / f"{stem}.wav", voice(1.0))
    with pytest.raises(AudioError, match="no song for train has a stem called vocals, "):
        Mixing(settings(toy, voice=(), rest=(), stems=(str(songs),)), "train")


def test_the_command_trains(toy: Path, tmp_path: Path) -> None:
    small = "--steps 2 --epoch-steps 2 --batch 1 --clip-s 0.6 --validation-clips 1 --workers 0 --device cpu".split()
    code, out, err = invoke("train", "source-separation", "--stems", toy / "songs", *small, "-o", tmp_path / "run")
    assert (code, err) == (0, "")
    assert "voice-" in out
    refused = tmp_path / "refused"
    code, out, err = invoke("train", "source-separation", "--stems", toy / "voice", *small, "-o", refused)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert not refused.exists()
    assert "stems" in (tmp_path / "run" / "MODEL_CARD.md").read_text()
