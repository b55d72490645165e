"""Weights come back as they were, or not at all."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
import torch
from programs import evil
from safetensors.torch import save_file
from torch import nn

from aural.errors import WeightsError
from aural.learning import weights

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor(3)}


def test_they_come_back_with_what_is_known_about_them(tmp_path: Path) -> None:
    path = weights.save(STATE, tmp_path, "tiny", {"hours": 2.5})
    assert weights.NAMED.fullmatch(path.name)
    state, about = weights.load(path)
    assert about == {"network": "tiny", "hours": 2.5}
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert path == weights.save(STATE, tmp_path, "tiny", {"hours": 2.5})


def test_damage_is_seen(tmp_path: Path) -> None:
    path = weights.save(STATE, tmp_path, "tiny", {})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        weights.load(path)


def test_what_is_missing_or_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        weights.load(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="not a file of weights"):
        weights.load(other)
    with pytest.raises(WeightsError, match="no weights of giant"):
        weights.shipped("aural.stages.noise_reduction.engines.compact", "giant")


def test_which_of_two_is_meant_cannot_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "room" / "weights").mkdir(parents=True)
    (tmp_path / "room" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    first = weights.save(STATE, tmp_path / "room" / "weights", "tiny", {})
    assert weights.shipped("room", "tiny") == first
    weights.save(STATE, tmp_path / "room" / "weights", "tiny", {"seed": 1})
    with pytest.raises(WeightsError, match="several weights of tiny"):
        weights.shipped("room", "tiny")


def saved(path: Path, about: str | None = None, **state: torch.Tensor) -> Path:
    save_file(STATE | {name.replace("_", "."): tensor for name, tensor in state.items()}, path,
              None if about is None else {"about": about})  # fmt: skip
    return path


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, wrong: float) -> None:
    path = saved(tmp_path / "w.safetensors", a_weight=torch.tensor([[0.0, wrong]]))
    with pytest.raises(WeightsError, match=r"w.safetensors: holds weights that are NaN or infinite"):
        weights.load(path)


@pytest.mark.parametrize(
    "about",
    ["[]", "[1]", "7", "null", '"x"', "{", "[" * 99999, "9" * 5000, '{"settings": []}', '{"settings": "pretrain"}'],
)
def test_what_stands_beside_the_weights_may_be_anything(tmp_path: Path, about: str) -> None:
    with pytest.raises(WeightsError, match=r"w.safetensors: is not a file of weights"):
        weights.into(nn.Linear(2, 2), saved(tmp_path / "w.safetensors", about))


@pytest.mark.parametrize(
    "changed",
    [
        {"weight": torch.zeros(3, 2)}, {"weight": torch.zeros(2, 2, dtype=torch.int64)},
        {"weight": torch.zeros(2, 2, dtype=torch.complex64)}, {"other": torch.zeros(1)}, {"bias": torch.zeros(())},
    ],
)  # fmt: skip
def test_weights_of_another_shape_or_kind_are_not_loaded(tmp_path: Path, changed: dict[str, torch.Tensor]) -> None:
    network = nn.Linear(2, 2)
    path = tmp_path / "w.safetensors"
    save_file(network.state_dict() | changed, path)
    with pytest.raises(WeightsError, match=r"w.safetensors: holds no weights of the network linear"):
        weights.into(network, path)
    save_file(network.half().state_dict(), path)
    assert weights.into(nn.Linear(2, 2), path).weight.dtype == torch.float32  # half precision is a kind of float


def test_what_never_ends_or_is_too_large_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    large = tmp_path / "large.safetensors"
    with large.open("wb") as file:
        file.truncate(weights.MOST_BYTES + 1)
    tracemalloc.start()
    for path, words in (
        ("/dev/zero", "is no regular file"), (tmp_path / "pipe.safetensors", "is no regular file"),
        (tmp_path, "is a folder"), (large, "holds 64.0 MiB; at most 64 are read"), ("a\0b", "null"),
    ):  # fmt: skip
        with pytest.raises(WeightsError, match=words):
            weights.load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"\0" * 8, b"\xff" * 100, b"\2\0\0\0\0\0\0\0{}", b"\2\0\0\0\0\0\0\0[]"])
def test_a_header_that_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match=r"w.safetensors: (is not a file of|holds no) weights"):
        weights.into(nn.Linear(2, 2), tmp_path / "w.safetensors")


def test_a_pickle_is_no_file_of_weights(tmp_path: Path) -> None:
    path = evil(tmp_path / "w.safetensors", tmp_path / "the program ran")
    with pytest.raises(WeightsError, match="is not a file of weights"):
        weights.load(path)
    assert not (tmp_path / "the program ran").exists()
