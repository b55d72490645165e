"""The published networks: as their papers describe them, for audio of any length, and able to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from recordings import invoke

from aural.errors import ParameterError, WeightsError
from aural.learning import weights
from aural.stages.frequency_expansion import evaluate
from aural.stages.frequency_expansion.engines.envelope.network import Envelope
from aural.stages.frequency_expansion.evaluate import FrequencyExpansionEvaluation, snr_db
from aural.stages.frequency_expansion.published.networks import (
    NETWORKS,
    AudioUnet,
    Dnn,
    Drrn,
    MultiResidual,
    SrResNet,
    decimated,
    network,
    poorer,
    shuffled,
)

RATE = 16000


def harmonics(seconds: float = 1.0, hz: float = 220.0, partials: int = 30) -> Any:
    """A tone whose partials decay with their number, float32 (frames,)."""
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(0.2 / k * np.sin(2 * np.pi * hz * k * time + k) for k in range(1, partials)).astype(np.float32)


def parameters(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_audiounet_is_that_of_the_paper() -> None:
    net: Any = AudioUnet()
    down = [block[0] for block in net.down]
    assert [conv.out_channels for conv in down] == [128, 256, 512, 512, 512, 512, 512, 512]
    assert [conv.kernel_size[0] for conv in down] == [65, 33, 17, 9, 9, 9, 9, 9]
    assert all(conv.stride == (2,) for conv in down)
    assert [block.conv.out_channels // 2 for block in net.up] == [512, 512, 512, 512, 512, 512, 256]
    assert [block.conv.in_channels for block in net.up] == [512, 1024, 1024, 1024, 1024, 1024, 768]
    x = torch.zeros(1, 6000)
    seen = []
    for block in net.down:
        block.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[1:])))
    assert net.eval()(x).shape == x.shape
    assert seen[0] == (128, 3072)  # 6000 frames, on the grid of 256
    assert seen[-1] == (512, 24)


def test_residual_networks_are_those_of_the_papers() -> None:
    assert len(SrResNet().blocks) == 16
    assert parameters(SrResNet().blocks[0]) == 2 * (3 * 64 * 64 + 64) + 4 * 64 + 1
    drrn: Any = Drrn()
    assert drrn.block.units == 25
    assert parameters(drrn) == parameters(Drrn(units=1))  # one unit, used again and again
    assert drrn.block.unit[0][2].out_channels == 128
    parallel: Any = MultiResidual()
    assert len(parallel.blocks) == 2 * len(parallel.pairs) == 4
    assert all(block.enter[2].in_channels == 1 for block in parallel.blocks)  # each reads the input itself


@pytest.mark.parametrize("ratio", [2, 4])
def test_dnn_keeps_the_low_band_and_makes_the_high_one(ratio: int) -> None:
    net = Dnn(ratio).eval()
    assert [layer.out_features for layer in net.layers if isinstance(layer, torch.nn.Linear)][:3] == [2048] * 3
    audio = torch.from_numpy(poorer(harmonics(), ratio))[None]
    with torch.no_grad():
        spectra = torch.fft.rfft(net(audio) - audio).abs()[0]
    hz = torch.linspace(0, RATE / 2, len(spectra))
    cut = RATE / 2 / ratio
    assert spectra[hz < 0.9 * cut].max() < 3e-2 * spectra[hz > 1.1 * cut].max()


def test_shuffling_puts_pairs_of_channels_side_by_side() -> None:
    x = torch.arange(12.0).view(1, 4, 3)
    np.testing.assert_array_equal(shuffled(x)[0], [[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("frames", [1, 255, 1000, 6001])
def test_any_length(name: str, frames: int) -> None:
    net = network(name, 4, 16).eval()
    with torch.no_grad():
        out = net(torch.randn(2, frames, generator=torch.Generator().manual_seed(0)))
    assert out.shape == (2, frames)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_single_patch_can_be_learnt_by_heart(name: str) -> None:
    torch.manual_seed(0)
    wanted = harmonics(0.2)
    poor = torch.from_numpy(poorer(wanted, 4))[None]
    target = torch.from_numpy(wanted)[None]
    net = network(name, 4, 16)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    first = float(net.loss(poor, target).detach())
    for _ in range(120):
        loss = net.loss(poor, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if float(loss.detach()) < 0.3 * first:
            break
    assert float(loss.detach()) < 0.6 * first


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_the_poor_twin_has_lost_the_highs_alone(ratio: int) -> None:
    audio = harmonics()
    poor = decimated(audio, ratio)
    assert len(poor) == -(-len(audio) // ratio)
    back = poorer(audio, ratio)
    assert back.shape == audio.shape
    low = harmonics(partials=max(2, int(RATE / 2 / ratio * 0.4 / 220)))
    inner = slice(800, -800)
    assert snr_db(low[inner], poorer(low, ratio)[inner], RATE) > 30
    assert snr_db(audio, back, RATE) < 30


def test_snr_is_that_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(RATE).astype(np.float32)
    assert snr_db(audio, np.float32(0.9) * audio, RATE) == pytest.approx(20, abs=0.01)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    for number in range(3):
        path = tmp_path / "speech" / f"{'abc'[number]}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, harmonics(2.0, 150 + 60 * number), RATE)
    return tmp_path


@pytest.mark.parametrize("twin", ["decimated", "coded"])
def test_the_commands_train_a_network_and_judge_it(toy: Path, twin: str) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    small = ["--steps", 4, "--epoch-steps", 2, "--batch", 2, "--width", 8, "--validation-clips", 2, "--workers", 0]
    where = ["--speech", toy / "speech", "--device", "cpu"]
    command = ["train", "frequency-expansion", *where, *small, "--ratio", 4, "--twin", twin, "-o", toy / "run"]
    code, out, err = invoke(*command)
    assert (code, err) == (0, "")
    assert "step 4 of 4: loss" in out
    (path,) = (toy / "run").glob("audiounet-*.safetensors")
    table = toy / "table.md"
    judge = ["evaluate", "frequency-expansion", "--clean", toy / "speech", "--network", path, "-o", table]
    code, _, err = invoke(*judge, "--twin", twin)
    assert (code, err) == (0, "")
    lines = [line for line in table.read_text().splitlines() if line.startswith("|")]
    tables = "\n".join(lines).split("\n| --- |")[1:]
    assert len(tables) == {"decimated": 2, "coded": 1}[twin]  # by material and ratio, and by ratio
    assert all("\n| audiounet |" in table for table in tables)  # a network for each ratio
    assert all(("\n| spline |" in table) == (twin == "decimated") for table in tables)
    group = {"decimated": "| -, r = 6 (", "coded": "| -, coded ("}[twin]
    assert any(line.startswith(group) for line in lines)
    other = {"decimated": "coded", "coded": "decimated"}[twin]
    code, _, err = invoke(*judge, "--twin", other, "-f")
    assert code == 2
    assert f"was made for {twin} twins at 16000 Hz" in err


def test_the_optimiser_is_that_of_the_paper(toy: Path) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    recipe = FrequencyExpansionTraining(speech=(str(toy / "speech"),), width=8, steps=100).recipe()
    planned = recipe.configure_optimizers()
    optimizer, schedule = planned["optimizer"], planned["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert type(optimizer) is torch.optim.Adam
    np.testing.assert_allclose(rates, 1e-4 * np.minimum(1, 2 - np.arange(100) / 50))
    assert not recipe.averaged
    assert recipe.steepest is None


def test_a_run_with_dropout_goes_on_bit_for_bit(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    from aural.learning.run import fit
    from aural.stages.frequency_expansion.published.recipe import PublishedRecipe
    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    settings = FrequencyExpansionTraining(
        speech=(str(toy / "speech"),), width=8, steps=4, epoch_steps=2, batch=2, validation_clips=2, workers=0,
        device="cpu",
    )  # fmt: skip
    step = PublishedRecipe.training_step

    def broken(recipe: PublishedRecipe, batch: Any, index: int) -> Any:
        if recipe.global_step == 3:
            raise InterruptedError
        return step(recipe, batch, index)

    whole = fit(settings, toy / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(PublishedRecipe, "training_step", broken)
        with pytest.raises(InterruptedError):
            fit(settings, toy / "run")
    parts = fit(settings, toy / "run", resume=True)
    assert whole
    assert parts
    assert whole.name == parts.name


def test_an_engine_of_ones_own_training_is_judged_beside_that_of_aural(toy: Path) -> None:
    state = {name: torch.zeros_like(value) for name, value in Envelope().state_dict().items()}
    settings = {"network": "envelope", "ratio": 4, "width": None}
    path = weights.save(state, toy, "envelope", {"settings": settings})
    judged = [
        FrequencyExpansionEvaluation(clean=str(toy / "speech"), ratio=(2,), network=own).run()
        for own in ((), (str(path),))
    ]
    without, beside = ({score.system: score.values for score in report.scores} for report in judged)
    assert beside.pop(path.stem) != without["envelope"]
    assert beside == without
    with pytest.raises(ParameterError, match=f"two networks are called '{path.stem}'"):
        FrequencyExpansionEvaluation(clean=str(toy / "speech"), network=(str(path), str(path)))


def test_without_their_weights_it_is_said_where_they_are(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = FrequencyExpansionEvaluation(clean=str(toy / "speech"))
    assert {"audiounet", "dnn"} < set(judged.systems())
    assert not any("left out: their weights" in note for note in judged.notes())
    monkeypatch.setattr(evaluate, "shipped", list)
    assert set(judged.systems()) == {"spline", "envelope", "classical"}
    (sentence,) = (note for note in judged.notes() if "left out: their weights" in note)
    assert (Path(evaluate.__file__).parents[2] / evaluate.PUBLISHED).is_dir()
    assert evaluate.PUBLISHED in sentence


def test_of_a_folder_as_many_of_each_kind_are_judged_as_are_wanted(tmp_path: Path) -> None:
    for kind, count in (("a", 5), ("b", 2)):
        (tmp_path / kind).mkdir()
        for index in range(count):
            soundfile.write(tmp_path / kind / f"{index}.wav", np.zeros(100), 16000)
    judged = FrequencyExpansionEvaluation(clean=str(tmp_path), files=2, twin="coded")
    assert [case.name for case in judged.cases()] == ["a/0.wav", "a/2.wav", "b/0.wav", "b/1.wav"]
    with pytest.raises(ParameterError, match="part is for speech and music, not for clean"):
        FrequencyExpansionEvaluation(clean=str(tmp_path), part="all")


def test_what_is_wrong_is_said(toy: Path) -> None:
    pytest.importorskip("lightning", reason='needs pip install "aural[train]"')
    from aural.stages.frequency_expansion.train import FrequencyExpansionTraining

    folder = str(toy / "speech")
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({}, "must name a folder"),
        ({"speech": (folder,), "ratio": 3}, "ratio must be 2, 4 or 6"),
        ({"speech": (folder,), "network": "dnn", "ratio": 6}, "dnn is for"),
        (
            {"speech": (folder,), "network": "envelope", "width": 8},
            "width is for network audiounet, ",
        ),
    ]
    for wrong, message in wrongs:
        with pytest.raises(ParameterError, match=message):
            FrequencyExpansionTraining(**wrong)
    for given, message in (({}, "give either"), ({"clean": "a", "ratio": (5,)}, "ratio must be among")):
        with pytest.raises(ParameterError, match=message):
            FrequencyExpansionEvaluation(**given)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="ratio is for twin decimated, not for twin coded"):
        FrequencyExpansionEvaluation(clean=folder, twin="coded", ratio=(2,))
    with pytest.raises(WeightsError, match="no such file"):
        FrequencyExpansionEvaluation(clean=folder, network=("none.safetensors",))
