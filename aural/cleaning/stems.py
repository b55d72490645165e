"""Writes the stems of a recording, a file each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from aural.audio.atomic import Results
from aural.audio.files import open_audio
from aural.audio.writing import LOSSLESS, depth, on_one_grid, write_audio
from aural.chain import spooled_stems
from aural.cleaning.targets import guard, make_folder
from aural.stage import Separator
from aural.stream import UNWATCHED, Watch


def separate(
    separator: Separator,
    source: str | Path,
    folder: str | Path,
    *,
    suffix: str = ".wav",
    replace: bool = False,
    strict: bool = False,
    watch: Watch = UNWATCHED,
) -> list[Path]:
    """Write each stem of a recording to a file of its own in a folder, all or none; return the files.

    Where stems sum to the recording, the files do so too, sample by sample, if its samples are integers of up to 24
    bits and the format is lossless. Stems that go beyond full scale, as those of a loud mixture may, are written as
    floats; FLAC holds none, so there they are clipped, and a warning says so.

    Raises:
        AudioError: the recording cannot be read, or a stem not written.
    """
    file = open_audio(source, strict)
    targets = stem_names(separator, Path(source), Path(folder), suffix)
    watch.expect(separator.passes)
    run = separator.render(file, file.format, watch)  # opens the model: nothing is made if that fails
    make_folder(Path(folder))
    for target in targets:
        guard(source, target, replace)
    with Results(replace, likes=[source]) as results:
        bits, floating = depth(suffix, file.info)
        if suffix in LOSSLESS and not floating:
            run = dataclasses.replace(run, blocks=on_one_grid(run.blocks, bits))
        for target, stem in zip(targets, spooled_stems(run), strict=True):
            beyond = any(block.max(initial=0) > 1 - 2.0 ** (1 - bits) or block.min(initial=0) < -1 for block in stem)
            like = dataclasses.replace(file.info, bits=32, floating=True) if beyond else file.info
            write_audio(results.open(target), stem, run.output, like=like)
    return targets


def stem_names(separator: Separator, source: Path, folder: Path, suffix: str) -> list[Path]:
    """Name the files of the stems."""
    return [folder / f"{source.stem}_{stem}{suffix}" for stem in separator.stems]
