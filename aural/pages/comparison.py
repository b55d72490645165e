"""A page that plays versions of one recording: what it was and what was made of it, takes, or stems."""

from __future__ import annotations

from collections.abc import Mapping

from aural.markup import element, visible
from aural.measure.course import Course
from aural.pages.page import page, section
from aural.pages.report import Sound, listening, plain, spectrum


def compose_comparison(title: str, courses: Mapping[str, Course], sound: Sound) -> str:
    """Write the page.

    Args:
        title: what the recording is called.
        courses: of each version, by name; the first is what the others were made of.
        sound: as `aural.pages.sound.clips` makes it.
    """
    drawn = {name: plain(course) for name, course in courses.items()}
    spectra = (spectrum(name, f"Spectrum of {name}") for name in courses)
    body = element(
        "main",
        element("h1", title),
        listening(sound, drawn),
        section("Spectrum over time", element("div", *spectra, class_="columns")),
    )
    data = {"courses": drawn, "audio": sound}
    return page(visible(title), body, data, "elements.js", "player.js", "report.js")
