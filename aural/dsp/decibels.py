"""Decibels to factors, and powers to decibels."""

from __future__ import annotations

import math
from typing import Any


def db_to_gain(level_db: Any) -> Any:
    """Turn levels in dB into factors of amplitude: a number, an array or a tensor."""
    return 10 ** (level_db / 20)


def db_to_power(level_db: Any) -> Any:
    """Turn levels in dB into factors of power: a number, an array or a tensor."""
    return 10 ** (level_db / 10)


def power_to_db(power: float) -> float:
    """Return the level of a power in dB; -inf for none."""
    return 10 * math.log10(power) if power > 0 else -math.inf
