"""Runs effects and chains over files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aural.audio.atomic import Results
from aural.audio.files import AudioFile, open_audio
from aural.audio.writing import write_audio
from aural.chain import Chain
from aural.chainfile import write_chain
from aural.cleaning.delivery import deliver
from aural.cleaning.removed import Removed, keeping, plain
from aural.cleaning.targets import guard, removed_name
from aural.errors import AudioError
from aural.signals import Block, Format
from aural.stage import Effect
from aural.stream import UNWATCHED, Watch


def process(
    effect: Effect,
    source: str | Path,
    target: str | Path,
    *,
    replace: bool = False,
    save_removed: bool = False,
    save_chain: str | Path | None = None,
    strict: bool = False,
    track: int | None = None,
    audio_only: bool = False,
    watch: Watch = UNWATCHED,
) -> Effect:
    """Run an effect or a chain over a file; return it as it ran, with every measured parameter. As `clean`.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
    """
    guard(source, target, replace, save_removed, save_chain)
    file = open_audio(source, strict, track)
    watch.expect(effect.passes)
    removed = Removed()
    run = (keeping(effect, removed) if save_removed else effect).render(file, file.format, watch)
    with Results(replace, likes=[source]) as results:
        deliver(results.open(target), run, file.info, audio_only)
        ran: Effect = write_beside(results, run.stage, removed, file, target, save_chain)
    return ran


def measure_album(effect: Effect, sources: Sequence[str | Path], strict: bool = False) -> Effect:
    """Run the first pass over several recordings as if they were one, so that they keep their relation.

    Raises:
        AudioError: a recording cannot be read, or they differ in sample rate or channels.
    """
    files = [open_audio(source, strict) for source in sources]
    for source, file in zip(sources, files, strict=True):
        if file.format != files[0].format:
            raise AudioError(
                f"{_form(file.format)}, but {sources[0]}: {_form(files[0].format)}; an album is measured "
                "as one recording, so its files must be alike",
                path=source,
            )
    return effect if effect.ready else effect.measure(Album(files), files[0].format)


class Album:
    """The blocks of several files, one after the other, as often as they are asked for."""

    def __init__(self, files: Sequence[AudioFile]) -> None:
        self.files = files

    def __iter__(self) -> Iterator[Block]:
        for file in self.files:
            yield from file


def _form(source: Format) -> str:
    channels = f"{source.channels} channel{'s' * (source.channels > 1)}"
    return f"{channels}{f' ({source.layout})' * (source.channels > 2)} at {source.sample_rate} Hz"


def write_beside(
    results: Results,
    ran: Effect,
    removed: Removed,
    file: AudioFile,
    target: str | Path,
    save_chain: str | Path | None,
) -> Any:
    """Write what belongs to a result: what was taken away, if it was kept, and the chain; return that as it ran."""
    ran = plain(ran)
    if removed.blocks and removed.output:
        write_audio(results.open(removed_name(target)), removed.blocks, removed.output, like=file.info)
    if save_chain:
        chain = ran if isinstance(ran, Chain) else Chain((ran,))
        results.open(save_chain).write(write_chain(chain).encode("utf-8"))
    return ran
