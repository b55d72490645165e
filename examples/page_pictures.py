"""Draw the pictures of pages in the README: report, report on a phone, listening test, and the page of `aural app`.

python examples/page_pictures.py        (needs Chromium, and pip install "aural[dev]")
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import aural
from aural.audio.files import read
from aural.audio.writing import write
from aural.listening.making import ListeningTest

HERE = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1000, "height": 1200}}
PHONE = {"viewport": {"width": 390, "height": 1200}, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
TEST = {"viewport": {"width": 1000, "height": 430}}
PATIENCE_MS = 600_000
APP = {"viewport": {"width": 1000, "height": 800}}


def main() -> None:
    chromium = shutil.which("chromium") or sys.exit("page_pictures: no chromium is installed")
    program = Path(sys.executable).with_name("aural")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        memo = folder / "phone_memo.m4a"
        shutil.copy(HERE / memo.name, memo)
        aural.clean(memo, folder / "phone_memo_clean.wav", report=folder / "report.html")
        listening_test(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for settings, page, picture in (
            (DESKTOP, "report.html", "report.png"),
            (PHONE, "report.html", "report_phone.png"),
            (TEST, "test.html", "listening_test.png"),
        ):
            shown = browser.new_context(**settings).new_page()
            shown.goto((folder / page).as_uri())
            {"report.html": listen, "test.html": begin}[page](shown)
            shown.screenshot(path=folder / picture)
            Image.open(folder / picture).quantize(128).save(HERE / picture, optimize=True)
        with subprocess.Popen(
            [program, "app", "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True
        ) as app:
            assert app.stdout
            try:
                shown = browser.new_context(**APP).new_page()
                shown.set_default_timeout(PATIENCE_MS)
                shown.goto(app.stdout.readline().split()[0])
                clean(shown, memo)
                shown.screenshot(path=folder / "app.png", full_page=True)
                Image.open(folder / "app.png").quantize(128).save(HERE / "app.png", optimize=True)
            finally:
                app.terminate()
        browser.close()


def clean(page: Page, memo: Path) -> None:
    page.set_input_files("#files", memo)
    page.get_by_label("Noise: auto").wait_for()
    page.locator("#do-clean:enabled").click()
    page.get_by_role("button", name="Listen and compare").wait_for()
    page.get_by_role("slider", name="Noise").fill("18")
    page.get_by_role("slider", name="Loudness").fill("-16")
    page.wait_for_timeout(500)


def listening_test(folder: Path) -> None:
    """Make a test of two ways to reduce the noise in a passage of the example."""
    audio, rate = read(folder / "phone_memo.m4a")
    audio = audio[:, : 4 * rate]
    write(folder / "reference.wav", audio, rate)
    for engine in ("mmse", "gate"):
        write(folder / f"{engine}.wav", aural.create("noise-reduction", engine=engine)(audio, rate), rate)
    files = [folder / f"{name}.wav" for name in ("reference", "mmse", "gate")]
    ListeningTest().write(files[0], files[1:], folder / "test.html")


def listen(page: Page) -> None:
    page.keyboard.press("2")
    page.keyboard.press(" ")
    page.wait_for_timeout(4000)
    page.keyboard.press(" ")
    page.wait_for_timeout(300)


def begin(page: Page) -> None:
    page.get_by_label("Your name or number").fill("7")
    page.get_by_role("button", name="Begin").click()
    for number, rating in enumerate((82, 41, 100, 12, 60), 1):
        page.get_by_label(f"Version {number}", exact=True).fill(str(rating))
    page.keyboard.press("3")
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main()
