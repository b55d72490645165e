"""Noise reduction keeps the contract, with every engine and with what stands in front of it."""

from collections.abc import Callable

import pytest

from aural import testing
from aural.stage import Stage
from aural.stages.noise_reduction.stage import NoiseReduction

ENGINES = {engine.name: NoiseReduction(engine=engine.name) for engine in NoiseReduction.engines}
VARIANTS = {
    "filters": NoiseReduction(max_attenuation_db=0.0, highpass_hz=80.0),
    "compact, room": NoiseReduction(dereverb=1.0, keep="music", hum_hz=50.0),
    "mmse, profile": NoiseReduction(engine="mmse", noise_profile="0.0-0.3"),
    "gate, profile": NoiseReduction(engine="gate", noise_profile="0.0-0.3"),
    "mmse, saved profile": NoiseReduction(engine="mmse", measured_noise_dbfs=(-70.0,) * 48, highpass_hz=60.0),
}


@pytest.mark.parametrize("rule", testing.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", ENGINES)
def test_contract(name: str, rule: Callable[[Stage], None]) -> None:
    rule(ENGINES[name])


@pytest.mark.parametrize("stage", VARIANTS.values(), ids=VARIANTS)
def test_variants_keep_it_too(stage: NoiseReduction) -> None:
    """The rules that hold for any setting; rule 1 over one frame needs a stage that learns from no passage."""
    ready = testing.measured(stage, testing.probe("voice"))
    testing.blocks_do_not_matter(ready)
    testing.time_zero_is_time_zero(stage)
    testing.chains_compose(stage)
    testing.streams_are_strangers(ready)
    testing.silence_and_level(stage)
