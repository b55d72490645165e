"""Output to the terminal: control characters are escaped, and a stream that is closed or full ends no run."""

from __future__ import annotations

import errno
import gc
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from aural.errors import AuralError, TargetExists, Untrusted
from aural.markup import visible

LOG = logging.getLogger("aural")
GARBAGE = 50_000  # objects that are made before the collector runs; Python's own value is 700
NOTES: list[list[str]] = []
NO_MEMORY = "failed to map segment", "allocate memory", "could not create a primitive"
"""In the words of the loader of libraries, and of torch, which have no MemoryError."""


def say(*lines: str, err: bool = False) -> None:
    """Write lines to standard output, or to standard error; what standard error cannot take is dropped.

    Raises:
        OSError: standard output is full, or nobody reads it any more.
    """
    text = "".join(f"{visible(line)}\n" for line in lines)
    try:
        _write(sys.stderr if err else sys.stdout, text)
    except OSError:
        if not err:
            raise
        sys.stderr = _nowhere("w")


def say_json(value: Any, err: bool = False) -> None:
    """Write a value as JSON in ASCII; a byte of a file name that is no UTF-8 is \\udc80 to \\udcff, as in Python."""
    import json

    say(*json.dumps(value, indent=2).split("\n"), err=err)


def say_debug(error: BaseException) -> None:
    """Write the traceback of an error, if it was asked for."""
    if debugging():
        say(*"".join(traceback.format_exception(error)).rstrip().split("\n"), err=True)


def debugging() -> bool:
    """Tell whether tracebacks are to be shown."""
    return "--debug" in sys.argv


def sentence(error: BaseException, where: object = None) -> str:
    """Say in one sentence what went wrong, and with which file, if the error itself does not tell."""
    of = f"{where}: " if where else ""
    if isinstance(error, TargetExists):
        return f"{error}; use -f to replace it"
    if isinstance(error, Untrusted):
        return f"{error}: --trust-model"
    if isinstance(error, AuralError):
        return str(error) if error.path else f"{of}{error}"
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in NO_MEMORY):
        return f"{of}out of memory"
    if isinstance(error, OSError):
        return _machine(error, of)
    first = (str(error).strip().splitlines() or [""])[0]
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return f"{of}an error of AURAL's own: {what}; run aural --debug ... to see where"


def _machine(error: OSError, of: str) -> str:
    """Say what the operating system refused, without the number of the error."""
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left on the disk that holds temporary files; set TMPDIR to a folder on another"
    name = error.filename
    of = f"{os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else name}: " if name is not None else of
    return of + (error.strerror or str(error) or "cannot be used").lower()


def prepare(verbose: bool = False) -> None:
    """Open standard streams that are closed, let none fail at a character it cannot encode, and show log messages.

    The collector of reference cycles runs less often: nearly all objects of a command are its modules, which stay and
    would be searched again and again.
    """
    gc.set_threshold(GARBAGE)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # else the next file that is opened takes its place
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere("r" if name == "stdin" else "w"))
        stream = getattr(sys, name)
        if name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(handlers=[Lines()])
    if verbose:
        LOG.setLevel(logging.INFO)
    if not debugging() and not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for who writes programs


def verbose() -> bool:
    """Tell whether what the stages find is said."""
    return LOG.level == logging.INFO


def closed(stream: TextIO) -> bool:
    """Tell whether a standard stream was closed when the command was called."""
    return getattr(stream, "name", "") == os.devnull


def of_output(error: BaseException) -> BaseException:
    """Give an error that names no file the name of standard output."""
    if isinstance(error, AuralError) or not isinstance(error, OSError) or error.filename is not None:
        return error
    return OSError(error.errno, error.strerror, "standard output")


def finish() -> None:
    """Flush the streams, so that Python has nothing left to write when it exits."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, _nowhere("w"))


class Lines(logging.Handler):
    """Shows each record as a line on standard error, unless `noted` collects it."""

    def emit(self, record: logging.LogRecord) -> None:
        if NOTES:
            NOTES[-1].append(record.getMessage())
        else:
            say(record.getMessage(), err=True)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect what is logged, instead of showing it."""
    NOTES.append([])
    try:
        yield NOTES[-1]
    finally:
        NOTES.pop()


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _nowhere(mode: str) -> TextIO:
    return cast(TextIO, open(os.devnull, mode))
