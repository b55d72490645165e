"""Every --help, and the lists."""

from __future__ import annotations

import json

import click
import pytest
from recordings import invoke

from aural import registry
from aural.cli.commands import COMMANDS
from aural.cli.options import parameter_options
from aural.parameters import parameters
from aural.stages.frequency_expansion.evaluate import FrequencyExpansionEvaluation


@pytest.mark.parametrize("command", [*COMMANDS, *registry.names()])
def test_help(command: str) -> None:
    code, out, err = invoke(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: aural {command}")
    assert max(map(len, out.splitlines())) <= 110
    if command in registry.names():
        for parameter in parameters(registry.stage_class(command)):
            assert f"--{parameter.name.replace('_', '-')}" in out


def test_the_first_page_names_every_command() -> None:
    code, out, _ = invoke("--help")
    assert code == 0
    for command in [*COMMANDS, *registry.names()]:
        assert f"\n  {command} " in out


@pytest.mark.parametrize("command", ["stages", "presets", "models"])
def test_lists(command: str) -> None:
    _, out, _ = invoke(command, "--json")
    items = json.loads(out)
    assert items
    assert all(items.values() if isinstance(items, dict) else items)
    _, text, _ = invoke(command)
    assert len(text.splitlines()) == len(items)


def test_misspelt_command() -> None:
    code, _, err = invoke("clen")
    assert code == 2
    assert "no command called 'clen'; did you mean 'clean'?" in err
    code, _, err = invoke("chain", "a.wav", "b.wav", "masters")
    assert code == 2
    assert "no command called 'masters'; did you mean 'master'?" in err


def test_bad_value_is_one_sentence() -> None:
    code, _, err = invoke("master", "a.wav", "b.wav", "--release-ms", "-1")
    assert code == 2
    assert err.startswith("aural: master: release_ms must be from ")


@pytest.mark.parametrize(
    ("given", "ratio"), [([], (2, 4, 6)), (["--ratio", "2"], (2,)), (["--ratio", "2", "--ratio", "4,6"], (2, 4, 6))]
)
def test_numbers_may_be_given_several_times(given: list[str], ratio: tuple[int, ...]) -> None:
    command = click.Command("judge", params=list(parameter_options(FrequencyExpansionEvaluation)))
    assert command.make_context("judge", given).params["ratio"] == ratio
