"""Parameters, written once: check, command line, TOML and documentation are derived from the field."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cache, partial
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from aural.errors import ParameterError
from aural.markdown import table

T = TypeVar("T")

MOST_VALUES = 1000  # in a tuple
MOST_SHOWN = 400  # characters of a value in a sentence


class Given(StrEnum):
    """A condition on another parameter: it must be given, whatever its value."""

    GIVEN = "given"


GIVEN = Given.GIVEN


@dataclass(frozen=True)
class Param:
    """What a parameter means."""

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    measured: bool = False
    """Whether the first pass over the signal fills it in where the user gives None."""
    when: Mapping[str, Any] = field(default_factory=dict)
    """Other parameters on which the effect of this one depends: the value that each must have, or a tuple of such
    values; None if it must not be given, GIVEN if it must."""
    words: Mapping[str, Any] = field(default_factory=dict)
    """Words that stand for values where it is typed."""
    examples: tuple[Any, ...] = ()
    """Values worth trying, where range and choices do not tell."""

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        unit = f" {self.unit}" if self.unit else ""
        match self.low, self.high:
            case None, None:
                return f"a number{unit}"
            case low, None:
                return f"at least {low:g}{unit}"
            case None, high:
                return f"at most {high:g}{unit}"
            case low, high:
                return f"from {low:g} to {high:g}{unit}"
        raise AssertionError("unreachable")


def param(default: T, help: str, **rest: Any) -> T:
    """Declare a stage parameter: default, meaning, unit and range in one place."""
    return field(default=default, metadata={"param": Param(help, **rest)})


@dataclass(frozen=True)
class Parameter:
    """A parameter as it stands in a dataclass: its name, type and default, and what it means."""

    name: str
    kind: type
    optional: bool
    default: Any
    spec: Param
    element: type = object
    """Type of the elements of a tuple."""

    def check(self, owner: str, value: Any) -> None:
        """Raise ParameterError unless the value is allowed."""
        refused = partial(ParameterError, stage=owner, parameter=self.name)
        if value is None and self.optional:
            return
        if any("\0" in text for text in (value if isinstance(value, tuple) else (value,)) if isinstance(text, str)):
            raise refused(f"{self.name} holds a NUL character, got {brief(value)}")
        if isinstance(value, tuple) and len(value) > MOST_VALUES:
            raise refused(f"{self.name} may hold {MOST_VALUES} values, got {len(value)}")
        if not self._accepts(value):
            numbers = self.kind is tuple and self.element in (int, float)
            allowed = f"{'a tuple of ' if numbers and not isinstance(value, tuple) else ''}{self.allowed}"
            raise refused(f"{self.name} must be {allowed}, got {brief(value)}", allowed=allowed)

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed."""
        if self.kind is tuple and self.element in (int, float):
            return f"{'whole ' if self.element is int else ''}numbers, each {self.spec.allowed}"
        return self.spec.allowed if self.numeric or self.spec.choices else f"a {self.kind.__name__}"

    def idle(self, owner: object) -> str | None:
        """Return the name of the parameter because of whose value this one has no effect, if there is one."""
        return next((n for n, wanted in self.spec.when.items() if not _holds(getattr(owner, n), wanted)), None)

    def needs(self, owner: type) -> dict[str, Any]:
        """Return values of the other parameters with which this one has an effect."""
        return {n: _first(owner, n, wanted) for n, wanted in self.spec.when.items()}

    @property
    def numeric(self) -> bool:
        """True for int and float."""
        return self.kind in (int, float)

    def _accepts(self, value: Any) -> bool:
        if self.numeric:
            return self._in_range(self.kind, value)
        if self.kind is tuple and self.element in (int, float):
            return isinstance(value, tuple) and all(self._in_range(self.element, number) for number in value)
        if self.spec.choices:
            return value in self.spec.choices
        return self.kind is object or isinstance(value, self.kind)

    def _in_range(self, kind: type, value: Any) -> bool:
        whole = isinstance(value, int) or hasattr(value, "__index__")
        if isinstance(value, bool) or not (whole or (kind is float and hasattr(value, "__float__"))):
            return False
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number of hundreds of digits
            return False
        low, high = self.spec.low, self.spec.high
        return finite and (low is None or value >= low) and (high is None or value <= high)


