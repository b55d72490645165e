"""From a diagnosis to a chain: what is needed, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aural.chain import Chain
from aural.chainfile import presets, read_chain
from aural.diagnosis import REVERBERANT_S, Diagnosis
from aural.errors import ChainError
from aural.parameters import hint, parameters
from aural.stage import Effect

CLEAN_SNR_DB = 35.0
LEVEL_RANGE_LU = 9.0
FULL_BAND_HZ = {"speech": 11500.0, "music": 15500.0}


@dataclass(frozen=True)
class Decision:
    """One stage of a preset: as it will run, or None if it is skipped, and the reason."""

    name: str
    effect: Effect | None
    reason: str


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
    speech, old-mp3 or song for music. A stage this module has no rule for runs because the preset asks for it.

    Raises:
        ChainError: there is no such preset or chain file, or it is malformed.
    """
    if diagnosis.level.silent:
        return Plan(preset, (Decision("chain", None, "the recording holds nothing but silence"),))
    chosen = _preset(diagnosis) if preset == "auto" else preset
    if chosen not in presets() and not Path(chosen).suffix == ".toml":
        raise ChainError(f"no preset called {preset!r}{hint(preset, [*presets(), 'auto'])}")
    stages = read_chain(chosen).stages
    decisions = [RULES.get(stage.name, _asked_for)(stage, diagnosis) for stage in stages]
    for index, stage in enumerate(stages[:-1]):
        if stage.name == "master":
            decisions[index] = _working_level(stage, decisions[index + 1 :])
    return Plan(chosen, tuple(decisions))


def _preset(diagnosis: Diagnosis) -> str:
    if diagnosis.kind == "speech":
        far = diagnosis.scene.decay_s > REVERBERANT_S
        return "lecture" if far else "voice-memo"
    return "old-mp3" if _lossy(diagnosis) and diagnosis.bandwidth.cut else "song"


def _lossy(diagnosis: Diagnosis) -> bool:
    return bool(diagnosis.info and diagnosis.info.bits is None)


def _noise_reduction(effect: Any, diagnosis: Diagnosis) -> Decision:
    noise, hum, level = diagnosis.scene, diagnosis.hum, diagnosis.level
    noisy = diagnosis.kind == "speech" and noise.snr_db < CLEAN_SNR_DB
    why = []
    if noisy:
        why.append(f"background {noise.snr_db:.0f} dB below the voice")
    if hum.frequency_hz:
        why.append(f"hum at {hum.frequency_hz:.1f} Hz")
    if level.dc > 0.003:
        why.append("a DC offset")
    if not why:
        calm = (
            f"background {noise.snr_db:.0f} dB below the voice" if diagnosis.kind == "speech" else "music, and no hum"
        )
        return Decision(effect.name, None, calm)
    changes: dict[str, Any] = {"hum_hz": hum.frequency_hz}
    if "hum_harmonics" in {p.name for p in parameters(type(effect))}:
        changes["hum_harmonics"] = hum.harmonics
    if not noisy:
        changes["max_attenuation_db"] = 0.0
        changes["highpass_hz"] = 20.0 if level.dc > 0.003 else 0.0
    return Decision(effect.name, replace(effect, **changes), ", ".join(why))


def _frequency_expansion(effect: Any, diagnosis: Diagnosis) -> Decision:
    band = diagnosis.bandwidth
    if not band.cut or band.cutoff_hz >= FULL_BAND_HZ[diagnosis.kind]:
        return Decision(effect.name, None, f"the spectrum reaches {band.cutoff_hz / 1000:.1f} kHz")
    return Decision(effect.name, effect, f"the spectrum ends at {band.cutoff_hz / 1000:.1f} kHz ({diagnosis.origin})")


def _frequency_generation(effect: Effect, diagnosis: Diagnosis) -> Decision:
    if not diagnosis.bandwidth.cut:
        return Decision(effect.name, None, "no trace of a codec at a low bit rate")
    return Decision(
        effect.name, effect, f"a codec cut the spectrum at {diagnosis.bandwidth.cutoff_hz / 1000:.1f} kHz"
    )


def _dynamic_compression(effect: Effect, diagnosis: Diagnosis) -> Decision:
    spread = diagnosis.loudness.range_lu
    studio = diagnosis.kind == "speech" and diagnosis.scene.snr_db >= CLEAN_SNR_DB
    if spread <= LEVEL_RANGE_LU or studio:
        why = (
            "a clean recording: nothing but its level is changed"
            if studio
            else f"an even level: loudness range {spread:.0f} LU"
        )
        return Decision(effect.name, None, why)
    return Decision(effect.name, effect, f"loudness range {spread:.0f} LU")


def _master(effect: Any, diagnosis: Diagnosis) -> Decision:
    return Decision(effect.name, effect, f"{diagnosis.loudness.integrated_lufs:.1f} LUFS before")


def _working_level(effect: Effect, after: list[Decision]) -> Decision:
    """Keep a level stage within a chain only for a stage behind it that depends on the level."""
    need = next((d.name for d in after[:-1] if d.effect and not d.effect.level_independent), None)
    if need is None:
        return Decision(effect.name, None, "no stage behind it needs a working level")
    return Decision(effect.name, effect, f"brings the level to where {need} works")


def _asked_for(effect: Effect, diagnosis: Diagnosis) -> Decision:
    return Decision(effect.name, effect, "the preset asks for it")


RULES: dict[str, Callable[[Effect, Diagnosis], Decision]] = {
    "noise-reduction": _noise_reduction,
    "frequency-expansion": _frequency_expansion,
    "frequency-generation": _frequency_generation,
    "dynamic-compression": _dynamic_compression,
    "master": _master,
}
