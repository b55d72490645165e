"""The contract of a stage, as checks that anyone can run on a stage.

    from aural.testing import check_stage
    check_stage(MyStage())

Each rule is also a function of its own, in RULES.
"""

from __future__ import annotations

import ctypes
import gc
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from aural.chain import Chain, Split
from aural.dsp.resampling import frames_at
from aural.parameters import Parameter, parameters
from aural.signals import Block, Format
from aural.stage import Effect, Separator, Stage
from aural.stream import pump

SAMPLE_RATE = 48000
TOLERANCE = 1e-5

S = TypeVar("S", bound=Stage)


class ContractError(AssertionError):
    """A stage breaks a rule of the contract."""


def check_stage(stage: Stage) -> None:
    """Check a stage against the eight rules of the contract.

    Raises:
        ContractError: the sentence says which rule is broken, and how.
    """
    for rule in RULES:
        rule(stage)


def blocks_do_not_matter(stage: Stage) -> None:
    """Rule 1: any partition of the signal, empty blocks included, gives the result of the whole."""
    for kind, frames in (("voice", 0), ("voice", 1), ("voice", 30011), ("voice", 96000), ("dull", 50000)):
        audio = probe(kind)[:, :frames]
        ready = measured(stage, audio)
        whole = _run(ready, [audio])
        for seed in range(2):
            parts = _run(ready, partition(audio, seed))
            _same_shape(stage, whole, parts, f"{frames} frames in blocks give another shape than in one piece")
            _close(stage, whole, parts, f"{frames} frames in blocks differ from one piece")


def time_zero_is_time_zero(stage: Stage) -> None:
    """Rule 2: output frame n belongs to input frame n, and nothing is lost at the end."""
    audio = probe("voice")
    ready = measured(stage, audio)
    output_rate = ready.open(_format(audio)).output.sample_rate
    out = _mono(_run(ready, [audio]))
    expected = frames_at(audio.shape[-1], SAMPLE_RATE, output_rate)
    if out.shape[-1] != expected:
        raise ContractError(f"{stage.name}: {audio.shape[-1]} frames became {out.shape[-1]}, expected {expected}")
    if output_rate == SAMPLE_RATE and np.any(out):
        spectrum = np.fft.rfft(out, 2 * out.size) * np.conj(np.fft.rfft(_mono(audio), 2 * out.size))
        lag = int(np.argmax(np.fft.irfft(spectrum)))
        if lag != 0:
            lag -= 2 * out.size if lag > out.size else 0
            raise ContractError(f"{stage.name}: the output lies {lag} frames behind the input")


def chains_compose(stage: Stage) -> None:
    """Rule 3: a chain gives exactly what its stages give one after the other; stems sum to the mixture."""
    audio = probe("voice")
    if isinstance(stage, Separator):
        ready = measured(stage, audio)
        _close(stage, audio, _run(ready, [audio]).sum(axis=0), "the stems do not sum to the mixture")
        _close(stage, audio, Split(ready)(audio, SAMPLE_RATE), "a Split without effects changes the signal")
        return
    assert isinstance(stage, Effect)
    once = stage(audio, SAMPLE_RATE)
    rate = measured(stage, audio).open(_format(audio)).output.sample_rate
    twice = stage(once, rate)
    chained = Chain((stage, stage))(audio, SAMPLE_RATE)
    if not np.array_equal(twice, chained):
        raise ContractError(f"{stage.name}: Chain((a, a))(x) is not a(a(x))")


def streams_are_strangers(stage: Stage) -> None:
    """Rule 4: two streams of one stage do not affect each other, and input arrays are never written to."""
    first, second = probe("voice")[:, :48000], probe("voice")[::-1, 48000:]
    ready = measured(stage, first)
    alone = [_run(ready, [audio]) for audio in (first, second)]
    streams = [ready.open(_format(first)) for _ in range(2)]
    pieces: list[list[Block]] = [[], []]
    for start in range(0, first.shape[-1], 4096):
        for stream, audio, out in zip(streams, (first, second), pieces, strict=True):
            block = audio[:, start : start + 4096].copy()
            block.setflags(write=False)
            out.append(stream.push(block))
    for expected, out, stream in zip(alone, pieces, streams, strict=True):
        together = np.concatenate([*out, stream.flush()], axis=-1)
        _close(stage, expected, together, "a stream changes with another that runs beside it")


