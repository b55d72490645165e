"""Calls that make no sense."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import aural
from aural import registry
from aural.errors import AuralError
from aural.parameters import parameters
from aural.stage import Effect, Separator, Stage
from fuzz import material
from fuzz.trial import Trial

RATES: tuple[Any, ...] = (
    48000, 48000, 44100, 8000, 192000, "48000", None, float("nan"), float("inf"), True, 0, -1, 1, 100, 48000.5,
    10**30,
    np.int64(44100), np.float32(48000), [48000], 7, 3999, 2**31,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, "", "x", -1, 0, 1, 0.5, 10**400, float("nan"), float("inf"), -float("inf"), [], (), {},
    object(),
    b"x", (1, 2), (float("nan"),), np.float32(1), np.array([1.0, 2.0]), 1 + 2j, "good.wav", "evil.th", "\0",
    lambda: 0,
)  # fmt: skip


def arrays(rng: np.random.Generator) -> list[Any]:
    """Make signals, good ones and others."""
    voice = (0.1 * rng.standard_normal((2, 4800))).astype(np.float32)
    return [
        voice, voice[:1], voice[0], voice.astype(np.float64), voice.astype(np.float16), voice.T, voice.T.copy(),
        (voice * 1000).astype(np.int16), voice > 0, voice.astype(np.complex64), voice[:, ::2], voice[:, ::-1],
        voice[:, :0], voice[:0], voice[:, :1], np.float32(1), np.zeros((0,)), np.zeros((2, 2, 50)), list(voice[0]),
        voice.tolist(), "audio", None, 5, {"a": 1}, np.array(["a"]), np.array([None]), voice * 1e30, voice * 1e38,
        voice * np.nan, np.full((1, 100), np.inf), np.full((40, 100), 0.1), voice.astype(">f4"), np.ma.array(voice),
        np.asfortranarray(voice), np.zeros((1, 9000)), np.full((1, 5000), 1e-40, np.float32), np.empty((1, 0), "f4"),
        voice[:, :7], voice * 1e6,
    ]  # fmt: skip


def family(trial: Trial) -> None:
    """Call stages, streams and the functions of the package."""
    material.good(trial.folder)
    material.traps(trial.folder)
    rng = trial.rng
    kinds = (stage_call, stage_call, stream_call, make_stage, functions)
    call = kinds[rng.integers(len(kinds))]
    trial.run = lambda: attempt(trial, call)


def attempt(trial: Trial, call: Callable[[Trial], None]) -> int:
    trial.redirect()
    try:
        call(trial)
    except AuralError as error:
        if "[Errno" in str(error) or "\n" in str(error):
            trial.report("sentence", error)
    except MemoryError as error:
        trial.report("memory", error)
    except Exception:
        trial.report("traceback", traceback.format_exc())
    return 0


def stage(rng: np.random.Generator) -> Stage:
    """Make a stage that needs no download."""
    names = registry.names()
    return stage_of(names[rng.integers(len(names))], int(rng.integers(100)))


def stage_of(name: str, which: int = 0) -> Stage:
    """Make a stage by its name, with one of its engines."""
    engines = next((p.spec.choices for p in parameters(registry.stage_class(name)) if p.name == "engine"), ())
    usable = [engine for engine in engines if engine not in ("demucs", "msst")]
    return registry.create(name, **({"engine": usable[which % len(usable)]} if usable else {}))


def stage_call(trial: Trial) -> None:
    rng = trial.rng
    made, signals = stage(rng), arrays(rng)
    audio = signals[rng.integers(len(signals))]
    rate = RATES[rng.integers(len(RATES))] if rng.random() < 0.6 else 48000
    was = audio.copy() if isinstance(audio, np.ndarray) else None
    kind = f"{type(audio).__name__} {getattr(audio, 'shape', '')} {getattr(audio, 'dtype', '')}"
    what = f"{made.name} on {kind} at {rate!r}"
    try:
        result = made(audio, rate)  # type: ignore[operator]
    except AuralError:
        return
    except Exception as error:
        error.add_note(what)
        raise
    if was is not None and not np.array_equal(was, audio, equal_nan=was.dtype.kind in "fc"):
        trial.report("harm", f"{what}: the input was changed")
    for part in result.values() if isinstance(result, dict) else [result]:
        if isinstance(audio, np.ndarray) and np.shares_memory(part, audio):
            trial.report("harm", f"{what}: the input itself came back")
        if not np.isfinite(part).all():
            trial.report("not finite", what)
        frames, wanted = part.shape[-1], np.shape(audio)[-1]
        if isinstance(made, Effect) and rate >= 44100 and frames != wanted:
            trial.report("short" if frames < wanted else "invented", f"{what}: {frames} of {wanted}")


def stream_call(trial: Trial) -> None:
    rng = trial.rng
    made = stage(rng)
    rate = RATES[rng.integers(len(RATES))] if rng.random() < 0.3 else 48000
    channels = (1, 2, 2, 0, -1, "2", None, 2.0, 33, 10**9)[rng.integers(10)] if rng.random() < 0.3 else 2
    source = aural.Format(rate, channels)  # type: ignore[arg-type]
    voice = (0.1 * rng.standard_normal((2, 9600))).astype(np.float32)
    made = made.measure([voice], aural.Format(48000, 2))
    stream, signals = made.open(source), arrays(rng)
    for _ in range(rng.integers(1, 4)):
        block = signals[rng.integers(len(signals))] if rng.random() < 0.6 else voice
        stream.push(block)
    stream.flush()


def make_stage(trial: Trial) -> None:
    rng = trial.rng
    names = registry.names()
    name = names[rng.integers(len(names))]
    known = [p.name for p in parameters(registry.stage_class(name))]
    keys = [known[rng.integers(len(known))] for _ in range(rng.integers(1, 3))]
    values = {key: VALUES[rng.integers(len(VALUES))] for key in keys}
    made = registry.create(name, **values)
    if isinstance(made, Separator) and getattr(made, "engine", "") in ("demucs", "msst"):
        return
    result = made((0.1 * rng.standard_normal((1, 9600))).astype(np.float32), 48000)  # type: ignore[operator]
    for part in result.values() if isinstance(result, dict) else [result]:
        if not np.isfinite(part).all():
            trial.report("not finite", f"{name} {values!r}")


def functions(trial: Trial) -> None:
    from aural.audio.files import open_audio, read
    from aural.audio.writing import write
    from aural.chainfile import read_chain

    rng = trial.rng
    paths: tuple[Any, ...] = (
        "good.wav", Path("good.wav"), "", "\0", ".", "a\nb.wav", "x" * 5000, "evil.wav", "evil.th",
        "/dev/zero", "\udcff.wav",
    )  # fmt: skip
    path, other = paths[rng.integers(len(paths))], paths[rng.integers(len(paths))]
    signals = arrays(rng)
    match int(rng.integers(6)):
        case 0:
            read(path)
        case 1:
            list(open_audio(path))
        case 2:
            rate = RATES[rng.integers(len(RATES))]
            write(trial.pick("out.wav", "out.flac", "out.m4a", "out.mp3"), signals[rng.integers(len(signals))], rate)
        case 3:
            read_chain(path)
        case 4:
            aural.clean(path, "out.wav" if rng.random() < 0.5 else other)
        case 5:
            aural.Chain((stage(rng), VALUES[rng.integers(len(VALUES))]))  # type: ignore[arg-type]
