"""Keeps what a chain removes, while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain, takewhile
from typing import ClassVar, Self

from aural.audio.spool import Spool
from aural.chain import Chain
from aural.dsp.resampling import resampler
from aural.signals import Block, Format
from aural.stage import Effect
from aural.stream import Aligned, Stream


class Removed:
    """The input of a stage less its output, on disk."""

    def __init__(self) -> None:
        self.output: Format | None = None
        self.blocks: Spool | None = None

    def begin(self, output: Format) -> Spool:
        """Make room for a run; what another one has left is gone."""
        self.output, self.blocks = output, Spool((), output.channels)
        return self.blocks


@dataclass(frozen=True)
class Kept(Effect):
    """Stages whose run also keeps what it takes away."""

    name: ClassVar[str] = "kept"
    effect: Chain
    removed: Removed = field(compare=False)

    @property
    def ready(self) -> bool:
        return self.effect.ready

    @property
    def passes(self) -> int:
        return self.effect.passes

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        return replace(self, effect=self.effect.measure(blocks, source))

    def stream(self, source: Format) -> Stream:
        return KeepingStream(self.effect.begin(source), source, self.removed)


class KeepingStream(Stream):
    """Runs a stream, and keeps its input less its output."""

    def __init__(self, stream: Stream, source: Format, removed: Removed) -> None:
        super().__init__(stream.output)
        self.stream, self.dry = stream, resampler(source, stream.output.sample_rate)
        self.waiting = Aligned(2)
        self.removed = removed.begin(stream.output)

    def push(self, block: Block) -> Block:
        return self._keep(self.dry.push(block), self.stream.push(block))

    def flush(self) -> Block:
        return self._keep(self.dry.flush(), self.stream.flush())

    def _keep(self, dry: Block, out: Block) -> Block:
        before, after = self.waiting.take([dry, out])
        self.removed.append(before - after)
        return out


def keeping(effect: Effect, removed: Removed) -> Effect:
    """Return an effect whose run keeps what its first suppressing stage and those right behind it take away.

    As it is where it has none.
    """
    if isinstance(effect, Chain) and effect.mix == 1:
        for number, stage in enumerate(effect.stages):
            taking = tuple(takewhile(lambda each: each.suppresses, effect.stages[number:]))
            kept = Kept(Chain(taking), removed) if taking else keeping(stage, removed)
            if kept is not stage:
                rest = effect.stages[number + max(1, len(taking)) :]
                return replace(effect, stages=(*effect.stages[:number], kept, *rest))
        return effect
    return Kept(Chain((effect,)), removed) if effect.suppresses else effect


def plain(effect: Effect) -> Effect:
    """Return an effect as it was before `keeping`."""
    if isinstance(effect, Kept):
        return effect.effect.stages[0]
    if not isinstance(effect, Chain):
        return effect
    stages = (stage.effect.stages if isinstance(stage, Kept) else (plain(stage),) for stage in effect.stages)
    return replace(effect, stages=tuple(chain.from_iterable(stages)))
