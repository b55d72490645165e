"""Passages of a recording, as parameters give them, and how one fades into them and out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.errors import ParameterError

Passages = Sequence[tuple[float, float]]
"""Beginnings and ends in seconds."""

FADE_S = 1.0


def paired(seconds: Sequence[float], stage: str, parameter: str) -> Passages:
    """Return passages from beginnings and ends by turns.

    Raises:
        ParameterError: one ends before it begins, or begins before the last one ends.
    """
    if len(seconds) % 2 or list(seconds) != sorted(seconds):
        raise ParameterError(
            f"{parameter} must be beginnings and ends in order of time, got {seconds!r}",
            stage=stage,
            parameter=parameter,
        )
    return list(zip(seconds[::2], seconds[1::2], strict=True))


def inside(second: float, passages: Passages) -> bool:
    """Tell whether a moment lies in one of the passages."""
    return any(begins <= second < ends for begins, ends in passages)


def within(seconds: Any, passages: Passages) -> NDArray[np.float32]:
    """Return 1 for times in a passage and 0 for others; between them it changes over FADE_S.

    A passage at the beginning of the recording has no fade-in.
    """
    starts = ((begins if begins > 0 else -np.inf, ends) for begins, ends in passages)
    inside = (np.minimum(seconds - begins, ends - seconds) / FADE_S + 0.5 for begins, ends in starts)
    return np.clip(np.max([np.zeros_like(seconds), *inside], axis=0), 0, 1).astype(np.float32)
