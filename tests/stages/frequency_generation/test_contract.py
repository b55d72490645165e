"""Frequency generation keeps the contract, with every engine."""

from __future__ import annotations

import pytest

from aural import testing
from aural.stages.frequency_generation.stage import FrequencyGeneration

VARIANTS = {
    "half": FrequencyGeneration(mix=0.5, seed=3),
    "low-passed": FrequencyGeneration(engine="classical", cutoff_hz=6000.0, holes=0.0, tonality=1.0),
}


@pytest.mark.parametrize("engine", [engine.name for engine in FrequencyGeneration.engines])
@pytest.mark.usefixtures("drawn")
def test_contract(engine: str) -> None:
    testing.check_stage(FrequencyGeneration(engine=engine, cutoff_hz=15000.0, holes=0.1))


@pytest.mark.parametrize("stage", VARIANTS.values(), ids=VARIANTS)
def test_variants_keep_it_too(stage: FrequencyGeneration) -> None:
    testing.blocks_do_not_matter(stage)
    testing.time_zero_is_time_zero(stage)
    testing.silence_and_level(stage)
