"""Chains as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aural import Chain, ChainError, Split, create
from aural.chainfile import presets, read_chain, write_chain
from aural.stage import Effect, Separator


def load(tmp_path: Path, text: str) -> Chain:
    path = tmp_path / "my.toml"
    path.write_text(text)
    return read_chain(path)


def test_there_and_back(tmp_path: Path) -> None:
    voice, separator = create("dynamic-compression", ratio=3.0), create("source-separation", engine="center")
    reduction = create("noise-reduction", hum_hz=50.0, hum_harmonics=(1, 2), mix=0.5)
    assert isinstance(voice, Effect)
    assert isinstance(reduction, Effect)
    assert isinstance(separator, Separator)
    quieter = Chain((voice,), mix=0.5)
    split = Split(separator, (("center", Chain((voice, quieter))),), mix=0.25)
    chain = Chain((reduction, split, quieter), mix=0.9)
    assert load(tmp_path, write_chain(chain)) == chain


@pytest.mark.parametrize("name", presets())
def test_presets(name: str, tmp_path: Path) -> None:
    chain = read_chain(name)
    assert chain.stages[-1].name == "master"
    assert load(tmp_path, write_chain(chain)) == chain


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[stage]]\nuse = "mastr"', "stage 1: no stage called 'mastr'; did you mean 'master'?"),
        (
            '[[stage]]\nuse = "master"\n[[stage]]\nuse = "master"\ntargt_lufs = -16',
            "stage 2: master: no parameter called",
        ),
        ('[[stage]]\nuse = "master"\ntarget_lufs = 3', "stage 1: master: target_lufs must be from"),
        ('[[stage]]\nuse = "master"\ntarget_lufs = "loud"', "stage 1: master: target_lufs must be from"),
        ('[[stage]]\nuse = "source-separation"', 'source-separation gives stems; write use = "split"'),
        ('[[stage]]\ntarget = "podcast"', 'stage 1: says no use = "name of a stage"'),
        ('[[stage]]\nuse = "split"', "a split needs separator ="),
        (
            '[[stage]]\nuse = "split"\nseparater = 1',
            "no entry called 'separater' in a split; did you mean 'separator'?",
        ),
        ('[[stage]]\nuse = "chain"\nmxi = 0.5\nstage = []', "no entry called 'mxi' in a chain; did you mean 'mix'?"),
        (
            '[[stage]]\nuse = "split"\nseparator = { use = "source-separation", engine = "center" }\n'
            '[[stage.branch]]\nuse = "master"',
            "a split's branches are [[stage.branch.NAME]] tables",
        ),
        ("[[stages]]\n", "no entry called 'stages' in a chain file; did you mean 'stage'?"),
        ('stage = "master"', "a chain is a list of [[stage]] tables"),
        ("use = ", "my.toml: Invalid value"),
    ],
)
def test_mistakes_get_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ChainError, match=re.escape(sentence)) as error:
        load(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "my.toml"))


def test_missing_files_and_presets() -> None:
    with pytest.raises(ChainError, match=r"nothing.toml: no such file"):
        read_chain("nothing.toml")
    with pytest.raises(ChainError, match=r"no preset called 'podcst'; did you mean 'podcast'\?"):
        read_chain("podcst")
