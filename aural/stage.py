"""What every stage shares: the value, its parameters, and the call over a whole signal."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from aural.advice import Decision, Wishes
from aural.audio.spool import Spool
from aural.dsp.blending import BlendStream
from aural.engine import Engine
from aural.errors import NotReady
from aural.parameters import check, param, parameters
from aural.signals import Block, Format, as_block
from aural.stream import UNWATCHED, Blocks, Checked, Stream, Through, Watch, checked, pump

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

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
    """Whether scaling the input scales the output by the same factor."""
    suppresses: ClassVar[bool] = False
    """Whether it removes something that a user may want to hear, and that can be written beside the result."""

    engines: ClassVar[Sequence[type[Engine]]] = ()
    """Its engines, where it has several ways to do its work; its parameter `engine` names the one that runs."""

    measuring: ClassVar[int] = 1
    """How many times `measure` may go through the signal."""

    described_as: ClassVar[Sequence[str]] = ()
    """Other words for what it does. The command line suggests its name to a user who types one of them."""

    training: ClassVar[str | None] = None
    """Import path of its `aural.learning.training.Training`, as module:class; `aural train` runs it."""

    evaluation: ClassVar[str | None] = None
    """Import path of its `aural.learning.evaluation.Evaluation`, as module:class; `aural evaluate` runs it."""

    trusted: ClassVar[str | None] = None
    """Import path, as module:function, of what opens a `model` that may be a program, where its maker is trusted."""

    @classmethod
    def uses_device(cls) -> bool:
        """Tell whether it can run a network, on the device that `aural.device` chose."""
        return any(engine.uses_device for engine in cls.engines)

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
                f"needs a first pass over the whole signal: call measure() first, or give {missing}", stage=self.name
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
        return self.run(checked(blocks, source) if once else Blocks(blocks, source, checked), source, watch)

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
        run = self.run([block], Format(sample_rate, block.shape[0]), UNWATCHED)
        blocks = list(run.blocks)
        filled = [out for out in blocks if out.shape[-1]]
        if len(filled) == 1 and filled[0].flags.owndata and filled[0] is not block:  # nobody else refers to it
            return filled[0]
        return np.concatenate(blocks, axis=-1)


@dataclass(frozen=True)
class Effect(Stage):
    """A stage with one output."""

    sets_level: ClassVar[bool] = False
    """It brings a recording to a level. Within a preset it runs only for a stage behind it that depends on the level;
    at the end of a mix it is what a target is given to, as its parameter `target`."""

    grants: ClassVar[Sequence[str]] = ()
    """Names of the `Wishes` that it can fulfil."""

    _: KW_ONLY
    mix: float = param(1.0, "Dry/wet mix: 1 is fully processed, 0 is the input unchanged", low=0.0, high=1.0)

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

    @property
    def highest_dbtp(self) -> float:
        """True peak that the output does not go beyond; infinite where none is promised."""
        return math.inf

    def lowering(self, by_db: float) -> Effect | None:
        """Return the stage that takes so much off the peaks of its output; None where none are promised."""
        return None

    @property
    def goal(self) -> tuple[float, float] | None:
        """Return the loudness in LUFS and the true peak in dBTP that it aims at; None if it aims at none."""
        return None

    def advise(self, diagnosis: Diagnosis) -> Decision:
        """Say what a recording asks of this stage: to run, to run with other values, or nothing; and why.

        `aural clean` asks each stage of a preset. A stage that does not override this runs because the preset asks
        for it.
        """
        return Decision(self.name, self, "the preset asks for it")

    def advise_level(self, diagnosis: Diagnosis) -> Decision:
        """Say what to do to a clean voice, of which only the level may be changed: nothing, unless overridden."""
        reason = "a clean voice: nothing but its level is changed"
        return Decision(self.name, None, reason, minor=self.sets_level)

    def fulfils(self, wish: str, diagnosis: Diagnosis, wishes: Wishes) -> bool:
        """Tell whether it can fulfil a user's wish for this recording: any that it `grants`, unless overridden."""
        return wish in self.grants

    def granted(self, decision: Decision, diagnosis: Diagnosis, wishes: Wishes) -> Decision:
        """Change the advice of this stage to what a user wishes. Called with the wishes that it is to fulfil."""
        return decision

    def informed(self, diagnosis: Diagnosis) -> Self:
        """Return a copy that takes from the diagnosis of its input what it would otherwise measure itself."""
        return self

    def begin(self, source: Format) -> Stream:
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


def repeatable(blocks: Iterable[Block], source: Format) -> Iterable[Block]:
    """Return blocks that can be iterated over again: as they are, or from a spool on disk."""
    return Spool(blocks, source.channels) if iter(blocks) is blocks else blocks
