"""Where results may go: never over the input, and over other files only if told."""

from __future__ import annotations

from pathlib import Path

from aural.audio.atomic import destination
from aural.audio.writing import check_target
from aural.errors import AudioError, TargetExists
from aural.pages.page import check_page


def guard(
    source: str | Path,
    target: str | Path,
    replace: bool,
    save_removed: bool = False,
    save_chain: str | Path | None = None,
    report: str | Path | None = None,
) -> None:
    """Raise AudioError unless the results may be written: never over the input, over another file only if told.

    This is to fail early; what counts is what lies there when a result is complete.
    """
    source, target = Path(source), Path(target)
    check_target(target)
    _guard(source, target, replace)
    if save_removed:
        guard(source, removed_name(target), replace)
    if save_chain:
        guard_chain(source, Path(save_chain), replace)
    if report:
        check_page(Path(report))
        _guard(source, Path(report), replace)


def guard_chain(source: str | Path, path: Path, replace: bool) -> None:
    """Raise AudioError unless a chain may be written to this file."""
    if path.suffix.lower() != ".toml":
        raise AudioError("a chain is written to a file that ends in .toml", path=path)
    _guard(Path(source), path, replace)


def _guard(source: Path, target: Path, replace: bool) -> None:
    if destination(target).exists():
        if source.exists() and target.samefile(source):
            raise AudioError("is the input itself; it is never overwritten", path=target)
        if not replace:
            raise TargetExists("exists already", path=target)


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those that it lies in.

    Raises:
        AudioError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioError(f"cannot be made: {(error.strerror or str(error)).lower()}", path=folder) from error


def removed_name(target: str | Path) -> Path:
    """Name the file that holds what was taken away."""
    return Path(target).with_stem(f"{Path(target).stem}_removed")
