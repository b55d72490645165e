"""`aural app`: the page in the browser."""

from __future__ import annotations

import socket
import webbrowser
from threading import Timer
from typing import Any

import click

from aural.cli.app.settings import AppSettings
from aural.cli.options import parameter_options, shared
from aural.cli.terminal import say
from aural.errors import AuralError

EVERYWHERE = "0.0.0.0"


class NoPage(AuralError):
    """The page cannot be offered."""


def app(jobs: int, **values: Any) -> None:
    """Open a page in the browser that cleans recordings, for people who use no terminal.

    Drop recordings on it; it says what is wrong with them, cleans them, plays them before and after, and gives the
    results. It loads nothing from the internet, and deletes everything when the page closes. Ctrl-C ends it, and so
    does closing the terminal window. `aural shortcut` creates a shortcut to double-click instead.

    \b
      aural app
      aural app --port 9000 --no-browser
      aural app --host 0.0.0.0 -j 4      for others too, who need the key that it prints
    """
    check_installed()
    from aural.audio.leftovers import scratch
    from aural.cli.app.server import Server

    settings = AppSettings(**values)
    listening = listening_at(settings.host, settings.port)
    with scratch() as folder:
        server = Server(settings, folder, jobs)
        url = address(listening, server.key)
        say(f"{url}  (Ctrl-C ends it)")
        if settings.browser:
            Timer(0.5, webbrowser.open, [url]).start()
        server.serving().run([listening])


def check_installed() -> None:
    """Raise NoPage unless what serves the page is installed."""
    try:
        import aural.cli.app.server  # noqa: F401
    except ImportError as error:
        raise NoPage(f'the page needs {error.name}: pip install "aural[app]"') from error


def address(listening: socket.socket, key: str) -> str:
    """Write where the page is; that of all addresses of this machine is its name."""
    host, port = listening.getsockname()[:2]
    name = socket.gethostname() if host == EVERYWHERE else host
    return f"http://{name}:{port}/{'?key=' * bool(key)}{key}"


def listening_at(host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        NoPage: it cannot be had.
    """
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NoPage(f"the page cannot be offered at {host}:{port}: {why.lower()}") from error


command = shared("jobs")(click.Command("app", params=parameter_options(AppSettings), help=app.__doc__, callback=app))
