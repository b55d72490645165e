"""What every stage shares: the value, the stream, the whole-signal call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aural.advice import Decision
from aural.engine import Engine
from aural.errors import AudioError, NotReady
from aural.layouts import default_layout, speakers
from aural.parameters import check, param, parameters

if TYPE_CHECKING:
    from aural.diagnosis import Diagnosis

Block = NDArray[np.float32]
"""Audio, shape (channels, frames); a Separator's stream gives (stems, channels, frames)."""

MOST_CHANNELS = 32
LOWEST_RATE, HIGHEST_RATE = 4000, 768000
LOUDEST = 2.0**31
"""Beyond this no recording goes: samples that were whole numbers of 32 bits, and never divided."""


@dataclass(frozen=True)
class Format:
    """Sample rate in Hz, number of channels and channel layout of a signal.

    Raises:
        AudioError: no signal has such a sample rate, so many channels, or such a layout.
    """

    sample_rate: int
    channels: int
    layout: str = ""
    """FFmpeg's name, such as 5.1(side); where none is given, the usual one for so many channels."""

    def __post_init__(self) -> None:
        rate, channels = _whole(self.sample_rate), _whole(self.channels)
        if rate is None or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            swapped = channels is not None and LOWEST_RATE <= channels <= HIGHEST_RATE
            cure = "; it comes before the number of channels" if swapped else ""
            allowed = f"a whole number from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
            raise AudioError(f"a sample rate is {allowed}, got {self.sample_rate!r}{cure}")
        if channels is None or not 1 <= channels <= 1024:
            raise AudioError(f"a signal has from 1 to 1024 channels, got {self.channels!r}")
        object.__setattr__(self, "sample_rate", rate)
        object.__setattr__(self, "channels", channels)
        if not self.layout:
            object.__setattr__(self, "layout", default_layout(channels))
        elif len(speakers(self.layout)) not in (0, channels):
            raise AudioError(f"{self.layout} is not the layout of {channels} channels")


def _whole(number: Any) -> int | None:
    """Return a whole number, which 44100.0 is too, as an int; None for anything else."""
    plain = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    return int(number) if plain and number == number // 1 else None


class Watch:
    """Sees the blocks on their way into each stage, to show progress. This one looks away."""

    def expect(self, passes: int) -> None:
        """Learn how many times a signal will go by in all, at most."""

    def spare(self, passes: int) -> None:
        """Learn that so many of the expected passes are not needed."""

    def __call__(self, blocks: Iterable[Block], source: Format) -> Iterable[Block]:
        """Give the blocks on unchanged."""
        return blocks


