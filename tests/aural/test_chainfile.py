"""Chains as text."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aural import Chain, ChainError, Split, create
from aural.chainfile import presets, read_chain, write_chain
from aural.mix.mixfile import read_mix
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


def test_a_name_that_is_no_utf8_cannot_be_saved() -> None:
    chain = Chain((create("match", reference="folder/bad\udcff.wav"),))  # type: ignore[arg-type]
    with pytest.raises(ChainError, match=r"^folder/bad\udcff.wav: the name is no UTF-8"):
        write_chain(chain)


@pytest.mark.parametrize("name", presets())
def test_presets(name: str, tmp_path: Path) -> None:
    chain = read_chain(name)
    assert chain.stages[-1].name == "master"
    assert load(tmp_path, write_chain(chain)) == chain


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('content = "voice"', "content must be speech or music, got 'voice'"),
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
        ("use = ", "my.toml: is no TOML: invalid value"),
        ('[[stage]]\nuse = "master"\nname = "x"', "stage 1: master: no parameter called 'name'"),
        ('[[stage]]\nuse = "master"\n__class__ = "x"', "master: no parameter called '__class__'"),
        ('[[stage]]\nuse = "master"\n_unmeasured = 1', "master: no parameter called '_unmeasured'"),
        ('[[stage]]\nuse = "master"\nstages = []', "master: no parameter called 'stages'"),
        ('[[stage]]\nuse = "master"\nself = 1', "master: no parameter called 'self'"),
        (f'[[stage]]\nuse = "master"\ngain_db = {"9" * 500}', "gain_db must be from -300 to 60 dB, got 9999"),
        (f'[[stage]]\nuse = "master"\ngain_db = {"9" * 5000}', "my.toml: holds a number of thousands of digits"),
        (f'[[stage]]\nuse = "frequency-generation"\nseed = {"9" * 500}', "seed must be from 0 to"),
        ('[[stage]]\nuse = "master"\ngain_db = nan', "gain_db must be from -300 to 60 dB, got nan"),
        ('[[stage]]\nuse = "master"\ngain_db = -inf', "gain_db must be from -300 to 60 dB, got -inf"),
        ('[[stage]]\nuse = "master"\nreference = "a\\u0000b"', "master: reference holds a NUL character"),
        ('[[stage]]\nuse = "equaliser"\nbands = ["a\\u0000"]', "equaliser: bands holds a NUL character"),
        (
            '[[stage]]\nuse = "equaliser"\nbands = [' + "'peak:100:1'," * 5000 + "]",
            "bands may hold 1000 values, got 5000",
        ),
        (
            '[[stage]]\nuse = "noise-reduction"\nhum_harmonics = [' + "1," * 5000 + "]",
            "may hold 1000 values, got 5000",
        ),
        (f"stage = {'[' * 5000}{']' * 5000}", "is nested too deeply"),
        ("\n".join(f"[[stage{'.stage' * n}]]\nuse = 'chain'" for n in range(400)), "nested too deeply"),
        (
            '[[stage]]\nuse = "master"\n' * 2000,
            "a chain has at most 100 stages, those of chains within it too, got 2000",
        ),
        (f"{'a' * 5000} = 1", "no entry called 'aaaaa"),
        (f'[[stage]]\nuse = "{"a" * 5000}"', "stage 1: no stage called 'aaaa"),
        ("# " + "a" * (1 << 20), "holds 1.0 MiB; at most 1 are read"),
    ],
)
def test_mistakes_get_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ChainError, match=re.escape(sentence)) as error:
        load(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "my.toml"))
    assert len(str(error.value)) < 1500
    assert "\n" not in str(error.value)


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name, words in {
        "zero": "no regular file",
        "pipe": "no regular file",
        "folder": "a folder",
        "bytes": "not a text",
    }.items():
        with pytest.raises(ChainError, match=f"{name}.toml: is {words}"):
            read_chain(tmp_path / f"{name}.toml")
        with pytest.raises(ChainError, match=f"{name}.toml: is {words}"):
            read_mix(tmp_path / f"{name}.toml")
    with pytest.raises(ChainError, match="null"):
        read_chain("a\0b.toml")


def test_missing_files_and_presets() -> None:
    with pytest.raises(ChainError, match=r"nothing.toml: no such file"):
        read_chain("nothing.toml")
    with pytest.raises(ChainError, match=r"no preset called 'podcst'; did you mean 'podcast'\?"):
        read_chain("podcst")
