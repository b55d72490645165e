"""Loops compiled by numba, with a cache that may be missing, damaged or full."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, _CacheLocator

from aural.cache import cache_folder


class Place(_CacheLocator):
    """Keeps what was compiled in AURAL's cache, or in NUMBA_CACHE_DIR; never in the package's own folder.

    There it would outlive the package: pip does not remove what it has not installed, and a folder that is left
    shadows an editable installation.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self.file, self.line = file, function.__code__.co_firstlineno
        given: str = config.CACHE_DIR  # type: ignore[attr-defined]
        folder = Path(given) if given else cache_folder() / "compiled"
        self.folder = folder / self.get_suitable_cache_subpath(file)  # type: ignore[no-untyped-call]

    def get_cache_path(self) -> str:
        return str(self.folder)

    def get_source_stamp(self) -> tuple[float, int]:
        """Say which version of the source it is of."""
        status = os.stat(self.file)
        return status.st_mtime, status.st_size

    def get_disambiguator(self) -> str:
        return str(self.line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> Place | None:
        """Return the place; None where nothing can be written."""
        try:
            place = cls(function, file)
            place.ensure_cache_path()  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError):  # no folder that can be written to, no home
            return None
        return place


class Files(CompileResultCacheImpl):
    """How it is kept: as numba does, in that place."""

    _locator_classes = [Place]  # noqa: RUF012 (numba's)


class Cache(FunctionCache):
    """Keeps what was compiled: what cannot be read is compiled again, what cannot be written is not kept.

    Numba's own ends the program where a file of the cache is damaged or the disk is full.
    """

    _impl_class = Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for a signature; None where there is nothing that can be read."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # a damaged pickle may raise anything
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if that is possible."""
        with suppress(Exception):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function on its first call, and keep the result where there is a place for it; it frees the GIL.

    A loop does no bounds checking: its callers have checked the shapes.

    Args:
        options: as those of `numba.njit`.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        loop = numba.njit(nogil=True, **options)(function)
        loop._cache = _cache(function)
        return loop

    return compiled


def _cache(function: Callable[..., Any]) -> Any:
    try:
        return Cache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):  # no place for it
        return NullCache()