def brief(value: object) -> str:
    """Write a value, the middle of a long one left out."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:40]}...{text[-20:]}"


@cache
def parameters(owner: type) -> tuple[Parameter, ...]:
    """List the parameters of a dataclass: its own, then those of its engines, then the shared ones (keyword only)."""
    engines = getattr(owner, "engines", ())
    takers: dict[str, tuple[str, ...]] = {}
    for engine in engines:
        for f in fields(engine):
            takers[f.name] = (*takers.get(f.name, ()), engine.name)
    places = list(takers)
    hints = get_type_hints(owner)
    found = sorted(
        (f for f in fields(owner) if "param" in f.metadata),
        key=lambda f: (1, places.index(f.name)) if f.name in takers else (2 if f.kw_only else 0, 0),
    )
    return tuple(
        Parameter(
            f.name, *_kind(hints[f.name]), f.default,
            _taken(f.metadata["param"], takers.get(f.name, ()), len(engines)), _element(hints[f.name]),
        )
        for f in found
    )  # fmt: skip


def _taken(spec: Param, takers: tuple[str, ...], engines: int) -> Param:
    """Add to a parameter which engines it is for, unless it is for all of them."""
    return replace(spec, when={"engine": takers, **spec.when}) if 0 < len(takers) < engines else spec


def _kind(hint: Any) -> tuple[type, bool]:
    """Take a type hint apart: (plain type, may be None)."""
    if hint is Any:
        return object, True
    if get_origin(hint) in (Union, UnionType):
        inner = [a for a in get_args(hint) if a is not type(None)]
        return _kind(inner[0])[0], len(inner) < len(get_args(hint))
    return get_origin(hint) or hint, False


def _element(hint: Any) -> type:
    """Return the type of the elements, of a hint such as tuple[int, ...] | None."""
    inner = next((a for a in (hint, *get_args(hint)) if get_origin(a) is tuple), None)
    return get_args(inner)[0] if inner else object


def check(value: object, owner: str) -> None:
    """Check every parameter of a dataclass instance.

    Raises:
        ParameterError: one is of the wrong kind or out of range, or is given although it does nothing.
    """
    found = parameters(type(value))  # type: ignore[arg-type]
    for p in found:
        p.check(owner, getattr(value, p.name))
    measured = {p.name for p in found if p.spec.measured}
    for p in found:
        # where a measured value is there, the parameter has said how it was measured
        other = None if getattr(value, p.name) == p.default else p.idle(value)
        if other is not None and other not in measured:
            cure = _cure(other, p.spec.when[other], getattr(value, other))
            raise ParameterError(f"{p.name} {cure}", stage=owner, parameter=p.name)


def _holds(value: object, wanted: object) -> bool:
    """Say whether a parameter has a value that another one depends on."""
    if wanted is GIVEN:
        return value not in (None, (), "")
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _first(owner: type, name: str, wanted: Any) -> Any:
    """Return a value that another parameter must have."""
    if wanted is GIVEN:
        wanted = next(p.spec.examples for p in parameters(owner) if p.name == name)
    return wanted[0] if isinstance(wanted, tuple) else wanted


def _cure(name: str, wanted: object, value: object) -> str:
    """Say what a parameter without effect needs."""
    if wanted is GIVEN:
        return f"needs {name}"
    if value is None:
        return f"needs {name} {shown(wanted)}"
    return f"is for {name} {shown(wanted)}, not for {name} {value}"


def hint(word: str, known: Iterable[str]) -> str:
    """Return a suggestion for a misspelt name, to put at the end of a sentence."""
    known = sorted(known)
    close = difflib.get_close_matches(word[:MOST_SHOWN], known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def shown(wanted: object) -> str:
    """Write the value, or the values, that another parameter must have."""
    *most, last = map(str, wanted) if isinstance(wanted, tuple) else [str(wanted)]
    return f"{', '.join(most)} or {last}" if most else last


def settings(value: Any) -> str:
    """Write the parameters of a dataclass that differ from their defaults."""
    owner: type = type(value)
    changed = [p for p in parameters(owner) if getattr(value, p.name) != p.default]
    return ", ".join(f"{p.name} {_number(getattr(value, p.name))}" for p in changed)


def _number(value: Any) -> str:
    if isinstance(value, tuple):
        return ("/".join(map(_number, value)) or "none") if len(value) <= 12 else f"{len(value)} values"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def markdown(owner: type) -> str:
    """Write the table of parameters for a stage's README."""
    rows = []
    for p in parameters(owner):
        default = ("measured" if p.spec.measured else "-") if p.default is None else f"`{p.default}`"
        allowed = p.kind.__name__ if p.allowed == f"a {p.kind.__name__}" else p.allowed
        when = "".join(f" ({name} = {shown(wanted)})" for name, wanted in p.spec.when.items())
        rows.append((f"`{p.name}`", default, allowed, f"{p.spec.help}{when}"))
    return table(("parameter", "default", "allowed", "meaning"), rows)
