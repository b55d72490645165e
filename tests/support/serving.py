"""The page of `aural app`, served in a thread, and opened in a browser that reaches nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from browser import DESKTOP, chromium, until

from aural.cli.app.settings import AppSettings


@dataclass
class Serving:
    """A server that runs, and where it keeps its files."""

    url: str
    folder: Path


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Serving]:
    """Serve the page on this machine."""
    from aural.cli.app.command import listening_at
    from aural.cli.app.server import Server

    listening = listening_at("127.0.0.1", 0)
    server = Server(AppSettings(**settings), folder).serving()
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield Serving(f"http://127.0.0.1:{listening.getsockname()[1]}/", folder)
    finally:
        server.should_exit = True
        thread.join()


class Visitors:
    """Pages of one browser; at the end, see that they asked for nothing but what is served, and were content."""

    def __init__(self, url: str, open_ones: ExitStack) -> None:
        self.url, self.open_ones = url, open_ones
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def come(self, **settings: Any) -> Any:
        """Open the page as somebody else."""
        context = chromium().new_context(accept_downloads=True, **(settings or DESKTOP))
        page = self.open_ones.enter_context(closing(context)).new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.goto(self.url)
        return page


@contextmanager
def visited(url: str) -> Iterator[Visitors]:
    """Let visitors come; a request that leaves the machine fails the test, and so does a complaint."""
    with ExitStack() as open_ones:
        visitors = Visitors(url, open_ones)
        yield visitors
    assert [one for one in visitors.asked if not one.startswith((url, "blob:", "data:"))] == []
    assert visitors.complaints == []


def seen(page: Any, text: str, seconds: float = 30.0) -> None:
    """Wait until a text stands on the page."""
    for _ in range(round(seconds / 10) + 1):
        try:
            until(page, f"document.body.innerText.includes({text!r})")
        except AssertionError:
            continue
        return
    raise AssertionError(f"never said: {text}; the page says: {page.inner_text('body')}")
