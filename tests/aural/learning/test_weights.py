"""Weights come back as they were, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

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
