"""What an error says is made of its fields: path, stage, parameter, what is allowed."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

import aural
from aural import errors
from aural.audio.files import read
from aural.errors import AudioError, AuralError, ParameterError, WeightsError
from aural.learning.weights import load

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AuralError)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sentence_begins_with_path_and_stage(kind: type[AuralError]) -> None:
    assert str(kind("is bad")) == "is bad"
    error = kind("x must be small", path=Path("a.toml"), stage="gate", parameter="x", allowed="small")
    for one in (error, pickle.loads(pickle.dumps(error))):  # from another process
        assert str(one) == "a.toml: gate: x must be small"
        assert (one.what, one.path, one.stage) == ("x must be small", Path("a.toml"), "gate")
        assert (one.parameter, one.allowed) == ("x", "small")


def test_a_parameter() -> None:
    with pytest.raises(ParameterError) as caught:
        aural.create("gate", threshold_db="loud")
    assert (caught.value.stage, caught.value.parameter) == ("gate", "threshold_db")
    assert caught.value.allowed
    assert f"must be {caught.value.allowed}" in str(caught.value)
    with pytest.raises(ParameterError) as caught:
        aural.create("gate", treshold_db=1)
    assert (caught.value.stage, caught.value.parameter) == ("gate", "treshold_db")


def test_a_path(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        read(tmp_path / "none.wav")
    assert caught.value.path == tmp_path / "none.wav"
    (tmp_path / "none.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsError) as refused:
        load(tmp_path / "none.safetensors")
    assert refused.value.path == tmp_path / "none.safetensors"
