"""Streams, which process a signal block by block, and their building blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from aural.errors import AudioError
from aural.signals import Block, Format, next_block


class Stream(ABC):
    """One run of a stage over one signal. All mutable state lives here.

    Blocks come in as (channels, frames) and go out so too, or as (stems, channels, frames) where `stems` is given.
    Those that come in are float32, of the right number of channels and finite: `Stage.open` sees to it.
    """

    def __init__(self, output: Format, stems: int | None = None) -> None:
        self.output, self.stems = output, stems

    @abstractmethod
    def push(self, block: Block) -> Block:
        """Take the next frames; return the frames that are finished, possibly none."""

    def flush(self) -> Block:
        """Return the frames still held back. Call once, after the last push."""
        return self.nothing()

    def nothing(self) -> Block:
        """Return a block of no frames."""
        stems = () if self.stems is None else (self.stems,)
        return np.zeros((*stems, self.output.channels, 0), np.float32)


class Checked(Stream):
    """The stream that a user gets: checks each block, and returns arrays that nothing else refers to.

    Raises:
        AudioError: a block is not one of this signal, or comes after the end.
    """

    def __init__(self, stream: Stream, source: Format) -> None:
        super().__init__(stream.output, stream.stems)
        self.stream, self.source, self.ended = stream, source, False

    def push(self, block: Block) -> Block:
        self._go_on()
        return np.array(self.stream.push(next_block(block, self.source)))

    def flush(self) -> Block:
        self._go_on()
        self.ended = True
        return np.array(self.stream.flush())

    def _go_on(self) -> None:
        if self.ended:
            raise AudioError("this stream has been flushed; open another one for another signal")


class Through(Stream):
    """Returns its input."""

    def push(self, block: Block) -> Block:
        return block


class Series(Stream):
    """Streams one after the other: what each gives is pushed into the next."""

    def __init__(self, streams: Sequence[Stream], source: Format) -> None:
        super().__init__(streams[-1].output if streams else source)
        self.streams = streams

    def push(self, block: Block) -> Block:
        for stream in self.streams:
            block = stream.push(block)
        return block

    def flush(self) -> Block:
        tails: list[Block] = []
        for stream in self.streams:
            tails = [*(stream.push(tail) for tail in tails), stream.flush()]
        return np.concatenate(tails, axis=-1) if tails else super().flush()


def pump(stream: Stream, blocks: Iterable[Block]) -> Iterator[Block]:
    """Push blocks through a stream and flush it."""
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


class Queue:
    """A queue of frames: append at the end, take from the front."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.frames = 0

    def append(self, block: Block) -> None:
        """Put a copy of frames at the end. Any leading axes, the same for every block."""
        self.blocks.append(block.copy())
        self.frames += block.shape[-1]

    def peek(self, frames: int) -> Block:
        """Return the first frames and keep them; fewer where there are fewer."""
        self.blocks = [np.concatenate(self.blocks, axis=-1)] if len(self.blocks) > 1 else self.blocks
        return self.blocks[0][..., :frames]

    def take(self, frames: int) -> Block:
        """Remove the first frames and return them; fewer where there are fewer."""
        taken = self.peek(frames)
        self.blocks = [self.blocks[0][..., frames:]]
        self.frames -= taken.shape[-1]
        return taken


class Aligned:
    """Queues for several signals: `take` returns as many frames as all of them have."""

    def __init__(self, count: int) -> None:
        self.queues = [Queue() for _ in range(count)]

    def take(self, blocks: Iterable[Block]) -> list[Block]:
        """Take the next frames of each signal; return those that there are of all."""
        for queue, block in zip(self.queues, blocks, strict=True):
            queue.append(block)
        ready = min(queue.frames for queue in self.queues)
        return [queue.take(ready) for queue in self.queues]


class Blocks:
    """Blocks that are watched, or checked, each time they are iterated over."""

    def __init__(
        self, blocks: Iterable[Block], source: Format, each: Callable[[Iterable[Block], Format], Iterable[Block]]
    ) -> None:
        self.blocks, self.source, self.each = blocks, source, each
        self.passes = 0

    def __iter__(self) -> Iterator[Block]:
        self.passes += 1
        return iter(self.each(self.blocks, self.source))


def checked(blocks: Iterable[Block], source: Format) -> Iterator[Block]:
    for block in blocks:
        yield next_block(block, source)


class Watch:
    """Passes the blocks of a signal on, to show progress. This base class shows none."""

    def expect(self, passes: int) -> None:
        """Learn how many times a signal will still go by, at most."""

    def spare(self, passes: int) -> None:
        """Learn that so many of the expected passes are not needed."""

    def end(self) -> None:
        """Learn that no signal goes by any more."""

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterable[Block]:
        """Give the blocks on unchanged."""
        return blocks


UNWATCHED = Watch()
