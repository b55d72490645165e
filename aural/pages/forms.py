"""Forms of a page, made from parameters."""

from __future__ import annotations

import json
from typing import Any

from aural.markup import Markup, element
from aural.parameters import GIVEN, Parameter, parameters, shown

FINE, STEPS = 10.0, 20
"""A slider over less than the first has so many steps; others go by whole numbers."""


def fields(owner: type) -> list[Markup]:
    """Write a field for each parameter of a dataclass.

    A script reads from its attributes the name (`data-param`), what it holds (`data-kind`: number, boolean, numbers,
    texts or text), and on what values of others it depends (`data-when`, JSON). An empty field is not given.
    """
    return [_labelled(parameter, _control(parameter)) for parameter in parameters(owner)]


def strength(parameter: Parameter, label: str) -> Markup:
    """Write a slider for a number that may be left open, and a box that leaves it open until the slider is moved."""
    spec = parameter.spec
    assert spec.low is not None
    assert spec.high is not None
    step = 1.0 if spec.high - spec.low > FINE else (spec.high - spec.low) / STEPS
    return element(
        "div",
        element("label", element("strong", label),
                element("input", type="range", min=f"{spec.low:g}", max=f"{spec.high:g}", step=f"{step:g}",
                        value=f"{spec.examples[0]:g}", data_param=parameter.name, data_kind="number")),
        element("output", "auto", data_unit=spec.unit),
        element("label", element("input", type="checkbox", class_="auto", checked=True,
                                 aria_label=f"{label}: auto"), "auto"),
        element("p", f"{spec.help}.", class_="quiet"),
        class_="strength idle",
    )  # fmt: skip


def _labelled(parameter: Parameter, control: Markup) -> Markup:
    name, unit = parameter.name.replace("_", " "), parameter.spec.unit
    if unit and name.endswith(f" {unit.lower()}"):
        name = name[: -len(unit) - 1]
    conditions = {key: _wanted(value) for key, value in parameter.spec.when.items()}
    return element(
        "div",
        element("label", f"{name} ({unit})" if unit else name, control),
        element("p", f"{parameter.spec.help}{_notes(parameter)}.", class_="quiet"),
        class_="field",
        data_when=json.dumps(conditions) if conditions else None,
    )


def _notes(parameter: Parameter) -> str:
    notes = [parameter.allowed] if parameter.numeric or parameter.kind is tuple else []
    notes += [_condition(name.replace("_", " "), wanted) for name, wanted in parameter.spec.when.items()]
    if parameter.spec.measured:
        notes.append("measured if not given")
    return f" ({'; '.join(notes)})" if notes else ""


def _condition(name: str, wanted: Any) -> str:
    return f"unless {name} is given" if wanted is None else f"with {name} {shown(wanted)}"


def _wanted(value: Any) -> list[str] | str | None:
    """Write what another parameter must be: one of some words, `given`, or None for not given."""
    if value is None or value is GIVEN:
        return None if value is None else "given"
    return [_text(one) for one in (value if isinstance(value, tuple) else (value,))]


def _control(parameter: Parameter) -> Markup:
    kind, spec, default = parameter.kind, parameter.spec, parameter.default
    rest: dict[str, Any] = {"data_param": parameter.name, "data_default": _text(default)}
    if kind is bool:
        return element("input", type="checkbox", checked=bool(default), data_kind="boolean", **rest)
    if spec.choices:
        choices = [*([""] if parameter.optional else []), *spec.choices]
        options = (element("option", choice or "not given", value=choice, selected=choice == default)
                   for choice in choices)  # fmt: skip
        return element("select", *options, data_kind="text", **rest)
    if parameter.numeric:
        low, high = (None if end is None else f"{end:g}" for end in (spec.low, spec.high))
        step = "1" if kind is int else "any"
        return element("input", type="number", value=_text(default), min=low, max=high, step=step,
                       data_kind="number", **rest)  # fmt: skip
    several = "numbers" if parameter.element in (int, float) else "texts"
    return element("input", type="text", value=_text(default), autocomplete="off",
                   data_kind=several if kind is tuple else "text", **rest)  # fmt: skip


def _text(value: Any) -> str:
    """Write a value as it stands in a field."""
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
