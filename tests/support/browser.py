"""Pages in a real browser: a test fails on any request that leaves the file, and on any error in the console."""

from __future__ import annotations

import atexit
import base64
import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aural.signals import Block

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PLAYWRIGHT = importlib.util.find_spec("playwright") is not None
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
DESKTOP = {"viewport": {"width": 1100, "height": 900}}


def in_browser(test: Any) -> Any:
    """Mark a test that needs a browser; where there is none it is skipped, and says why."""
    missing = "no Chromium is installed" if not CHROMIUM else 'needs pip install "aural[dev]"'
    skip = pytest.mark.skipif(not (CHROMIUM and PLAYWRIGHT), reason=missing)
    return pytest.mark.browser(skip(test))


@cache
def _driver() -> Any:
    from playwright.sync_api import sync_playwright

    driver = sync_playwright().start()
    atexit.register(driver.stop)
    return driver


@cache
def chromium(*flags: str) -> Any:
    """Start Chromium with these flags, once in each process of the tests. Contexts of one browser share nothing."""
    return _driver().chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])


@contextmanager
def opened(path: Path, **settings: Any) -> Iterator[Any]:
    """Open a page from a file; at the end, see that it asked for nothing but itself and was content."""
    browser = chromium("--autoplay-policy=no-user-gesture-required")
    with closing(browser.new_context(offline=True, **(settings or DESKTOP))) as context:
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        yield page
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [path.as_uri()]
    assert complaints == []


def until(page: Any, condition: str) -> None:
    """Wait until a condition holds. Playwright's own way evaluates text inside the page, which the page forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def samples(page: Any, script: str, argument: Any = None) -> Block:
    """Run a script that gives an AudioBuffer; return its samples, (channels, frames)."""
    channels = page.evaluate(
        f"""async (argument) => {{
          const buffer = await ({script})(argument);
          const coded = (data) => {{
            const bytes = new Uint8Array(data.buffer), size = 32768;
            let text = "";
            for (let n = 0; n < bytes.length; n += size) text += String.fromCharCode(...bytes.subarray(n, n + size));
            return btoa(text);
          }};
          return Array.from({{length: buffer.numberOfChannels}}, (_, n) => coded(buffer.getChannelData(n)));
        }}""",
        argument,
    )

    return np.stack([np.frombuffer(base64.b64decode(channel), np.float32) for channel in channels])


def check_access(page: Any, besides: str = "") -> None:
    """Let axe look for what cannot be read, named or reached, besides elements of a selector."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context={"exclude": [[besides]]} if besides else None)
    assert found.violations_count == 0, found.generate_report()
