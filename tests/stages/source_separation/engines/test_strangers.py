"""Models from strangers: whatever stands in a file, nothing in it is run, and one sentence says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from demucs.htdemucs import HTDemucs
from programs import Program, evil
from recordings import invoke, voice, write
from safetensors.torch import save_file
from torch import Tensor

from aural import ChainError, Format, WeightsError
from aural.chainfile import read_chain
from aural.mix.mixfile import read_mix
from aural.stages.source_separation.engines.demucs import network as demucs_network
from aural.stages.source_separation.stage import SourceSeparation

SMALL: dict[str, Any] = {
    "sources": ["drums", "bass", "other", "vocals"], "channels": 4, "dconv_mode": 0, "t_layers": 1, "t_heads": 1,
    "t_hidden_scale": 1.0, "segment": 2,
}  # fmt: skip
SPLIT = """
[[{where}stage]]
use = "split"
separator = {{ use = "source-separation", engine = "demucs", model = '{model}' }}
[[{where}stage.branch.vocals]]
use = "gate"
"""
PICKLED = ("evil.th", "evil.wav", "evil.pt", "evil.ckpt", "folder", "bag.yaml")


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return HTDemucs(**SMALL).state_dict()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "the program ran"


@pytest.fixture
def pickled(tmp_path: Path, marker: Path) -> dict[str, Path]:
    """Put a pickle that runs a program wherever a model may lie."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "bagged").mkdir()
    evil(tmp_path / "folder" / "evil.th", marker)
    evil(tmp_path / "bagged" / "aaaa.th", marker)
    (tmp_path / "bagged" / "bag.yaml").write_text('models: ["aaaa"]')
    files = {name: evil(tmp_path / name, marker) for name in PICKLED if name.startswith("evil")}
    return files | {"folder": tmp_path / "folder", "bag.yaml": tmp_path / "bagged" / "bag.yaml"}


@pytest.mark.parametrize("name", PICKLED)
def test_a_text_file_runs_no_program(tmp_path: Path, marker: Path, pickled: dict[str, Path], name: str) -> None:
    chain, mix = tmp_path / "chain.toml", tmp_path / "mix.toml"
    chain.write_text(SPLIT.format(where="", model=pickled[name]))
    recording = write(tmp_path / "a.wav", voice(0.3, 2))
    track = f"[[track]]\nfile = '{recording}'\n"
    mix.write_text(track + SPLIT.format(where="track.", model=pickled[name]))
    with pytest.raises(ChainError, match=r"stage 1: source-separation: .* is a pickle, which can run any program"):
        read_chain(chain)
    with pytest.raises(ChainError, match="is a pickle, which can run any program"):
        read_mix(mix)
    clean, run = ["clean", "-n", "-p", chain, recording], ["chain", "--chain", chain, recording, tmp_path / "b.wav"]
    for command in (clean, run, ["mix", mix, "-o", tmp_path / "c.wav"]):
        code, out, err = invoke(*command)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "is a pickle" in err
    assert not marker.exists()


@pytest.mark.parametrize("name", PICKLED)
def test_a_pickle_is_opened_only_where_it_is_trusted(
    tmp_path: Path, marker: Path, pickled: dict[str, Path], name: str
) -> None:
    recording = write(tmp_path / "a.wav", voice(0.3, 2))
    command = ["source-separation", recording, tmp_path / "stems", "--engine", "demucs", "--model", pickled[name]]
    code, _, err = invoke(*command)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "--trust-model" in err
    assert not marker.exists()
    code, _, err = invoke(*command, "--trust-model")
    assert (code, len(err.splitlines())) == (2, 1)  # a program, and no model
    assert marker.exists()  # so it is the refusal that keeps it from running


@pytest.mark.parametrize(
    ("wrong", "words"), [("cut", "it is damaged, or was cut off"), ("tensors", "it does not say which network")]
)
def test_a_trusted_pickle_that_holds_no_network_is_refused_in_words(
    tmp_path: Path, state: dict[str, Tensor], wrong: str, words: str
) -> None:
    recording, path = write(tmp_path / "a.wav", voice(0.3, 2)), tmp_path / f"{wrong}.th"
    torch.save(state, path)
    if wrong == "cut":
        path.write_bytes(path.read_bytes()[:20000])
    command = ["source-separation", recording, tmp_path / "stems", "--engine", "demucs", "--model", path]
    code, _, err = invoke(*command, "--trust-model")
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"{path} cannot be opened as a model: {words}" in err


@pytest.mark.parametrize("engine", ["voice", "demucs"])
def test_trust_is_in_a_model_that_is_named(tmp_path: Path, engine: str) -> None:
    recording = write(tmp_path / "a.wav", voice(0.3, 2))
    code, _, err = invoke("source-separation", recording, tmp_path / "stems", "--engine", engine, "--trust-model")
    assert code == 2
    assert "--trust-model needs --model" in err


