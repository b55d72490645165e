"""Splits a recording into stems that sum to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from aural.engine import chosen, engine_param
from aural.errors import ParameterError
from aural.parameters import param
from aural.signals import Block, Format
from aural.stage import Separator
from aural.stages.source_separation.engine import NAME, SeparationEngine
from aural.stages.source_separation.engines import ENGINES, Parameters
from aural.stream import Stream


@dataclass(frozen=True)
class SourceSeparation(Parameters, Separator):
    """Split a recording into stems: voice and rest, instruments, tonal and percussive, center and sides.

    Raises:
        ParameterError: a parameter is not allowed, or the engine has no stem called `two_stems`.
        WeightsError: `two_stems` is given, and the stems are known only to a model that cannot be loaded.
    """

    name: ClassVar[str] = NAME
    described_as: ClassVar[Sequence[str]] = ("separate", "stems", "demix", "vocals", "karaoke")
    engines: ClassVar[tuple[type[SeparationEngine], ...]] = ENGINES
    training: ClassVar[str | None] = "aural.stages.source_separation.train:SeparationTraining"
    evaluation: ClassVar[str | None] = "aural.stages.source_separation.evaluate:SeparationEvaluation"
    trusted: ClassVar[str | None] = "aural.stages.source_separation.engines.demucs.network:load_trusted"
    engine: str = engine_param(ENGINES, "Method")
    two_stems: str | None = param(None, "Stem to keep; the others are summed into one (for vocals, no_vocals)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.two_stems is not None and self.two_stems not in self._parts:
            raise ParameterError(
                f"two_stems must be one of {', '.join(self._parts)}, got {self.two_stems!r}",
                stage=self.name,
                parameter="two_stems",
            )

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the stream's first axis.

        Raises:
            WeightsError: the stems are known only to the model, and it cannot be loaded.
        """
        return self._parts if self.two_stems is None else (self.two_stems, f"no_{self.two_stems}")

    @property
    def _parts(self) -> tuple[str, ...]:
        return self._chosen().stems

    def _chosen(self) -> SeparationEngine:
        return chosen(ENGINES, self.engine, self)

    def measure(self, blocks: Iterable[Block], source: Format) -> Self:
        return replace(self, **self._chosen().measure(blocks, source))

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: the engine does not take this many channels.
            WeightsError: the model is missing, damaged or cannot be downloaded.
        """
        from aural.stages.source_separation.stream import StemStream

        engine = self._chosen()
        keep = None if self.two_stems is None else engine.stems.index(self.two_stems)
        return StemStream(source, engine.stream(source), len(engine.stems), engine.rest, keep)
