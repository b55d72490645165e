"""What cleaning takes away: the input of the first suppressing stage less its output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from aural.audio.files import AudioFile
from aural.chain import Chain
from aural.dsp.blending import BlendStream
from aural.signals import Format
from aural.stage import Effect, Rendering
from aural.stream import UNWATCHED, Stream, Watch


@dataclass(frozen=True)
class Removed(Effect):
    """What an effect takes away: the input less the output."""

    name: ClassVar[str] = "removed"
    effect: Effect

    @property
    def ready(self) -> bool:
        return self.effect.ready

    def stream(self, source: Format) -> Stream:
        return BlendStream(self.effect.begin(source), source, dry=1.0, wet=-1.0)


def removed_name(target: str | Path) -> Path:
    """Name the file that holds what was taken away."""
    return Path(target).with_stem(f"{Path(target).stem}_removed")


def taken_away(ran: Effect, file: AudioFile, watch: Watch = UNWATCHED) -> Rendering[Chain] | None:
    """Render what the first suppressing stage of a chain took away from a recording; None if there is none."""
    stages = list(_flat(ran))
    first = next((index for index, stage in enumerate(stages) if stage.suppresses), None)
    if first is None:
        return None
    return Chain((*stages[:first], Removed(stages[first]))).render(file, file.format, watch)


def _flat(effect: Effect) -> Iterator[Effect]:
    """List the stages of a chain, those of chains within it too."""
    if isinstance(effect, Chain) and effect.mix == 1:
        for stage in effect.stages:
            yield from _flat(stage)
    else:
        yield effect
