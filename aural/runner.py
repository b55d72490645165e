"""Chains on files: read, run, write; what was done comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.audio.files import AudioFile, open_audio
from aural.audio.writing import check_target, write_audio
from aural.chain import Chain, spooled_stems
from aural.diagnosis import Diagnosis, Examination, inspect
from aural.errors import AudioError
from aural.planning import Plan, check_preset, plan
from aural.stage import UNWATCHED, Block, Effect, Format, Separator, Stream, Watch
from aural.streaming import BlendStream


@dataclass(frozen=True)
class Cleaned:
    """What `clean` did to a recording."""

    plan: Plan
    chain: Chain
    """As it ran: with every measured parameter."""
    before: Diagnosis
    after: Diagnosis


def clean(
    source: str | Path,
    target: str | Path,
    preset: str = "auto",
    *,
    replace: bool = False,
    save_removed: bool = False,
    watch: Watch = UNWATCHED,
) -> Cleaned:
    """Diagnose a recording, choose a chain, run it and write the result.

    Args:
        source: the recording.
        target: where the result goes; its suffix says the format.
        preset: name of a preset, a chain file, or `auto`.
        replace: whether files that exist may be replaced. The source never is.
        save_removed: also write what was taken away, to the file that `removed_name` says.
        watch: sees the signal go by.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
        ChainError: there is no such preset.
    """
    check_preset(preset)
    guard(source, target, replace, save_removed)
    watch.expect(4)  # a guess, until the chain is known
    before = inspect(source, watch)
    chosen = plan(before, preset)
    watch.expect(1 + chosen.chain.passes)
    file = open_audio(source)
    run = chosen.chain.render(file, file.format, watch)
    examination = Examination(run.output)
    write_audio(target, examination.tee(run.blocks), run.output, like=file.info)
    if save_removed:
        _write_removed(run.stage, source, target)
    return Cleaned(chosen, run.stage, before, examination.compute())


def process(
    effect: Effect,
    source: str | Path,
    target: str | Path,
    *,
    replace: bool = False,
    save_removed: bool = False,
    watch: Watch = UNWATCHED,
) -> Effect:
    """Run an effect or a chain over a file; return it as it ran, with every measured parameter. As `clean`.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
    """
    guard(source, target, replace, save_removed)
    file = open_audio(source)
    watch.expect(effect.passes)
    run = effect.render(file, file.format, watch)
    write_audio(target, run.blocks, run.output, like=file.info)
    if save_removed:
        _write_removed(run.stage, source, target)
    return run.stage


def measure_album(effect: Effect, sources: Sequence[str | Path]) -> Effect:
    """Run the first pass over several recordings as if they were one, so that they keep their relation.

    Raises:
        AudioError: a recording cannot be read, or they differ in sample rate or channels.
    """
    files = [open_audio(source) for source in sources]
    for source, file in zip(sources, files, strict=True):
        if file.format != files[0].format:
            raise AudioError(
                f"{source}: {_form(file.format)}, but {sources[0]}: {_form(files[0].format)}; an album is measured "
                "as one recording, so its files must be alike"
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
    return f"{source.channels} channel{'s' * (source.channels > 1)} at {source.sample_rate} Hz"


def separate(
    separator: Separator,
    source: str | Path,
    folder: str | Path,
    *,
    suffix: str = ".wav",
    replace: bool = False,
    watch: Watch = UNWATCHED,
) -> list[Path]:
    """Write each stem of a recording to a file of its own in a folder; return the files.

    Stems that go beyond full scale, as those of a loud mixture may, are written as floats: clipped, they would not
    sum to the mixture.

    Raises:
        AudioError: the recording cannot be read, or a stem not written.
    """
    file = open_audio(source)
    targets = stem_names(separator, Path(source), Path(folder), suffix)
    watch.expect(separator.passes)
    run = separator.render(file, file.format, watch)  # opens the model: nothing is made if that fails
    make_folder(Path(folder))
    for target in targets:
        guard(source, target, replace)
    for target, stem in zip(targets, spooled_stems(run), strict=True):
        peak = max((float(np.abs(block).max(initial=0)) for block in stem), default=0.0)
        like = dataclasses.replace(file.info, bits=32, floating=True) if peak > 1 else file.info
        write_audio(target, stem, run.output, like=like)
    return targets


def stem_names(separator: Separator, source: Path, folder: Path, suffix: str) -> list[Path]:
    """Name the files of the stems."""
    return [folder / f"{source.stem}_{stem}{suffix}" for stem in separator.stems]


def guard(source: str | Path, target: str | Path, replace: bool, save_removed: bool = False) -> None:
    """Raise AudioError unless the target may be written: never over the input, over another file only if told."""
    source, target = Path(source), Path(target)
    check_target(target)
    if target.is_dir():
        raise AudioError(f"{target}: is a folder")
    if target.exists():
        if source.exists() and target.samefile(source):
            raise AudioError(f"{target}: is the input itself; it is never overwritten")
        if not replace:
            raise AudioError(f"{target}: exists; use -f to replace it")
    if save_removed:
        guard(source, removed_name(target), replace)


def make_folder(folder: Path) -> None:
    """Make a folder for results inside one that exists.

    Raises:
        AudioError: it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise AudioError(f"{folder}: cannot be made: {(error.strerror or str(error)).lower()}") from error


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


def _write_removed(ran: Effect, source: str | Path, target: str | Path) -> None:
    """Write what the first suppressing stage of a run takes away; nothing where there is none."""
    stages = list(_flat(ran))
    for index, stage in enumerate(stages):
        if stage.suppresses:
            process(Chain((*stages[:index], Removed(stage))), source, removed_name(target), replace=True)
            return


def _flat(effect: Effect) -> Iterator[Effect]:
    """List the stages of a chain, those of chains within it too."""
    if isinstance(effect, Chain) and effect.mix == 1:
        for stage in effect.stages:
            yield from _flat(stage)
    else:
        yield effect