def test_trust_cannot_be_written_into_a_chain(tmp_path: Path, marker: Path, pickled: dict[str, Path]) -> None:
    for key in ("trust", "trust_model", "trusted"):
        text = SPLIT.format(where="", model=pickled["evil.th"]).replace("}", f", {key} = true }}")
        (tmp_path / "chain.toml").write_text(text)
        with pytest.raises(ChainError, match=f"no parameter called '{key}'"):
            read_chain(tmp_path / "chain.toml")
    assert not marker.exists()


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        SourceSeparation(engine="demucs", model=path).measure([], Format(44100, 2)).open(Format(44100, 2))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def saved(path: Path, state: dict[str, Tensor], klass: str = "demucs.htdemucs.HTDemucs", **beside: Any) -> Path:
    known = {"klass": klass, "args": "[]", "kwargs": json.dumps(SMALL)} | beside
    save_file(state, path, {key: text for key, text in known.items() if text is not None})
    return path


def test_tensors_with_a_good_class_are_a_model(tmp_path: Path, state: dict[str, Tensor]) -> None:
    assert demucs_network.load(saved(tmp_path / "good.safetensors", state)).sources == SMALL["sources"]


@pytest.mark.parametrize("klass", ["os.system", "subprocess.Popen", "builtins.exec", "demucs.htdemucs.x", "", None])
def test_no_other_class_is_looked_for(
    tmp_path: Path, state: dict[str, Tensor], klass: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(name: str) -> None:
        raise AssertionError(f"{name} is imported")

    marker = tmp_path / "ran"
    path = saved(tmp_path / "m.safetensors", state, klass, args=json.dumps([f"touch '{marker}'"]), kwargs="{}")
    monkeypatch.setattr("importlib.import_module", never)
    assert "is none of demucs.demucs.Demucs" in refusal(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"channels": 10**9}, "channels is not a plain value"),
        ({"channels": 4000}, "its tensors are not those of its class and arguments"),
        ({"depth": 10**5}, "depth is not a plain value"),
        ({"t_layers": 4096}, "t_layers is not a plain value"),
        ({"sources": ["a"] * 1000}, "sources is not a plain value"),
        ({"sources": ["../../a", "b", "c", "d"]}, "its stems are called"),
        ({"sources": ["a/b", "b", "c", "d"]}, "its stems are called"),
        ({"sources": ["b", "b", "c", "d"]}, "its stems are called"),
        ({"segment": 1e5}, "it takes 100000.0 s"),
        ({"segment": 0}, "it takes 0 s"),
        ({"samplerate": 1}, "at 1 Hz"),
        ({"nfft": {"_type": "fraction", "numerator": 1, "denominator": 0}}, "a fraction that is none"),
        ({"nfft": {"_class": "os.system"}}, "nfft is not a plain value"),
        ({"norm_starts": float("nan")}, "norm_starts is not a plain value"),
    ],
)  # fmt: skip
def test_arguments_are_plain_and_of_a_sane_size(
    tmp_path: Path, state: dict[str, Tensor], changed: dict[str, Any], words: str
) -> None:
    assert words in refusal(saved(tmp_path / "m.safetensors", state, kwargs=json.dumps(SMALL | changed)))


@pytest.mark.parametrize("beside", [{"kwargs": "[]"}, {"kwargs": "{"}, {"args": '{"a": 1}'}, {"kwargs": "[" * 99999}])
def test_what_stands_beside_the_tensors_may_be_anything(
    tmp_path: Path, state: dict[str, Tensor], beside: dict[str, str]
) -> None:
    assert "cannot be opened as a model" in refusal(saved(tmp_path / "m.safetensors", state, **beside))


def test_tensors_that_are_not_finite_or_of_another_shape_are_refused(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    name = next(iter(state))
    nan = state | {name: torch.full_like(state[name], torch.nan)}
    assert "NaN or infinite" in refusal(saved(tmp_path / "m.safetensors", nan))
    for other in (torch.zeros(3), state[name].long()):
        path = saved(tmp_path / "n.safetensors", state | {name: other})
        assert "not those of its class" in refusal(path)
        demucs_network.opened.cache_clear()


@pytest.mark.parametrize(
    "recipe",
    [
        "!!python/object/apply:subprocess.call [[touch, '{marker}']]",
        "models: !!python/object/apply:subprocess.call [[touch, '{marker}']]",
        "models: ['../aaaa']", "models: ['/etc/passwd']", "models: 7", "[]", "models: []", "models: ['aaaa*']",
        "models: ['aaaa']\nsegment: 1e9",
        "a: &a [x, x]\nb: &b [*a, *a]\nmodels: *b",
        "[" * 5000,
    ],
)  # fmt: skip
def test_a_recipe_is_plain_yaml(tmp_path: Path, marker: Path, recipe: str) -> None:
    (tmp_path / "bag.yaml").write_text(recipe.replace("{marker}", str(marker)))
    said = refusal(tmp_path / "bag.yaml")
    assert "cannot be opened as a model" in said
    assert "yaml" not in said.partition("as a model")[2]  # in words of our own
    assert not marker.exists()


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.th").write_text("no model")
    for path in (tmp_path / "notes.th", Path("/dev/zero")):
        assert "it is not a model" in refusal(path)


def test_a_trusted_module_is_still_checked(tmp_path: Path) -> None:
    torch.save(
        {"klass": HTDemucs, "args": (), "kwargs": SMALL, "state": Program(tmp_path / "ran")}, tmp_path / "m.th"
    )
    with pytest.raises(WeightsError, match="is a pickle"):
        demucs_network.load(tmp_path / "m.th")
    assert not (tmp_path / "ran").exists()
