"""The settings of the page."""

from __future__ import annotations

from dataclasses import dataclass

from aural.parameters import check, param

LOCAL = ("127.0.0.1", "localhost")


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """What the page accepts, and who reaches it.

    Raises:
        ParameterError: one is of the wrong kind or out of range.
    """

    host: str = param(
        LOCAL[0],
        "Address that the page is offered at; 0.0.0.0: every address of this machine. Where others reach it, "
        "it opens only with the key that is printed with its address",
    )
    port: int = param(8710, "Port; 0 takes any that is free", low=0, high=65535)
    browser: bool = param(True, "Open the page in a browser")
    upload_mb: int = param(2000, "Largest recording that is taken", unit="MB", low=1, high=1_000_000)
    most_recordings: int = param(50, "Recordings that one page takes at the same time", low=1, high=1000)
    most_pages: int = param(20, "Pages that may be open at the same time", low=1, high=1000)
    closing_s: float = param(
        300.0,
        "How long a page may be out of reach before its recordings are deleted; where a browser says that it "
        "closes, they are deleted at once",
        unit="s",
        low=0.1,
        high=86400.0,
    )

    def __post_init__(self) -> None:
        check(self, "app")

    @property
    def local(self) -> bool:
        """Whether only this machine reaches the page."""
        return self.host in LOCAL
