"""From a diagnosis to a chain: what is needed, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aural.chain import Chain
from aural.chainfile import presets, read_chain
from aural.diagnosis import NOISY_DB, Diagnosis
from aural.errors import ChainError
from aural.parameters import hint
from aural.stage import Effect

LEVEL_RANGE_LU = 9.0
ROOM_ATTENUATION_DB = 12.0  # with the room, of noise that would need no reduction by itself
LOUD_NOISE_DB = 20.0
LEAST_ATTENUATION_DB = 6.0


@dataclass(frozen=True)
class Decision:
    """One stage of a preset: as it will run, or None if it is skipped, and the reason."""

    name: str
    effect: Effect | None
    reason: str
    minor: bool = False
    """Not worth a line: it only follows from another decision."""


@dataclass(frozen=True)
class Plan:
    """What `aural clean` will do to one recording."""

    preset: str
    decisions: tuple[Decision, ...]

    @property
    def chain(self) -> Chain:
        return Chain(tuple(d.effect for d in self.decisions if d.effect))


def plan(diagnosis: Diagnosis, preset: str = "auto") -> Plan:
    """Choose a chain for a recording.

    A preset says what may be done; the diagnosis says what is needed. `auto` takes voice-memo or lecture for
    speech, old-mp3 or song for music, and changes nothing but the level of a clean voice. A stage this module
    has no rule for runs because the preset asks for it.

    Raises:
        ChainError: there is no such preset or chain file, or it is malformed.
    """
    if diagnosis.level.silent:
        return Plan(preset, ())
    chosen = _preset(diagnosis) if preset == "auto" else preset
    stages = read_chain(chosen).stages
    if preset == "auto" and diagnosis.clean:
        return Plan(chosen, tuple(_level_only(stage, diagnosis) for stage in stages))
    decisions = [RULES.get(stage.name, _asked_for)(stage, diagnosis) for stage in stages]
    kept = []
    for index, (stage, decision) in enumerate(zip(stages, decisions, strict=True)):
        if stage.name == "master" and index < len(stages) - 1:
            decision = _working_level(stage, decisions[index + 1 :])
        kept.append(decision)
    return Plan(chosen, tuple(kept))


def check_preset(preset: str) -> None:
    """Raise ChainError unless this names a preset or a sound chain file."""
    if preset != "auto":
        if preset not in presets() and Path(preset).suffix != ".toml":
            raise ChainError(f"no preset called {preset!r}{hint(preset, [*presets(), 'auto'])}")
        read_chain(preset)


def _preset(diagnosis: Diagnosis) -> str:
    if diagnosis.kind == "speech":
        return "lecture" if diagnosis.reverberant else "voice-memo"
    return "old-mp3" if diagnosis.lossy and diagnosis.dull else "song"


def _noise_reduction(effect: Any, diagnosis: Diagnosis) -> Decision:
    noise, hum = diagnosis.scene, diagnosis.hum
    noisy = diagnosis.noisy and effect.limit_db > 0
    roomy = diagnosis.reverberant and effect.dereverb > 0
    why = [
        *([f"background {noise.snr_db:.0f} dB below the voice"] if noisy else []),
        *([f"hum at {hum.frequency_hz:.1f} Hz"] if diagnosis.hums else []),
        *(["a DC offset"] if diagnosis.offset else []),
        *(["a reverberant room"] if roomy else []),
    ]
    if not why:
        calm = (
            "music, and no hum" if diagnosis.kind == "music" else f"background {noise.snr_db:.0f} dB below the voice"
        )
        return Decision(effect.name, None, calm)
    faint_db = min(ROOM_ATTENUATION_DB, effect.limit_db) if roomy else 0.0
    changes: dict[str, Any] = {"max_attenuation_db": _attenuation_db(effect, diagnosis) if noisy else faint_db}
    if not roomy:
        changes["dereverb"] = 0.0
    if effect.hum_hz is None:
        found = (hum.frequency_hz, hum.harmonics) if diagnosis.hums else (0.0, ())
        changes |= dict(zip(("hum_hz", "hum_harmonics"), found, strict=True))
    if not (noisy and diagnosis.rumbles):
        changes["highpass_hz"] = 20.0 if diagnosis.offset else 0.0
    elif effect.highpass_hz:
        why.append("rumble")
    return Decision(effect.name, replace(effect, **changes), ", ".join(why))


def _attenuation_db(effect: Any, diagnosis: Diagnosis) -> float:
    """Take all that the preset allows where noise is loud, less where it is faint: a dB costs the voice a little."""
    share = (NOISY_DB - diagnosis.scene.snr_db) / (NOISY_DB - LOUD_NOISE_DB)
    least = min(LEAST_ATTENUATION_DB, effect.limit_db)
    return float(round(least + min(1.0, share) * (effect.limit_db - least), 1))


def _frequency_expansion(effect: Any, diagnosis: Diagnosis) -> Decision:
    reach = f"{diagnosis.bandwidth.cutoff_hz / 1000:.1f} kHz"
    if not diagnosis.dull:
        return Decision(effect.name, None, f"the spectrum reaches {reach}")
    return Decision(effect.name, effect, f"the spectrum ends at {reach}: {diagnosis.origin}")


def _frequency_generation(effect: Effect, diagnosis: Diagnosis) -> Decision:
    if not (diagnosis.lossy and diagnosis.bandwidth.cut):
        return Decision(effect.name, None, "no trace of a codec at a low bit rate")
    return Decision(effect.name, effect, f"cut off at {diagnosis.bandwidth.cutoff_hz / 1000:.1f} kHz by a codec")


def _uneven(effect: Effect, diagnosis: Diagnosis) -> Decision:
    spread = diagnosis.loudness.range_lu
    if spread <= LEVEL_RANGE_LU:
        return Decision(effect.name, None, f"an even level: loudness range {spread:.0f} LU")
    return Decision(effect.name, effect, f"an uneven level: loudness range {spread:.0f} LU")


def _master(effect: Any, diagnosis: Diagnosis) -> Decision:
    goal = effect.target if effect.target_lufs is None else f"{effect.target_lufs:g} LUFS"
    return Decision(effect.name, effect, f"from {diagnosis.loudness.integrated_lufs:.1f} LUFS to {goal}")


def _working_level(effect: Effect, after: list[Decision]) -> Decision:
    """Keep a level stage within a chain only for a stage behind it that depends on the level."""
    others = (d for d in after if d.name != "master" and d.effect)
    need = next((d.name for d in others if d.effect and not d.effect.level_independent), None)
    if need is None:
        return Decision(effect.name, None, "no compression that would need a working level", minor=True)
    return Decision(effect.name, effect, f"brings the level to where {need} works")


def _level_only(effect: Any, diagnosis: Diagnosis) -> Decision:
    """Leave out all but the last stage, which may not limit: the loudness may stay below the target."""
    if effect.name != "master" or effect.target_lufs is not None:
        minor = effect.name == "master"
        return Decision(effect.name, None, "a clean voice: nothing but its level is changed", minor)
    goal_lufs, ceiling_dbtp = effect.goal
    wanted_db = goal_lufs - diagnosis.loudness.integrated_lufs
    missing_db = wanted_db - (ceiling_dbtp - diagnosis.true_peak_dbtp)
    why = f"from {diagnosis.loudness.integrated_lufs:.1f} LUFS to {effect.target}"
    if missing_db > 0.1:
        why += f", less {missing_db:.1f} LU that its peaks have no room for; with a preset's name they are limited"
    return Decision(effect.name, replace(effect, max_limiting_db=0.0), why)


def _asked_for(effect: Effect, diagnosis: Diagnosis) -> Decision:
    return Decision(effect.name, effect, "the preset asks for it")


RULES: dict[str, Callable[[Effect, Diagnosis], Decision]] = {
    "noise-reduction": _noise_reduction,
    "frequency-expansion": _frequency_expansion,
    "frequency-generation": _frequency_generation,
    "leveller": _uneven,
    "dynamic-compression": _uneven,
    "master": _master,
}
