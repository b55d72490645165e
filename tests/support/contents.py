"""Content maps, made from their drawings."""

from __future__ import annotations

from aural.measure.content.meter import Content


def content(drawn: str, last_s: float = 1.0) -> Content:
    """Make a map, a character a second: s speech, m music, b both, - neither, . silence."""
    speech, music = (tuple(float(sign in those) for sign in drawn) for those in ("sb", "mb"))
    return Content(len(drawn) - 1 + last_s, speech, music, tuple(sign == "." for sign in drawn))
