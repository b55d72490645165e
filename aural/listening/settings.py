"""The settings of a listening test. Imports nothing heavy, so that its options can be listed at once."""

from __future__ import annotations

from dataclasses import dataclass

from aural.parameters import check, param

KINDS = {
    "mushra": "Rate how near each version comes to the reference. The reference itself is among them.",
    "abx": "X is either A or B. Say which.",
    "ab": "Say which of A and B you prefer. The reference is what both were made from.",
}


@dataclass(frozen=True, kw_only=True)
class ListeningSettings:
    """The kind of test, and how it is drawn."""

    kind: str = param(
        "mushra",
        "Kind of test: rating from 0 to 100 after ITU-R BS.1534-3 with a hidden reference and two anchors, "
        "telling X from A and B, or a preference between two",
        choices=tuple(KINDS),
    )
    seed: int = param(0, "Seed of the order, together with the listener's name", low=0)
    trials: int = param(10, "Trials of each pair with each listener", low=1, high=100, when={"kind": ("abx", "ab")})

    def __post_init__(self) -> None:
        check(self, "listening test")
