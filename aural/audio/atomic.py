"""Files that appear complete, or not at all; several of them together.

A result is written to a file of its own beside the target, which takes the name when all is written. What a run that
was killed leaves of it is removed by the next one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from aural.audio.leftovers import create, sweep
from aural.errors import AudioError, TargetExists

READ_WRITE = 0o666
WHY = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file may not become so large here",
}


def refused(path: Path, error: OSError) -> AudioError:
    """Say in a sentence why the system would not write a file."""
    why = WHY.get(error.errno or 0) or (error.strerror or str(error)).lower()
    if error.errno == errno.ENOENT:
        gone = not path.parent.is_dir()
        why = "its folder does not exist any more" if gone else "no file can be made there"
    return AudioError(f"cannot be written: {why}", path=path)


def destination(path: Path) -> Path:
    """Return the file that a name stands for: of a link, the file it leads to, which is the one to be replaced.

    Raises:
        AudioError: no file can be written there.
    """
    try:
        real = Path(os.path.realpath(path))
        if path.is_symlink() and not real.exists():
            raise AudioError(f"is a link to {os.readlink(path)}, which does not exist", path=path)
        if real.suffix.lower() != path.suffix.lower():
            raise AudioError(f"is a link to {real}, which is another kind of file by its name", path=path)
        if real.exists() and not real.is_file():
            what = (
                "a folder" if real.is_dir() else "a pipe or a device; name the output - to write to standard output"
            )
            raise AudioError(f"is {what}", path=path)
        if not path.parent.is_dir():
            raise AudioError(f"the folder {path.parent} does not exist", path=path)
        if not os.access(real.parent, os.W_OK):
            raise AudioError(
                f"the folder {real.parent if path.is_symlink() else path.parent} is not writable", path=path
            )
    except OSError as error:
        raise refused(path, error) from error
    except ValueError as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError("is no name that a file can have", path=path) from error
    return real


class Part:
    """A file on its way to its name. Has what FFmpeg and `write` need of a file.

    Raises:
        AudioError: it cannot be written; the sentence names the file that was asked for.
    """

    def __init__(self, path: Path, likes: Sequence[Path], replace: bool) -> None:
        self.path, self.replace = path, replace
        self.target = destination(path)
        if self.target.exists() and not replace:
            raise TargetExists("exists already", path=path)
        sweep(self.target.parent)
        self.error: AudioError | None = None
        """What went wrong while it was written, for those who write through a library that keeps it to itself."""
        with self._told():
            self.name, descriptor = create(self.target, _mode(likes))
            self.file = open(descriptor, "w+b", buffering=0)  # noqa: SIM115 (lives as long as the part)
            if self.target.exists():
                _keep_owner(descriptor, self.target)

    def write(self, data: bytes | memoryview) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with self._told():
            while rest:
                rest = rest[self.file.write(rest) :]
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def restart(self) -> None:
        """Throw away what is written, to begin again."""
        with self._told():
            self.file.seek(0)
            self.file.truncate()

    def complete(self) -> None:
        """See that all of it is on the disk."""
        with self._told():
            os.fsync(self.file.fileno())

    def publish(self) -> None:
        """Give it its name. Whether another file may be replaced is decided here, by the system."""
        with self._told():
            if self.replace:
                os.replace(self.name, self.target)
            else:
                _rename_to_new(self.name, self.target)

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self.name.unlink(missing_ok=True)
        self.file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise TargetExists("exists already", path=self.path) from error
        except OSError as error:
            self.error = refused(self.path, error)
            raise self.error from error


class Results:
    """Files that appear together when all are complete; if anything goes wrong, none does.

    Args:
        replace: whether files that exist may be replaced.
        likes: the files that the results come from: a new file is readable for nobody who may not read these.
    """

    def __init__(self, replace: bool, likes: Sequence[str | Path] = ()) -> None:
        self.replace, self.likes = replace, [Path(like) for like in likes]
        self.parts: list[Part] = []

    def open(self, path: str | Path) -> Part:
        """Begin a file."""
        self.parts.append(Part(Path(path), self.likes, self.replace))
        return self.parts[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._publish()
        finally:
            for part in self.parts:
                part.discard()

    def _publish(self) -> None:
        for part in self.parts:
            part.complete()
        new: list[Path] = []
        try:
            for part in self.parts:
                part.publish()
                if not part.replace:
                    new.append(part.target)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise


def write_text(path: str | Path, text: str, replace: bool = True) -> None:
    """Write a text file, in UTF-8.

    Raises:
        AudioError: it cannot be written, or exists and may not be replaced.
    """
    write_bytes(path, text.encode("utf-8"), replace)


def write_bytes(path: str | Path, data: bytes, replace: bool = True) -> None:
    """Write a file. As `write_text`."""
    with Results(replace) as results:
        results.open(path).write(data)


def _mode(likes: Sequence[Path]) -> int:
    """Return the mode of a new file, which the umask still narrows: as readable as what it comes from, no more."""
    mode = READ_WRITE
    for like in likes:
        with contextlib.suppress(OSError):
            mode &= like.stat().st_mode | stat.S_IWUSR
    return mode | stat.S_IRUSR


def _keep_owner(descriptor: int, target: Path) -> None:
    """Give a file owner and mode of the one that it will replace, as far as that is allowed."""
    found = target.stat()
    with contextlib.suppress(OSError):
        os.fchown(descriptor, found.st_uid, found.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def _rename_to_new(name: Path, target: Path) -> None:
    """Rename a file unless the new name is taken.

    Raises:
        FileExistsError: it is.
    """
    try:
        os.link(name, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: hold the name with an empty file, then put ours in its place
        os.close(os.open(target, os.O_CREAT | os.O_EXCL))
        try:
            os.replace(name, target)
        except BaseException:
            target.unlink()
            raise
