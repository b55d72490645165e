"""The core, through small stages: chains, splits, frames and segments keep the contract too."""

from collections.abc import Callable

import pytest
from demo_stages import Frames, Gain, LowHigh, Normalise, Rate, Smooth

from aural import Chain, Split, Stage
from aural.testing import RULES

STAGES = {
    "gain": Gain(),
    "normalise": Normalise(),
    "rate": Rate(),
    "frames": Frames(),
    "smooth": Smooth(),
    "half-smooth": Smooth(mix=0.4),
    "half-rate": Rate(mix=0.4),
    "low-high": LowHigh(),
    "chain": Chain((Gain(), Smooth(), Frames(factor=0.5))),
    "two-pass-chain": Chain((Smooth(), Normalise(), Gain(), Normalise(peak_dbfs=-6.0)), mix=0.5),
    "split": Split(LowHigh(), {"low": Smooth(), "high": Gain()}),
    "two-pass-split": Split(LowHigh(), {"low": Normalise()}),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Stage, rule: Callable[[Stage], None]) -> None:
    rule(stage)
