"""The site of documentation: builds without a warning, asks nothing of others, and names commands that exist."""

from __future__ import annotations

import functools
import http.server
import re
import shlex
import subprocess
import sys
import threading
import urllib.parse
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import check_access, chromium, in_browser, until
from recordings import ROOT

from aural.cli.commands import aural

TEXT = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
BLOCKS = re.findall(r"(?ms)^```\n(.*?)^```", TEXT)
LINES = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_typed(line: str) -> None:
    program, *typed = shlex.split(line)
    assert program == "aural"
    name, command, rest = aural.resolve_command(aural.make_context("aural", [], resilient_parsing=True), typed)
    assert command
    assert name
    command.make_context(name, rest)


def test_the_card_of_each_network_that_makes_sound_has_a_picture() -> None:
    cards = sorted((ROOT / "stages").glob("*/engines/*/MODEL_CARD.md"))
    assert {card.parent.name for card in cards} == {"compact", "envelope", "stochastic", "unet", "voice"}
    for card in cards:
        assert "](card.png)" in card.read_text("utf-8")
        assert 5_000 < card.with_name("card.png").stat().st_size < 100_000


class Page(HTMLParser):
    """What a page of the site can be linked to by, leads to, and loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        if "href" in given:
            (self.leads if tag == "a" else self.loads).append(given["href"])
        self.loads += [given[name] for name in ("src", "data", "poster") if name in given]


def check_links(site: Path) -> None:
    """See that all that pages lead to is there, and that nothing they load is elsewhere."""
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for url in page.loads + page.leads:
            scheme, host, place, _, _, name = urllib.parse.urlparse(url)
            if scheme or host:
                assert url in page.leads, f"{path} loads {url}"
                continue
            there = (path.parent / urllib.parse.unquote(place)).resolve() if place else path
            there = there / "index.html" if there.is_dir() else there
            assert there.is_file(), f"{path} leads to {url}"
            assert not name or there not in pages or urllib.parse.unquote(name) in pages[there].names, (
                f"{path}: {url}"
            )
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import\s*)[\"']?(https?:)?//", path.read_text("utf-8")), path


@pytest.mark.parametrize(
    "broken",
    [
        '<a href="nowhere.html">x</a>',
        '<a href="b.html#nowhere">x</a>',
        '<a href="folder/">x</a>',
        '<img src="nowhere.png">',
        '<img src="https://example.org/a.png">',
        '<script src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
    ],
)
def test_a_link_to_nothing_and_what_is_loaded_from_elsewhere_are_noticed(tmp_path: Path, broken: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "b.html").write_text('<p id="there">b</p>')
    (tmp_path / "a.html").write_text('<a href="b.html#there">x</a><a href="https://example.org">x</a>')
    (tmp_path / "a.css").write_text("p { background: url(b.html) }")
    check_links(tmp_path)
    (tmp_path / "a.html").write_text(broken)
    with pytest.raises(AssertionError, match=r"a\.html"):
        check_links(tmp_path)
    (tmp_path / "a.html").write_text("")
    (tmp_path / "a.css").write_text("@import 'https://example.org/a.css';")
    with pytest.raises(AssertionError, match=r"a\.css"):
        check_links(tmp_path)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@in_browser
def test_the_site_builds_strictly_and_asks_nothing_of_others(tmp_path: Path) -> None:
    pytest.importorskip("material", reason='needs pip install "aural[dev]"')
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked, complaints = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    check_links(tmp_path)
    home = f"http://127.0.0.1:{server.server_port}/"
    with closing(chromium().new_context()) as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        for name in ("index.html", "stages/source_separation/engines/voice/MODEL_CARD.html"):
            page.goto(home + name)
            check_access(page, besides=".md-code__nav")  # made by the theme where code can be copied
        for name, text in (
            ("index.html", "AURAL turns a poor recording into a good one."),
            ("stages/mastering/index.html", "max_limiting_db"),
            ("commands/clean.html", "--noise-reduction"),
            ("library/recordings.html", "aural.clean"),
            ("diagnosis.html", "NOISY_DB"),
        ):
            page.goto(home + name)
            assert text in page.inner_text("body")
        page.click("[data-md-component=search-query]")
        page.keyboard.type("dereverb")
        until(page, "document.querySelectorAll('.md-search-result__item').length > 1")
    server.shutdown()
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []
    assert complaints == []
