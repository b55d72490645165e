"""From a diagnosis to a chain: what each stage of a preset advises, and what follows for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aural.advice import NO_WISHES, Decision, Wishes
from aural.chain import Chain
from aural.chainfile import content_of, presets, read_chain
from aural.errors import ChainError
from aural.measure.diagnosis import Diagnosis
from aural.parameters import hint
from aural.stage import Effect


@dataclass(frozen=True)
class Plan:
    """What `aural clean` will do to one recording."""

    preset: str
    decisions: tuple[Decision, ...]

    @property
    def chain(self) -> Chain:
        return Chain(tuple(d.effect for d in self.decisions if d.effect))


def plan(diagnosis: Diagnosis, preset: str = "auto", wishes: Wishes = NO_WISHES) -> Plan:
    """Choose a chain for a recording.

    A preset lists the stages that may run; each of them says what it would do about the diagnosis. `auto` takes
    voice-memo or lecture for speech, old-mp3 or song for music, and changes nothing but the level of a clean voice. A
    preset that is named also says whether the recording is speech or music, whatever the diagnosis says. What a user
    wishes is done in any case.

    Raises:
        ChainError: there is no such preset or chain file, it is malformed, or no stage in it can do what is wished.
    """
    if diagnosis.level.silent:
        return Plan(preset, ())
    chosen = _preset(diagnosis) if preset == "auto" else preset
    stages = read_chain(chosen).stages
    if preset != "auto":
        diagnosis = replace(diagnosis, ordered=content_of(preset))
    if preset == "auto" and diagnosis.clean:
        decisions = _granted(stages, [stage.advise_level(diagnosis) for stage in stages], diagnosis, wishes)
    else:
        advised = _granted(stages, [stage.advise(diagnosis) for stage in stages], diagnosis, wishes)
        decisions = [_needed(stage, advised[n:]) for n, stage in enumerate(stages)]
    return Plan(chosen, tuple(_informed(decisions, diagnosis)))


def as_asked(chain: Chain, name: str) -> Plan:
    """Plan to run every stage of a chain, whatever the recording is like."""
    return Plan(name, tuple(Decision(stage.name, stage, "asked for") for stage in chain.stages))


def check_preset(preset: str) -> None:
    """Raise ChainError unless this names a preset or a sound chain file."""
    if preset != "auto":
        if preset not in presets() and Path(preset).suffix != ".toml":
            raise ChainError(f"no preset called {preset!r}{hint(preset, [*presets(), 'auto'])}")
        read_chain(preset)


def _preset(diagnosis: Diagnosis) -> str:
    if diagnosis.kind == "speech":
        return "lecture" if diagnosis.reverberant else "voice-memo"
    return "old-mp3" if diagnosis.coded and diagnosis.dull else "song"


def _granted(
    stages: Sequence[Effect], decisions: Sequence[Decision], diagnosis: Diagnosis, wishes: Wishes
) -> list[Decision]:
    """Give each wish to the last stage that can fulfil it."""
    granted = list(decisions)
    taken: dict[int, list[str]] = {}
    for wish in wishes.named():
        takers = [n for n, stage in enumerate(stages) if stage.fulfils(wish, diagnosis, wishes)]
        if not takers:
            raise ChainError(f"no stage of this chain does what {wish} asks for; use another preset")
        taken.setdefault(takers[-1], []).append(wish)
    for n, names in taken.items():
        granted[n] = stages[n].granted(decisions[n], diagnosis, wishes.only(names))
    return granted


def _needed(stage: Effect, decisions: Sequence[Decision]) -> Decision:
    """Keep a stage that sets the level within a chain only for a stage behind it that depends on the level.

    `decisions` are that of the stage itself and of all behind it.
    """
    own, *behind = decisions
    if not stage.sets_level or not behind:
        return own
    working = (d.name for d in behind if d.effect and not d.effect.sets_level and not d.effect.level_independent)
    if need := next(working, None):
        return Decision(stage.name, stage, f"brings the level to where {need} works")
    return Decision(stage.name, None, "no compression that would need a working level", minor=True)


def _informed(decisions: Sequence[Decision], diagnosis: Diagnosis) -> Sequence[Decision]:
    """Tell the first stage that runs what the diagnosis measured: what it gets is what was examined."""
    first = next((n for n, decision in enumerate(decisions) if decision.effect), None)
    return [
        replace(decision, effect=decision.effect.informed(diagnosis)) if n == first and decision.effect else decision
        for n, decision in enumerate(decisions)
    ]
