"""Loops that are compiled, by numba, with a cache that nothing depends on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
from numba.core.caching import FunctionCache, NullCache


class Cache(FunctionCache):
    """Keeps what was compiled: what cannot be read is compiled again, what cannot be written is not kept.

    Numba's own ends the program where a file of the cache is damaged or the disk is full.
    """

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

    A loop checks no index: who calls it with arrays has checked their shapes.

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
    except (RuntimeError, OSError):  # neither the package's folder nor the user's can be written to
        return NullCache()
