"""Loops that are compiled, by numba, with a cache that nothing depends on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, NullCache

F = TypeVar("F", bound=Callable[..., Any])


class Cache(FunctionCache):
    """Keeps what was compiled: what cannot be read is compiled again, what cannot be written is not kept.

    Numba's own ends the program where a file of the cache is damaged or the disk is full.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for a signature; None where there is nothing that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle may raise anything
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if that is possible."""
        with suppress(Exception):
            super().save_overload(sig, data)


def njit(**options: Any) -> Callable[[F], F]:
    """Compile a function on its first call, and keep the result where there is a place for it; it frees the GIL.

    A loop checks no index: who calls it with arrays has checked their shapes.

    Args:
        options: as those of `numba.njit`.
    """

    def compiled(function: F) -> F:
        loop: Any = numba.njit(nogil=True, **options)(function)
        loop._cache = _cache(function)
        return loop  # type: ignore[no-any-return]

    return compiled


def _cache(function: Callable[..., Any]) -> Any:
    try:
        return Cache(function)
    except (RuntimeError, OSError):  # neither the package's folder nor the user's can be written to
        return NullCache()