UNWATCHED = Watch()


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
    """What a user holds: takes nothing but blocks of its signal, and gives away what is nobody else's.

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


def pump(stream: Stream, blocks: Iterable[Block]) -> Iterator[Block]:
    """Push blocks through a stream and flush it."""
    for block in blocks:
        yield stream.push(block)
    yield stream.flush()


S = TypeVar("S", bound="Stage")


@dataclass(frozen=True)
class Rendering(Generic[S]):
    """A run over a signal of any length: its blocks, their format, and the stage as it ran."""

    blocks: Iterable[Block]
    output: Format
    stage: S


@dataclass(frozen=True)
class Stage(ABC):
    """A processing step as a value: parameters only, immutable, comparable, picklable.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range, or is given although it does nothing.
    """

    name: ClassVar[str]
    level_independent: ClassVar[bool] = True
    """Scaling the input scales the output alike."""
    suppresses: ClassVar[bool] = False
    """It takes something away that a user may want to hear: `--save-removed` writes it."""

    engines: ClassVar[Sequence[type[Engine]]] = ()
    """Its engines, where it has several ways to do its work; its parameter `engine` names the one that runs."""

    measuring: ClassVar[int] = 1
    """How many times `measure` may go through the signal."""

    training: ClassVar[str | None] = None
    """Import path of its `aural.learning.training.Training`, as module:class; `aural train` runs it."""

    evaluation: ClassVar[str | None] = None
    """Import path of its `aural.learning.evaluation.Evaluation`, as module:class; `aural evaluate` runs it."""

    trusted: ClassVar[str | None] = None
    """Import path, as module:function, of what opens a `model` that may be a program; `--trust-model` calls it."""

    def __post_init__(self) -> None:
        check(self, self.name)

    @property
    def ready(self) -> bool:
        """False while the stage needs a first pass over the whole signal."""
        return not self._unmeasured()

    @property
    def passes(self) -> int:
        """How many times the signal goes by in a run at most, the passes that measure included."""
        return 1 if self.ready else 1 + self.measuring

    def _unmeasured(self) -> list[str]:
        wanted = (p for p in parameters(type(self)) if p.spec.measured and not p.idle(self))
        return [p.name for p in wanted if getattr(self, p.name) is None]

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        """Run the first pass; return a copy of the stage that is ready.

        `blocks` may be iterated over more than once.
        """
        return self

    def open(self, source: Format) -> Stream:
        """Start a run over a signal of this format. Its stream checks the blocks that are pushed.

        Raises:
            NotReady: the stage needs a first pass; the sentence names the parameters that replace it.
        """
        return Checked(self.begin(source), source)

    def begin(self, source: Format) -> Stream:
        """Start a run whose blocks have been checked: for streams that run others inside.

        Raises:
            NotReady: as `open`.
        """
        if not self.ready:
            missing = ", ".join(self._unmeasured()) or "the values it measures"
            raise NotReady(
                f"{self.name}: needs a first pass over the whole signal: call measure() first, or give {missing}"
            )
        return self.stream(source)

    @abstractmethod
    def stream(self, source: Format) -> Stream:
        """Make the stream. What a stage implements; `open` is what a user calls."""

    def render(self, blocks: Iterable[Block], source: Format, watch: Watch = UNWATCHED) -> Rendering[Self]:
        """Run over a signal of any length in bounded memory, first pass included.

        Raises:
            AudioError: a block is not one of this signal.
        """
        once = iter(blocks) is blocks
        return self.run(_checked(blocks, source) if once else Blocks(blocks, source, _checked), source, watch)

    def run(self, blocks: Iterable[Block], source: Format, watch: Watch) -> Rendering[Self]:
        """Render blocks that have been checked."""
        stage = self
        if not self.ready:
            blocks = repeatable(blocks, source)
            seen = Blocks(blocks, source, watch)
            stage = self.measure(seen, source)
            watch.spare(self.passes - 1 - seen.passes)
        stream = stage.begin(source)
        return Rendering(pump(stream, watch(blocks, source)), stream.output, stage)

    def _whole(self, audio: ArrayLike, sample_rate: int) -> Block:
        """Process a whole signal; shape (channels, frames) or (stems, channels, frames)."""
        block = as_block(audio)
        run = self.render([block], Format(sample_rate, block.shape[0]))
        return np.concatenate(list(run.blocks), axis=-1)


@dataclass(frozen=True)
class Effect(Stage):
    """A stage with one output."""

    sets_level: ClassVar[bool] = False
    """It brings a recording to a level. Within a preset it runs only for a stage behind it that depends on the level;
    at the end of a mix it is what a target is given to, as its parameter `target`."""

    _: KW_ONLY
    mix: float = param(
        1.0, "Share of the processed signal in the output; 0 leaves the input as it is", low=0.0, high=1.0
    )

    def __call__(self, audio: ArrayLike, sample_rate: int) -> Block:
        """Process a whole signal.

        Args:
            audio: floats, shape (frames,) or (channels, frames); never written to.
            sample_rate: in Hz.

        Returns:
            float32 of the same number of dimensions.

        Raises:
            AudioError: the array has the wrong shape or type, or holds NaN or infinity.
        """
        result = self._whole(audio, sample_rate)
        return result[0] if np.ndim(audio) == 1 else result

    @property
    def ready(self) -> bool:
        return self.mix == 0 or super().ready

    def advise(self, diagnosis: Diagnosis) -> Decision:
        """Say what a recording asks of this stage: to run, to run with other values, or nothing; and why.

        `aural clean` asks each stage of a preset. A stage that does not say runs because the preset asks for it.
        """
        return Decision(self.name, self, "the preset asks for it")

    def advise_level(self, diagnosis: Diagnosis) -> Decision:
        """Say what to do to a clean voice, which nothing but its level may be changed of: nothing, if not said."""
        reason = "a clean voice: nothing but its level is changed"
        return Decision(self.name, None, reason, minor=self.sets_level)

    def informed(self, diagnosis: Diagnosis) -> Self:
        """Return a copy that takes from the diagnosis of its input what it would otherwise measure itself."""
        return self

    def begin(self, source: Format) -> Stream:
        from aural.streaming import BlendStream, Through

        if self.mix == 0:
            return Through(source)
        wet = super().begin(source)
        return wet if self.mix == 1 else BlendStream(wet, source, dry=1 - self.mix, wet=self.mix)


@dataclass(frozen=True)
class Separator(Stage):
    """A stage that takes a signal apart into named stems."""

    @property
    @abstractmethod
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the stream's first axis."""

    def __call__(self, audio: ArrayLike, sample_rate: int) -> dict[str, Block]:
        """Separate a whole signal: floats of shape (frames,) or (channels, frames) in, one such array a stem out.

        Raises:
            AudioError: the array has the wrong shape or type, or holds NaN or infinity.
        """
        stems = self._whole(audio, sample_rate)
        return dict(zip(self.stems, stems[:, 0] if np.ndim(audio) == 1 else stems, strict=True))


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