def memory_is_bounded(stage: Stage) -> None:
    """Rule 5: memory depends on the block and the parameters, not on the length of the signal."""
    audio = probe("voice")
    ready = measured(stage, audio)
    repeats = max(12, 2 * _held_back(ready, audio))
    peaks, grown = _memory(ready, audio, repeats)
    if peaks[1] > 1.2 * peaks[0] + 3 * audio.nbytes:
        raise ContractError(
            f"{stage.name}: peak memory rose from {peaks[0]} to {peaks[1]} bytes with twice the length"
        )
    if grown > 0.5 * repeats * audio.nbytes:
        raise ContractError(
            f"{stage.name}: the process grew by {grown} bytes while {repeats * audio.nbytes} went through"
        )


def _memory(ready: Stage, audio: Block, repeats: int) -> tuple[tuple[int, int], int]:
    """Push audio through a stream so many times, and so many times again.

    Python's collector of reference cycles is off meanwhile. When it runs depends on what else the process holds, and
    so would the result; what waits for it counts as memory that is held.

    Returns:
        The peaks of what Python and NumPy allocate, in the first half and in the second, and by how much all that
        is allocated, by torch and other libraries too, grew in the second half, all in bytes.
    """
    stream, halves = ready.open(_format(audio)), []
    with _without_collector():
        tracemalloc.start()
        for _ in range(2):
            tracemalloc.reset_peak()
            for block in (b for _ in range(repeats) for b in np.array_split(audio, 2, axis=-1)):
                stream.push(block)
            halves.append((tracemalloc.get_traced_memory()[1], _allocated()))
        tracemalloc.stop()
    (first_peak, before), (second_peak, after) = halves
    return (first_peak, second_peak), after - before


@contextmanager
def _without_collector() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Allocated(ctypes.Structure):
    """What glibc tells of the memory it has given out, all arenas together (struct mallinfo2)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    )


def _allocated() -> int:
    """Return how many bytes the process holds, whichever library asked for them; 0 where the system does not say."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (OSError, TypeError, AttributeError):
        return 0
    ask.restype = _Allocated
    found = ask()
    return int(found.uordblks + found.hblkhd)


def _held_back(ready: Stage, audio: Block) -> int:
    """Count how many times the audio is pushed before a stream returns any frames; 100 at most."""
    stream = ready.open(_format(audio))
    return next((count for count in range(1, 100) if stream.push(audio).shape[-1]), 100)


def every_parameter_matters(stage: Stage) -> None:
    """Rule 6: moving a parameter changes the output. What another engine takes is checked with that engine."""
    plain = _outputs(stage)
    for parameter in parameters(type(stage)):
        if parameter.idle(stage) == "engine" and stage.engines:
            continue
        around = with_values(stage, **parameter.needs(type(stage))) if parameter.idle(stage) else stage
        before = _outputs(around) if around is not stage else plain
        others = list(_other_values(around, parameter))
        if others and not any(_differs(before, with_values(around, **{parameter.name: v})) for v in others):
            raise ContractError(f"{stage.name}: {parameter.name} does nothing (tried {others})")


def silence_and_level(stage: Stage) -> None:
    """Rule 7: silence in, finite out; scaling the input scales the output, where the stage claims so."""
    silence = np.zeros((2, 48000), np.float32)
    if not np.isfinite(_run(measured(stage, silence), [silence])).all():
        raise ContractError(f"{stage.name}: silence gives NaN or infinity")
    if stage.level_independent:
        audio = probe("voice")
        loud, quiet = (_run(measured(stage, x), [x]) for x in (audio, audio * np.float32(0.1)))
        error = float(np.abs(quiet * 10 - loud).max() / max(np.abs(loud).max(), 1e-9))
        if error > 1e-3:
            raise ContractError(f"{stage.name}: 20 dB less input changes the result by {error:.2g} of its peak")


