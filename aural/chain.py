"""Stages in series, stems in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from aural.errors import ChainError
from aural.markup import table
from aural.parameters import settings
from aural.signals import Block, Format
from aural.stage import Effect, Rendering, Separator, repeatable
from aural.stream import UNWATCHED, Aligned, Series, Stream, Watch

MOST_STAGES = 100


@dataclass(frozen=True)
class Chain(Effect):
    """Effects applied one after the other; itself an effect, so chains nest.

    Raises:
        ChainError: something that is not an effect stands in the chain.
    """

    name: ClassVar[str] = "chain"
    stages: tuple[Effect, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "stages", tuple(self.stages))
        for number, stage in enumerate(self.stages, 1):
            if not isinstance(stage, Effect):
                name = getattr(stage, "name", repr(stage))
                raise ChainError(f"stage {number}: {name} gives stems; put it in a Split to use it in a chain")
        if (count := _count(self)) > MOST_STAGES:
            raise ChainError(f"a chain has at most {MOST_STAGES} stages, those of chains within it too, got {count}")

    @property
    def ready(self) -> bool:
        return self.mix == 0 or all(stage.ready for stage in self.stages)

    @property
    def passes(self) -> int:
        return sum(stage.passes for stage in self.stages)

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        return all(stage.level_independent for stage in self.stages)

    @property
    def highest_dbtp(self) -> float:
        return self.stages[-1].highest_dbtp if self.stages and self.mix == 1 else super().highest_dbtp

    def lowering(self, by_db: float) -> Effect | None:
        return self.stages[-1].lowering(by_db) if self.stages and self.mix == 1 else None

    def _repr_html_(self) -> str:
        return table(("stage", "settings"), ((stage.name, settings(stage)) for stage in self.stages))

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        return replace(self._series(blocks, source, UNWATCHED).stage, mix=self.mix)

    def stream(self, source: Format) -> Stream:
        return in_series(self.stages, source)

    def run(self, blocks: Iterable[Block], source: Format, watch: Watch) -> Rendering[Self]:
        return self._series(blocks, source, watch) if self.mix == 1 else super().run(blocks, source, watch)

    def _series(self, blocks: Iterable[Block], source: Format, watch: Watch) -> Rendering[Self]:
        """Render stage after stage, so that each runs once however many need a first pass."""
        ran: list[Effect] = []
        for stage in self.stages:
            run = stage.run(blocks, source, watch)
            blocks, source = run.blocks, run.output
            ran.append(run.stage)
        return Rendering(blocks, source, replace(self, stages=tuple(ran), mix=1.0))


def _count(effect: Effect) -> int:
    """Return how many stages an effect is made of."""
    if isinstance(effect, Chain):
        return sum(max(1, _count(stage)) for stage in effect.stages)
    return 1 + sum(_count(branch) for _, branch in effect.branches) if isinstance(effect, Split) else 1


def in_series(stages: Iterable[Effect], source: Format) -> Stream:
    """Open one stream for stages one after the other."""
    streams: list[Stream] = []
    for stage in stages:
        streams.append(stage.begin(streams[-1].output if streams else source))
    return Series(streams, source)


@dataclass(frozen=True)
class Split(Effect):
    """Take a signal apart, send each stem through a chain of its own, and sum the results.

    Raises:
        ChainError: a branch is named that the separator has no stem for, or branches end in unlike formats.
    """

    name: ClassVar[str] = "split"
    separator: Separator
    branches: tuple[tuple[str, Effect], ...] = ()
    """Effects by stem, given as a mapping or as pairs; a stem without one is left as it is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = self.branches.items() if isinstance(self.branches, Mapping) else self.branches
        object.__setattr__(self, "branches", tuple((stem, effect) for stem, effect in pairs))
        for stem, _ in self.branches:
            if stem not in self.separator.stems:
                raise ChainError(
                    f"no stem called {stem!r}; {self.separator.name} gives {', '.join(self.separator.stems)}"
                )

    def each(self) -> list[Effect]:
        """List the effect of every stem, in the separator's order."""
        branches = dict(self.branches)
        return [branches.get(stem, Chain()) for stem in self.separator.stems]

    @property
    def ready(self) -> bool:
        return self.mix == 0 or (self.separator.ready and all(effect.ready for effect in self.each()))

    @property
    def level_independent(self) -> bool:  # type: ignore[override]
        return self.separator.level_independent and all(effect.level_independent for effect in self.each())

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        run = self.separator.run(blocks, source, UNWATCHED)
        stems = dict(zip(self.separator.stems, spooled_stems(run), strict=True))
        ready = [
            (stem, effect if effect.ready else effect.measure(stems[stem], run.output))
            for stem, effect in self.branches
        ]
        return replace(self, separator=run.stage, branches=tuple(ready))

    def stream(self, source: Format) -> Stream:
        return SplitStream(self.separator.begin(source), self.each())


def spooled_stems(run: Rendering[Separator]) -> list[Iterable[Block]]:
    """Put the stems of a run on disk; return each as blocks that can be iterated over again."""
    channels, count = run.output.channels, len(run.stage.stems)
    together = Format(run.output.sample_rate, channels * count)
    spool = repeatable((block.reshape(together.channels, block.shape[-1]) for block in run.blocks), together)
    return [Channels(spool, slice(stem * channels, (stem + 1) * channels)) for stem in range(count)]


class Channels:
    """Some of the channels of blocks that can be iterated over again."""

    def __init__(self, blocks: Iterable[Block], which: slice) -> None:
        self.blocks, self.which = blocks, which

    def __iter__(self) -> Iterator[Block]:
        for block in self.blocks:
            yield block[self.which]


class SplitStream(Stream):
    """Runs a separator and a stream for each stem; sums what all of them have ready."""

    def __init__(self, separator: Stream, effects: Iterable[Effect]) -> None:
        self.separator = separator
        self.branches = [effect.begin(separator.output) for effect in effects]
        outputs = {branch.output for branch in self.branches}
        if len(outputs) > 1:
            raise ChainError("the branches of a split must end in one format, got " + ", ".join(map(str, outputs)))
        super().__init__(outputs.pop())
        self.waiting = Aligned(len(self.branches))

    def push(self, block: Block) -> Block:
        stems = self.separator.push(block)
        return self._sum([branch.push(stem) for branch, stem in zip(self.branches, stems, strict=True)])

    def flush(self) -> Block:
        tails = self.separator.flush()
        rest = [
            np.concatenate([branch.push(stem), branch.flush()], axis=-1)
            for branch, stem in zip(self.branches, tails, strict=True)
        ]
        return self._sum(rest)

    def _sum(self, stems: list[Block]) -> Block:
        return np.sum(self.waiting.take(stems), axis=0, dtype=np.float32)