def repeatable(blocks: Iterable[Block], source: Format) -> Iterable[Block]:
    """Return blocks that can be iterated over again: as they are, or from a spool on disk."""
    from aural.spool import Spool

    return Spool(blocks, source.channels) if iter(blocks) is blocks else blocks


def as_block(audio: ArrayLike) -> Block:
    """Bring a user's array into shape (channels, frames), float32, or say what is wrong with it."""
    array = _floats(audio)
    if array.ndim not in (1, 2):
        raise AudioError(f"audio must have shape (frames,) or (channels, frames), got {array.shape}")
    block = np.atleast_2d(array)
    channels, frames = block.shape
    if channels > MOST_CHANNELS or channels > frames > 1:
        raise AudioError(f"audio has {channels} channels of {frames} frames; pass x.T if it is transposed")
    return _possible(block)


def next_block(audio: ArrayLike, source: Format) -> Block:
    """Bring a user's next block of a signal into float32, or say what is wrong with it."""
    block = _floats(audio)
    check_shape(block, source)
    return _possible(block)


def check_shape(block: NDArray[Any], source: Format) -> None:
    """Raise AudioError unless a block has the shape of those of a signal: compiled loops rely on it."""
    if block.ndim == 2 and block.shape[0] == source.channels:
        return
    cure = (
        "; pass x.T" if block.shape[1:] == (source.channels,) else "; pass x[np.newaxis]" if block.ndim == 1 else ""
    )
    raise AudioError(
        f"a block must have shape (channels, frames), here ({source.channels}, any number), got {block.shape}{cure}"
    )


def _checked(blocks: Iterable[Block], source: Format) -> Iterator[Block]:
    for block in blocks:
        yield next_block(block, source)


def _floats(audio: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(audio)
    except (TypeError, ValueError) as error:
        raise AudioError(f"audio must be an array of floats: {error}") from error
    if array.dtype.kind != "f":
        raise AudioError(f"audio must be floats from -1 to 1, got {array.dtype}; divide integers by full scale")
    return array


def _possible(block: NDArray[Any]) -> Block:
    """Return samples as float32 if they can be those of a recording."""
    low, high = block.min(initial=0.0), block.max(initial=0.0)
    if not (-np.inf < low <= high < np.inf):
        raise AudioError("audio holds NaN or infinity")
    if max(-low, high) > LOUDEST:
        raise AudioError(
            f"audio holds a sample of {max(-low, high):.3g} where full scale is 1: no recording is this loud; "
            "divide integers by full scale"
        )
    return block.astype(np.float32, copy=False)