def mix_zero_is_the_input(stage: Stage) -> None:
    """Rule 8: `mix` = 0 is the input, bit for bit."""
    if isinstance(stage, Effect):
        audio = probe("voice")
        if not np.array_equal(replace(stage, mix=0.0)(audio, SAMPLE_RATE), audio):
            raise ContractError(f"{stage.name}: mix = 0 changes the signal")


RULES: tuple[Callable[[Stage], None], ...] = (
    blocks_do_not_matter,
    time_zero_is_time_zero,
    chains_compose,
    streams_are_strangers,
    memory_is_bounded,
    every_parameter_matters,
    silence_and_level,
    mix_zero_is_the_input,
)


@cache
def probe(kind: str, seconds: float = 2.0, channels: int = 2) -> Block:
    """Make a signal that has something for every stage, read-only, (channels, frames) at 48 kHz.

    Args:
        kind: `voice`: syllables of a gliding harmonic tone and hiss over noise and 50 Hz hum, the channels
            unlike; `dull`: the same without anything above 6 kHz; `holes`: the same with holes in the
            spectrum as a codec leaves them; `loud`: the same, up to full scale; `soft`: the same, 20 dB softer;
            `peaks`: the same with clicks four times as high as the rest; `gaps`: the same, 10 ms of it zero now and
            then; `pops`: the same behind half a second that holds nothing but a breath, with a pop of air.
        seconds: length.
        channels: number of channels.
    """
    rng = np.random.default_rng(7)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 130 + 30 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    tone = np.sum([np.sin(k * phase) / k for k in range(1, 60)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) ** 2
    hiss = rng.standard_normal(time.size) * np.clip(np.sin(2 * np.pi * 3.1 * time - 2), 0, 1) ** 4
    hum = sum(np.sin(2 * np.pi * 50 * k * time + k) / k for k in (1, 2, 3, 4))
    audio = np.stack([
        0.12 * (1 - 0.3 * c) * (tone * syllables + 0.4 * hiss)
        + 0.01 * hum
        + 0.004 * rng.standard_normal(time.size)
        for c in np.arange(channels) % 3
    ])  # fmt: skip
    if kind == "dull":
        audio = _without(audio, lambda hz, _: hz > 6000)
    elif kind == "holes":
        audio = _without(audio, lambda hz, frame: (hz > 2000) & ((np.floor(hz / 700) + frame) % 3 == 0))
    elif kind == "loud":
        audio /= np.abs(audio).max()
    elif kind == "soft":
        audio *= 0.1
    elif kind == "peaks":
        audio[:, 10000::30000] = 4 * np.abs(audio).max()
    elif kind == "gaps":
        audio[:, (np.arange(time.size) % 9000) >= 8520] = 0
    elif kind == "pops":
        audio[:, : time.size // 4] *= 0.01
        breath = _without(rng.standard_normal((1, 12000)), lambda hz, _: (hz < 500) | (hz > 4000))
        audio[:, 8000:20000] += 0.02 * np.sin(np.pi * np.arange(12000) / 12000) ** 2 * breath
        audio[:, 60000:64000] += 0.5 * np.sin(np.pi * np.arange(4000) / 4000) ** 2 * np.sin(np.arange(4000) / 250)
    elif kind != "voice":
        raise ValueError(f"no probe called {kind!r}")
    audio = audio.astype(np.float32)
    audio.setflags(write=False)
    return audio


def partition(audio: Block, seed: int) -> Iterator[Block]:
    """Cut a signal into blocks of uneven length, some of them empty."""
    rng = np.random.default_rng(seed)
    start = 0
    while start < audio.shape[-1]:
        frames = int(rng.choice([0, 1, 7, 64, 509, 4800, 20000]))
        yield audio[:, start : start + frames]
        start += frames


def with_values(stage: S, **values: Any) -> S:
    """Return the stage with other values; what does nothing beside them goes back to its default."""
    moved = {p.name: getattr(stage, p.name) for p in parameters(type(stage))} | values
    idle = {p.name: p.default for p in parameters(type(stage)) if p.idle(SimpleNamespace(**moved))}
    return replace(stage, **(values | idle))


def measured(stage: S, audio: Block) -> S:
    """Return the stage ready to run over this signal."""
    return stage if stage.ready else stage.measure([audio], _format(audio))


def _run(stage: Stage, blocks: Iterable[Block]) -> Block:
    return np.concatenate(list(pump(stage.open(Format(SAMPLE_RATE, 2)), blocks)), axis=-1)


def _format(audio: Block) -> Format:
    return Format(SAMPLE_RATE, audio.shape[0])


def _mono(audio: Block) -> Any:
    return audio.reshape(-1, audio.shape[-1]).sum(axis=0, dtype=np.float64)


def _same_shape(stage: Stage, a: Block, b: Block, what: str) -> None:
    if a.shape != b.shape:
        raise ContractError(f"{stage.name}: {what}: {a.shape} and {b.shape}")


def _close(stage: Stage, a: Block, b: Block, what: str) -> None:
    _same_shape(stage, a, b, what)
    error = float(np.abs(a - b).max(initial=0.0))
    if not error <= TOLERANCE:
        raise ContractError(f"{stage.name}: {what} by {error:.3g}")


def _other_values(stage: Stage, parameter: Parameter) -> Iterator[Any]:
    spec, now = parameter.spec, getattr(stage, parameter.name)
    if spec.choices or spec.examples:
        candidates = [*spec.choices, *spec.examples]
    elif parameter.kind is bool:
        candidates = [not now]
    elif parameter.kind in (int, float):
        base = 1.0 if now is None else now
        low, high = (base - 1 if v is None else v for v in (spec.low, spec.high))
        candidates = [base / 1.5, base * 1.5, low, high, (low + high) / 2, base + 1]
        candidates = [parameter.kind(c) for c in candidates if low <= c <= max(high, base * 1.5)]
        candidates = [c for c in candidates if spec.high is None or c <= spec.high]
    else:
        candidates = []
    yield from (c for c in dict.fromkeys(candidates) if c != now)


def _outputs(stage: Stage) -> Callable[[str], Block]:
    """Return what gives the stage's output for each kind of probe, which is computed once."""
    return cache(lambda kind: _run(measured(stage, probe(kind)), [probe(kind)]))


def _differs(before: Callable[[str], Block], other: Stage) -> bool:
    after = _outputs(other)
    for kind in ("voice", "dull", "holes", "loud", "soft", "peaks", "gaps", "pops"):
        a, b = before(kind), after(kind)
        if a.shape != b.shape or np.abs(a - b).max() > TOLERANCE / 10:
            return True
    return False


def _without(audio: Any, hole: Callable[[Any, Any], Any]) -> Any:
    """Remove parts of the spectrum, given by frequency in Hz and number of the STFT frame."""
    window, hop = 2048, 1024
    shape = np.sin(np.pi * np.arange(window) / window)
    padded = np.pad(audio, ((0, 0), (window, window)))
    out = np.zeros_like(padded)
    hz = np.fft.rfftfreq(window, 1 / SAMPLE_RATE)
    for frame, start in enumerate(range(0, padded.shape[-1] - window, hop)):
        spectrum = np.fft.rfft(padded[:, start : start + window] * shape)
        spectrum[:, hole(hz, frame)] = 0
        out[:, start : start + window] += np.fft.irfft(spectrum) * shape
    return out[:, window : window + audio.shape[-1]]
