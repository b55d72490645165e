"""Learning a chain from pairs: the twin beside the engine, its gradients, settings found again, the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lightning", reason='needs pip install "aural[train]"')

import torch
from recordings import invoke, loud, voice, write

from aural import create
from aural.chainfile import read_chain
from aural.errors import ParameterError
from aural.learning.run import fit
from aural.parameters import parameters
from aural.signals import Block
from aural.stages.dynamic_compression.evaluate import (
    DynamicCompressionEvaluation,
    crest_factor,
    level,
    loudness_curve,
    mr_stft,
    spectrum,
)
from aural.stages.dynamic_compression.fitting import WholeAdam
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.stages.dynamic_compression.train import DynamicCompressionTraining
from aural.stages.dynamic_compression.twin import LEARNT, Range, Twin, compressed, equalised, smooth

RATE = 48000
LOW_RATE = 16000  # of what is learnt from: so it is quick
NAME = "dynamic-compression"
TRUTH = DynamicCompression(threshold_db=-30.0, ratio=4.0, attack_ms=8.0, release_ms=80.0, makeup_db=5.0)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


SIGNALS: dict[str, Block] = {
    "voice": voice(0.5, 2) * np.float32(4),
    "bursts": loud(0.5),
    "full scale": np.sign(loud(0.2)),
    "silence": np.zeros((1, 4800), np.float32),
    "a click in silence": np.eye(1, 9600, 2000, dtype=np.float32),
    "over full scale": 30 * loud(0.2),
    "the softest numbers": loud(0.1) * np.float32(1e-38),
}


def twin_of(stage: DynamicCompression, audio: Block, rate: int) -> Block:
    values = {name: torch.tensor(float(getattr(stage, name))) for name in LEARNT}
    made: Block = compressed(torch.from_numpy(audio)[None], rate, values, stage.detector)[0].numpy()
    return made


def allowed(name: str) -> st.SearchStrategy[float]:
    spec = next(p.spec for p in parameters(DynamicCompression) if p.name == name)
    if name == "knee_db":
        return st.just(0.0) | st.floats(1e-3, spec.high)
    return st.floats(spec.low, spec.high)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SIGNALS)),
    st.fixed_dictionaries({name: allowed(name) for name in LEARNT}),
    st.sampled_from(["peak", "rms"]),
    st.sampled_from([8000, 48000]),
)
def test_twin_and_engine_are_one(signal: str, values: dict[str, float], detector: str, rate: int) -> None:
    if detector == "peak":
        values.pop("rms_ms")
    stage, audio = DynamicCompression(**values, detector=detector), SIGNALS[signal]
    wanted, found = stage(audio, rate), twin_of(stage, audio, rate)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize(
    "band", [("low-shelf", 120.0, -6.0, 0.7), ("peak", 2500.0, 9.0, 2.0), ("high-shelf", 6000.0, 5.0, 0.5)]
)
def test_twin_and_equaliser_are_one(band: tuple[str, float, float, float], rate: int) -> None:
    kind, *numbers = band
    audio = loud(0.5)
    wanted = create("equaliser", bands=(":".join(map(str, band)),))(audio, rate)
    made = equalised(torch.from_numpy(audio)[None], rate, (kind,), *(torch.tensor([number]) for number in numbers))
    np.testing.assert_allclose(made[0].numpy(), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_gradients_of_the_smoother() -> None:
    target = torch.rand(2, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    poles = [torch.tensor(pole, dtype=torch.float64, requires_grad=True) for pole in (0.6, 0.95)]
    assert torch.autograd.gradcheck(smooth, (target, *poles))


@pytest.mark.parametrize("detector", ["peak", "rms"])
def test_gradients_of_the_settings(detector: str) -> None:
    audio = torch.from_numpy(loud(0.02, rate=8000).astype(np.float64))[None]
    names = list(LEARNT)
    values = [getattr(TRUTH, name) for name in names]

    def run(*given: torch.Tensor) -> torch.Tensor:
        return compressed(audio, 8000, dict(zip(names, given, strict=True)), detector)

    assert torch.autograd.gradcheck(run, [doubles(value)[0].detach().requires_grad_() for value in values])


def test_gradients_through_the_chain_reach_every_setting() -> None:
    twin = Twin(DynamicCompression(threshold_db=-40.0, detector="rms"), bands=4, sample_rate=RATE)
    twin(torch.from_numpy(loud(0.2))[None]).square().sum().backward()
    gradients = {name: p.grad for name, p in twin.named_parameters()}
    assert len(gradients) == len(LEARNT) + 3
    gains = gradients.pop("bands.gain_db")
    assert gains is not None
    assert gains.all()
    for name in LEARNT:
        assert gradients[f"compressor.{name}"]


@given(st.floats(0.02, 0.98))
def test_a_setting_comes_back_from_its_free_number(share: float) -> None:
    for scale in ("linear", "logarithmic", "reciprocal"):
        of = Range(1.0, 100.0, scale)
        value = 1 + 99 * share if scale != "reciprocal" else 1 / share
        assert float(of.value(torch.tensor(of.free(value), dtype=torch.float64))) == pytest.approx(value)


def test_the_optimiser_runs_along_a_slanting_valley() -> None:
    """Steps of Adam for each parameter alone are lost in it: after these many it is 0.1 away, or more."""
    place = torch.nn.Parameter(torch.zeros(2))
    optimiser = WholeAdam([place], lr=0.05)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        across, along = place[0] + place[1] - 2, place[0] - place[1] - 1
        loss = 100 * across.square() + 0.01 * along.square()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert place.detach().numpy() == pytest.approx([1.5, 0.5], abs=0.02)


def fill(folder: Path, lag: int = 0, gain: float = 1.0, count: int = 2, truth: Any = TRUTH) -> Path:
    """Write recordings and what the truth makes of them, later by a lag."""
    for name in ("input", "target"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        audio = loud(3.0, number, LOW_RATE) * np.float32(0.3)
        write(folder / "input" / f"{number}.wav", audio, LOW_RATE, "FLOAT")
        late = np.pad(truth(audio, LOW_RATE), ((0, 0), (lag, 0)))
        write(folder / "target" / f"{number}.wav", np.float32(gain) * late, LOW_RATE, "FLOAT")
    return folder


def training(folder: Path, **values: Any) -> DynamicCompressionTraining:
    small = {"steps": 80, "epoch_steps": 40, "batch": 2, "clip_s": 0.5, "validation_clips": 2, "workers": 0}
    where = {"input": str(folder / "input"), "target": str(folder / "target")}
    return DynamicCompressionTraining(device="cpu", **{**small, **where, **values})


def test_known_settings_are_found_again(tmp_path: Path) -> None:
    """From a late target of the other polarity, too."""
    pairs_of = fill(tmp_path, lag=777, gain=-1.0)
    path = fit(training(pairs_of, batch=4, steps=120, epoch_steps=60), tmp_path / "run")
    assert path == tmp_path / "run" / "chain.toml"
    (found,) = read_chain(path).stages
    assert isinstance(found, DynamicCompression)
    for name, near in {"threshold_db": 1.0, "makeup_db": 0.5, "knee_db": 4.0}.items():
        assert getattr(found, name) == pytest.approx(getattr(TRUTH, name), abs=near)
    for name in ("ratio", "attack_ms", "release_ms"):
        assert getattr(found, name) == pytest.approx(getattr(TRUTH, name), rel=0.1)
    card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert "| delays in frames, taken out | 777 |" in card
    assert "validation/loss" in card


def test_an_equaliser_in_front_is_found_again(tmp_path: Path) -> None:
    shelf = create("equaliser", bands=("low-shelf:300:-9:0.7",))
    fill(tmp_path, truth=lambda audio, rate: TRUTH(shelf(audio, rate), rate))
    path = fit(training(tmp_path, bands=1, steps=100, epoch_steps=100), tmp_path / "run")
    chain = read_chain(path)
    assert [stage.name for stage in chain.stages] == ["equaliser", NAME]
    first: Any = chain.stages[0]
    kind, hz, gain_db, _ = first.bands[0].split(":")
    assert kind == "low-shelf"
    assert float(hz) == pytest.approx(300, rel=0.15)
    assert float(gain_db) == pytest.approx(-9, abs=1.0)


def test_a_run_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aural.stages.dynamic_compression.train import FittingRecipe

    fill(tmp_path, count=4)
    small = training(tmp_path, steps=6, epoch_steps=2)
    whole = fit(small, tmp_path / "whole")
    step = FittingRecipe.training_step

    def broken(recipe: FittingRecipe, batch: Any, index: int) -> Any:
        if recipe.global_step == 5:
            raise RuntimeError("the power fails")
        return step(recipe, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(FittingRecipe, "training_step", broken)
        with pytest.raises(RuntimeError, match="the power fails"):
            fit(small, tmp_path / "run")
    done = fit(DynamicCompressionTraining.read(tmp_path / "run"), tmp_path / "run", resume=True)
    assert whole
    assert done
    assert done.read_text() == whole.read_text()
    assert "pairs held out" in (tmp_path / "run" / "MODEL_CARD.md").read_text()


def test_every_fourth_pair_is_held_out(tmp_path: Path) -> None:
    settings = training(fill(tmp_path, count=5))
    assert [p.name for p in settings.material("validation")] == ["3"]
    assert [p.name for p in settings.material("train")] == ["0", "1", "2", "4"]


def test_the_measures_are_what_they_say() -> None:
    audio = loud(3.0)[0]
    measures = (level, loudness_curve, crest_factor, spectrum, mr_stft)
    assert [measure(audio, audio, RATE) for measure in measures] == pytest.approx([0] * 5, abs=1e-9)
    half = [measure(audio, audio / 2, RATE) for measure in measures]
    assert half == pytest.approx([20 * np.log10(2), 0, 0, 0, 0], abs=1e-4)
    steady = (0.1 * np.random.default_rng(0).standard_normal(4 * RATE)).astype(np.float32)
    step = steady * np.where(np.arange(4 * RATE) < 2 * RATE, 1, 10 ** (-6 / 20)).astype(np.float32)
    assert loudness_curve(steady, step, RATE) == pytest.approx(3.0, abs=0.3)  # up in one half, down in the other
    clipped = np.clip(steady, -0.15, 0.15)
    expected = 20 * np.log10(np.abs(steady).max() / steady.std()) - 20 * np.log10(0.15 / clipped.std())
    assert crest_factor(steady, clipped, RATE) == pytest.approx(expected, abs=1.0)
    tilted = create("equaliser", bands=("high-shelf:1000:6",))(steady, RATE)
    assert 2 < spectrum(steady, tilted, RATE) < 3.5
    treble = create("equaliser", bands=("high-shelf:8000:6",))(steady, RATE)
    raised_db = 10 * np.log10(1 / 3 + 2 / 3 * 10**0.6)  # by which the level goes up; a third of the bins does not
    assert mr_stft(steady, treble, RATE) == pytest.approx((raised_db + 2 * (6 - raised_db)) / 3, abs=0.5)


def test_the_commands(tmp_path: Path) -> None:
    fill(tmp_path)
    folders = ["--input", tmp_path / "input", "--target", tmp_path / "target"]
    small = ["--steps", 40, "--epoch-steps", 20, "--batch", 2, "--clip-s", 0.5, "--validation-clips", 1]
    small += ["--workers", 0, "--device", "cpu", "-o", tmp_path / "run"]
    code, out, err = invoke("train", NAME, *folders, *small)
    assert (code, err) == (0, "")
    assert "step 40 of 40: loss" in out
    assert f"a chain: {tmp_path / 'run' / 'chain.toml'}, described in" in out
    chain = tmp_path / "run" / "chain.toml"
    assert invoke("chain", tmp_path / "input" / "0.wav", tmp_path / "out.wav", "--chain", chain)[0] == 0
    table = tmp_path / "table.json"
    code, out, err = invoke("evaluate", NAME, *folders, "--chain", chain, "--extra", f"again={chain}", "-o", table)
    assert (code, err) == (0, "")
    assert all(word in out for word in ("level", "MR-STFT", "input", "chain", "again"))
    rows = {row["system"]: row for row in json.loads(table.read_text())["tables"]["recordings"]}
    assert rows["chain"] == rows["again"] | {"system": "chain"}
    for metric in DynamicCompressionEvaluation.metrics:
        assert rows["chain"][metric.name] < 0.5 * rows["input"][metric.name]


def test_the_commands_refuse_in_one_sentence(tmp_path: Path) -> None:
    fill(tmp_path)
    before, after = tmp_path / "input", tmp_path / "target"

    def refused(sentence: str, *arguments: object) -> None:
        code, out, err = invoke(*arguments)
        assert (code, out) == (2, "")
        assert sentence in err
        assert len(err.strip().splitlines()) == 1

    refused("target must name a folder of audio", "train", NAME, "--input", before, "-o", tmp_path / "run")
    run = ("-o", tmp_path / "run")
    nowhere = tmp_path / "nowhere"
    refused("nowhere: no such folder", "train", NAME, "--input", before, "--target", nowhere, *run)
    refused("input must name a folder of audio", "evaluate", NAME, "--target", after)
    refused("nowhere.toml", "evaluate", NAME, "--input", before, "--target", after, "--chain", "nowhere.toml")
    write(before / "2.wav", loud(2.0), 44100)
    write(after / "2.wav", loud(2.0), 44100)
    refused("a chain is fitted to one format", "train", NAME, "--input", before, "--target", after, *run)
    assert not (tmp_path / "run" / "last.ckpt").exists()


def test_settings_that_are_for_networks_are_no_options() -> None:
    code, out, _ = invoke("train", NAME, "--help")
    assert code == 0
    assert "which ends with a chain" in " ".join(out.split())
    assert not any(f"--{name}" in out for name in ("network", "init", "pretrain", "precision"))
    with pytest.raises(ParameterError):
        DynamicCompressionTraining(input="a", target="b", bands=13)  # type: ignore[call-arg]
