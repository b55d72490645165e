"""Parameters: checked where they are given, written once."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from demo_stages import Gain, Normalise
from hypothesis import given
from hypothesis import strategies as st

from aural import Chain, NotReady, ParameterError, registry
from aural.parameters import markdown, parameters
from aural.signals import Format
from aural.stage import Stage

ROOMS = Path(__file__).parent.parent.parent / "stages"
NUMERIC = [(name, p) for name in registry.names() for p in parameters(registry.stage_class(name)) if p.numeric]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"gain_db": 99.0}, "gain: gain_db must be from -60 to 60 dB, got 99.0"),
        ({"gain_db": float("nan")}, "gain: gain_db must be from -60 to 60 dB, got nan"),
        ({"gain_db": "4"}, "gain: gain_db must be from -60 to 60 dB, got '4'"),
        ({"gain_db": True}, "gain: gain_db must be from -60 to 60 dB, got True"),
        ({"mix": -0.1}, "gain: mix must be from 0 to 1, got -0.1"),
    ],
)
def test_bad_values_get_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ParameterError, match=f"^{re.escape(sentence)}$"):
        Gain(**values)  # type: ignore[arg-type]


@given(st.floats(-60, 60), st.floats(0, 1))
def test_a_stage_is_a_value(gain_db: float, mix: float) -> None:
    assert Gain(gain_db, mix=mix) == Gain(gain_db, mix=mix)
    assert len({Chain((Gain(gain_db),)), Chain((Gain(gain_db),))}) == 1


@pytest.mark.parametrize(("name", "parameter"), NUMERIC, ids=lambda v: getattr(v, "name", v))
def test_range_is_guarded_at_both_ends(name: str, parameter) -> None:  # type: ignore[no-untyped-def]
    kind = registry.stage_class(name)
    stage = partial(kind, **parameter.needs(kind))
    for bound, beyond in ((parameter.spec.low, -1), (parameter.spec.high, 1)):
        if bound is not None:
            stage(**{parameter.name: parameter.kind(bound)})
            with pytest.raises(ParameterError, match=parameter.name):
                stage(**{parameter.name: parameter.kind(bound) + beyond})


def test_not_ready_names_what_replaces_the_first_pass() -> None:
    with pytest.raises(NotReady, match=r"normalise: needs a first pass .* or give measured_dbfs"):
        Normalise().open(Format(48000, 1))
    assert Normalise(mix=0.0).ready


@pytest.mark.parametrize("name", registry.names())
def test_readme_of_the_room_holds_the_table(name: str) -> None:
    stage: type[Stage] = registry.stage_class(name)
    room = ROOMS / stage.__module__.split(".")[-2]
    assert markdown(stage) in (room / "README.md").read_text()
