"""Chooses what noise reduction does for a recording from its diagnosis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aural.advice import Decision, Wishes
from aural.measure.diagnosis import NOISY_DB
from aural.stages.noise_reduction.engines.compact.engine import MUSIC_LIMIT_DB, CompactEngine

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis
    from aural.stages.noise_reduction.stage import NoiseReduction

ROOM_ATTENUATION_DB = 12.0  # of noise that is lowered only along with the room
LOUD_NOISE_DB = 20.0
LEAST_ATTENUATION_DB = 6.0
GENTLY = "gently where music plays"
NO_MUSIC = "no music was found to reduce"
FILTERS_OFF: dict[str, Any] = {"hum_hz": 0.0, "hum_harmonics": (), "highpass_hz": 0.0}


def advise(stage: NoiseReduction, diagnosis: Diagnosis) -> Decision:
    """Lower noise as far as it is loud; take out hum, an offset, rumble and the room where they were found."""
    hum = diagnosis.hum
    noisy = diagnosis.noisy and stage.limit_db > 0
    roomy = diagnosis.reverberant and stage.dereverb > 0
    why = [
        *([_noise(diagnosis)] if noisy else []),
        *([f"hum at {hum.frequency_hz:.1f} Hz"] if diagnosis.hums else []),
        *(["a DC offset"] if diagnosis.offset else []),
        *(["a reverberant room"] if roomy else []),
    ]
    if not why:
        return Decision(stage.name, None, _calm(diagnosis))
    faint_db = min(ROOM_ATTENUATION_DB, stage.limit_db) if roomy else 0.0
    changes: dict[str, Any] = {"max_attenuation_db": _attenuation_db(stage, diagnosis) if noisy else faint_db}
    if not roomy:
        changes["dereverb"] = 0.0
    if stage.hum_hz is None:
        found = (hum.frequency_hz, hum.harmonics) if diagnosis.hums else (0.0, ())
        changes |= dict(zip(("hum_hz", "hum_harmonics"), found, strict=True))
    if diagnosis.music_s and stage.engine == CompactEngine.name and stage.keep == "voice":
        changes["music_s"] = stage.music_s or diagnosis.music_s
        why.append(GENTLY)
    rumbling = noisy and diagnosis.rumbles
    changes["highpass_hz"] = max(20.0 if diagnosis.offset else 0.0, stage.highpass_hz if rumbling else 0.0)
    if rumbling:
        why.append("rumble")
    if noisy and (seconds := _without_speech_s(diagnosis)):
        why.append(
            f"also in the {seconds:.0f} s without speech: turn noise reduction off to keep what is heard there"
        )
    return Decision(stage.name, replace(stage, **changes), ", ".join(why))


def granted(stage: NoiseReduction, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
    """Lower noise, take away the room and keep music as a user wishes; leave the rest to what is advised."""
    noise_db, room, music = wishes.noise_reduction, wishes.dereverb, wishes.music
    idle = replace(stage, max_attenuation_db=0.0, dereverb=0.0, **FILTERS_OFF)
    advised = cast("NoiseReduction", decision.effect or idle)
    changes: dict[str, Any] = {}
    why, unmet = [decision.reason] if decision.effect else [], ""
    if noise_db is not None:
        changes |= {"max_attenuation_db": noise_db} if noise_db else {"max_attenuation_db": 0.0, **FILTERS_OFF}
        why = [f"noise lowered by up to {noise_db:g} dB, as asked for"]
    if room is not None:
        changes["dereverb"] = room
        why.append(f"dereverb {room:g}, as asked for")
        if room and noise_db is None and not decision.effect:
            changes["max_attenuation_db"] = min(ROOM_ATTENUATION_DB, stage.limit_db)
    if music == "reduce":
        changes |= {"keep": "voice", "music_s": ()}
        if diagnosis.holds_music and noise_db is None:
            changes["max_attenuation_db"] = stage.limit_db
        why.append("music is reduced like noise, as asked for" if diagnosis.holds_music else NO_MUSIC)
        unmet = "" if diagnosis.holds_music else NO_MUSIC
    elif music == "keep" or (noise_db and diagnosis.kind == "music"):
        changes |= {"keep": "music", "music_s": ()}
        if noise_db is None:
            changes["max_attenuation_db"] = min(advised.limit_db, MUSIC_LIMIT_DB)
        why.append("music is kept, as asked for" if music else GENTLY)
    effect = replace(advised, **changes)
    if effect.does_nothing:
        off = "turned off, as asked for" if decision.effect else decision.reason
        return Decision(stage.name, None, f"{off}, {unmet}" if unmet else off, unmet=unmet)
    return Decision(stage.name, effect, ", ".join(why), unmet=unmet)


def _calm(diagnosis: Diagnosis) -> str:
    """Say why there is nothing to lower."""
    if diagnosis.kind == "music":
        return "neither speech nor music, and no hum" if diagnosis.neither else "music, and no hum"
    snr_db = diagnosis.environment.snr_db
    return (
        f"background {snr_db:.0f} dB below the voice" if snr_db >= NOISY_DB else "no noise in the pauses, but a room"
    )


def _noise(diagnosis: Diagnosis) -> str:
    """Say what noise there is."""
    if diagnosis.background:
        return f"background {diagnosis.environment.snr_db:.0f} dB below the voice"
    return diagnosis.noises()


def _without_speech_s(diagnosis: Diagnosis) -> float:
    """Return how long a recording, such as one of birds with a few words, has neither speech nor music; 0 if these
    prevail."""
    shares = diagnosis.content.shares
    prevail = shares["neither"] <= shares["speech"] + shares["both"] + shares["music"]
    return 0.0 if prevail else diagnosis.content.seconds("neither")


def _attenuation_db(stage: NoiseReduction, diagnosis: Diagnosis) -> float:
    """Return the attenuation: the preset's where noise is loud, less where it is faint, to spare the voice."""
    share = (NOISY_DB + diagnosis.noise_db) / (NOISY_DB - LOUD_NOISE_DB)
    least = min(LEAST_ATTENUATION_DB, stage.limit_db)
    return float(round(least + min(1.0, share) * (stage.limit_db - least), 1))
