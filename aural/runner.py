"""Chains on files: read, run, write; what was done comes back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aural.audio.files import open_audio
from aural.audio.writing import check_target, write_audio
from aural.chain import Chain, StemOf
from aural.clean import Plan, plan
from aural.diagnosis import Diagnosis, Examination, inspect
from aural.errors import AudioError
from aural.stage import UNWATCHED, Effect, Format, Separator, Stream, Watch, repeatable
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
    watch: Watch = UNWATCHED,
) -> Cleaned:
    """Diagnose a recording, choose a chain, run it and write the result.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
        ChainError: there is no such preset.
    """
    guard(Path(source), Path(target), replace)
    watch.expect(4)  # a guess, until the chain is known
    before = inspect(source, watch)
    chosen = plan(before, preset)
    watch.expect(1 + chosen.chain.passes)
    file = open_audio(source)
    run = chosen.chain.render(file, file.format, watch)
    examination = Examination(run.output)
    write_audio(target, examination.tee(run.blocks), run.output, like=file.info)
    return Cleaned(chosen, run.stage, before, examination.compute())


def process(
    effect: Effect,
    source: str | Path,
    target: str | Path,
    *,
    replace: bool = False,
    watch: Watch = UNWATCHED,
) -> Effect:
    """Run an effect or a chain over a file; return it as it ran, with every measured parameter.

    Raises:
        AudioError: the recording cannot be read, or the target not written; nothing is left half-done.
    """
    guard(Path(source), Path(target), replace)
    file = open_audio(source)
    watch.expect(effect.passes)
    run = effect.render(file, file.format, watch)
    write_audio(target, run.blocks, run.output, like=file.info)
    return run.stage


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

    Raises:
        AudioError: the recording cannot be read, or a stem not written.
    """
    source, folder = Path(source), Path(folder)
    file = open_audio(source)
    targets = [folder / f"{source.stem}_{stem}{suffix}" for stem in separator.stems]
    make_folder(folder)
    for target in targets:
        guard(source, target, replace)
    run = separator.render(file, file.format, watch)
    channels = run.output.channels
    together = Format(run.output.sample_rate, channels * len(targets))
    spool = repeatable((block.reshape(together.channels, block.shape[-1]) for block in run.blocks), together)
    for index, target in enumerate(targets):
        write_audio(target, StemOf(spool, index, channels), run.output, like=file.info)
    return targets


def guard(source: Path, target: Path, replace: bool) -> None:
    """Raise AudioError unless the target may be written: never over the input, over another file only if told."""
    check_target(target)
    if target.is_dir():
        raise AudioError(f"{target}: is a folder")
    if target.exists():
        if source.exists() and target.samefile(source):
            raise AudioError(f"{target}: is the input itself; it is never overwritten")
        if not replace:
            raise AudioError(f"{target}: exists; use -f to replace it")


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

    name = "removed"
    effect: Effect

    @property
    def ready(self) -> bool:
        return self.effect.ready

    def stream(self, source: Format) -> Stream:
        return BlendStream(self.effect.open(source), source, dry=1.0, wet=-1.0)


def removal(effect: Effect) -> Chain | None:
    """Return the chain that gives what the first suppressing stage takes away; None if there is no such stage."""
    stages = effect.stages if isinstance(effect, Chain) else (effect,)
    for index, stage in enumerate(stages):
        if stage.suppresses:
            return Chain((*stages[:index], Removed(effect=stage)))
    return None


def removed_name(target: Path) -> Path:
    """Name the file that holds what was taken away."""
    return target.with_stem(f"{target.stem}_removed")
