"""The report: what was found in a recording, what was done, and what that sounds and looks like."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from aural import __version__
from aural.advice import Decision
from aural.chainfile import write_chain
from aural.markup import Markup, element, joined, listed, table, visible
from aural.measure.course import Course, added, missing
from aural.measure.diagnosis import Diagnosis
from aural.measure.marks import marks
from aural.measure.words import compared
from aural.pages.page import button, canvas, group, page, section
from aural.parameters import settings

if TYPE_CHECKING:
    from aural.cleaning.running import Cleaned

Sound = dict[str, Any]
"""`passages` as `aural.pages.sound.clips` makes them, or `links`."""
MOST_TAGS, LONGEST_TAG = 20, 200
DRAWN = ("content", "target", "places_s", "marks_s", "mended_s", "added", "cutoff_hz", "courses")
CLASSES = ("speech", "music", "both", "neither", "silence")


def compose(done: Cleaned, before: Course, after: Course, sound: Sound) -> tuple[str, dict[str, Any]]:
    """Write the page; return it and what it shows as plain values, the sound left out."""
    had, has = marks(done.before, before), marks(done.after, after)
    shown = {
        "version": __version__,
        "source": done.source.name,
        "result": done.target.name,
        "preset": Path(done.plan.preset).name,
        "found": done.before.findings() or ["nothing is wrong with it"],
        "done": [_step(decision) for decision in done.decisions if decision.effect],
        "left_alone": [_step(d) for d in done.decisions if not d.effect and not d.minor],
        "not_mended": done.before.beyond_repair(),
        "figures": [list(row) for row in compared(done.before, done.after)],
        "tags": _tags(done.before),
        "chain": write_chain(done.chain),
        "content": done.before.content.line(len(done.before.content.silent)),
        "target": _target(done),
        "places_s": had.places_s,
        "marks_s": {"before": had.defects_s, "after": has.defects_s},
        "mended_s": {"after": had.mended_s(has)},
        "added": {"before": _bits(missing(before, after)), "after": _bits(added(before, after))},
        "cutoff_hz": {"before": had.cutoff_hz, "after": has.cutoff_hz},
        "courses": {"before": plain(before), "after": plain(after)},
        "passages": [{k: p[k] for k in ("from_s", "to_s")} for p in sound.get("passages", [])],
    }
    title = visible(f"{done.source.name} -> {done.target.name}")
    drawn = {key: shown[key] for key in DRAWN}
    return page(
        title, _body(title, shown, sound), {**drawn, "audio": sound}, "elements.js", "player.js", "report.js"
    ), shown


def plain(course: Course) -> dict[str, Any]:
    """Return a course as plain values for JSON; levels as a byte each, in half dB from -127.5 dB, a band a row."""
    levels = np.clip(np.rint(2 * (course.levels_db + 127.5)), 0, 255).astype(np.uint8)
    return {
        "duration_s": course.duration_s,
        "column_s": course.column_s,
        "low": _rounded(course.low, 3),
        "high": _rounded(course.high, 3),
        "true_peak_dbtp": _rounded(course.true_peak_dbtp, 1),
        "loudness_lufs": _rounded(course.loudness_lufs, 1),
        "edges_hz": _rounded(course.edges_hz.astype(np.float32), 1),
        "levels": base64.b64encode(levels.tobytes()).decode("ascii"),
    }


def links(done: Cleaned, folder: Path) -> Sound:
    """Return where the recordings lie, as seen from the folder of the page, with the gains that match them."""
    files = {"before": (done.source, done.before), "after": (done.target, done.after)}
    levels = {name: diagnosis.loudness.integrated_lufs for name, (_, diagnosis) in files.items()}
    quietest = min((level for level in levels.values() if math.isfinite(level)), default=0.0)
    return {
        "links": {
            name: {
                "href": quote(os.fsencode(os.path.relpath(path.absolute(), folder.absolute()))),
                "gain_db": round(quietest - levels[name], 3) if math.isfinite(levels[name]) else 0.0,
            }
            for name, (path, _) in files.items()
        }
    }


def _body(title: str, shown: dict[str, Any], sound: Sound) -> Markup:
    left = [f"{step['name']}: {step['reason']}" for step in shown["left_alone"]]
    alone = [*left, *(f"not mended: {finding}" for finding in shown["not_mended"])]
    rows = table(("", "before", "after"), shown["figures"])
    scrolls = element("div", rows, class_="scrolls", tabindex="0", role="region", aria_label="Figures")
    return element(
        "main",
        element("h1", title),
        element("p", f"Cleaned by AURAL {shown['version']} with the preset {shown['preset']}.", class_="quiet"),
        listening(sound, shown["courses"], *_strips(shown["places_s"])),
        element(
            "div",
            section("What was found", listed(shown["found"])),
            section("What was done, and why", _steps(shown["done"])),
            section("What was left alone", listed(alone or ["nothing"])),
            class_="columns",
        ),
        section("Figures", scrolls),
        _pictures(shown),
        _repeat(shown),
    )


def listening(sound: Sound, courses: Mapping[str, dict[str, Any]], *strips: Markup) -> Markup:
    """Write the player, with a waveform for each version that has a course, and what lies under them in time."""
    wave = canvas("wave", f"Waveforms of {', '.join(courses)}, with the passages that can be heard")
    picture = element("figure", joined([wave, *strips]))
    if "links" in sound:
        return section("Listen", *(_linked(name, link) for name, link in sound["links"].items()), picture)
    passages = sound["passages"]
    versions = list(passages[0]["clips"])
    louder = any(clip["gain_db"] for passage in passages for clip in passage["clips"].values())
    box = element("input", type="checkbox", id="matched", checked=True)
    options = (element("option", _time(p), value=str(n)) for n, p in enumerate(passages))
    return section(
        "Listen",
        element(
            "div",
            button("Play", name="play", key="space", class_="main"),
            group("What is heard", *_version_buttons(versions), class_="row"),
            element("span", "0:00.0", id="position", role="timer"),
            class_="row",
        ),
        element(
            "div",
            *([element("label", box, "equally loud")] if louder else []),
            element("label", "Passage", element("select", *options, id="passage")),
            element("label", "Repeat from", _seconds("from"), "s"),
            element("label", "to", _seconds("to"), "s"),
            button("All of it", name="whole"),
            class_="row",
        ),
        picture,
        element("p", _said(passages, min(one["duration_s"] for one in courses.values())), class_="quiet"),
        element("p", id="said", role="status", class_="quiet"),
    )


def _strips(places_s: Mapping[str, list[float]]) -> list[Markup]:
    where = [canvas("places", f"Where the recording has {', '.join(places_s)}")] if places_s else []
    return [
        *where,
        canvas("content", "Content over time: speech, music, both, neither or silence", class_="flat"),
        element("figcaption", *(_key(name) for name in CLASSES)),
    ]


def _version_buttons(versions: list[str]) -> list[Markup]:
    return [
        button(name.capitalize(), key=str(n), data_version=name, aria_pressed="true" if n == 1 else "false")
        for n, name in enumerate(versions, 1)
    ]


def _said(passages: list[dict[str, Any]], duration_s: float) -> str:
    held, length_s = "The whole recording can be heard here", passages[0]["to_s"] - passages[0]["from_s"]
    if duration_s - length_s > 0.1:
        count, shaded = ("one passage", "it is") if len(passages) == 1 else (f"{len(passages)} passages", "they are")
        held = (
            f"To keep this page small, it holds {count} of {length_s:.3g} s, in which most was changed; {shaded} "
            "shaded in the waveform"
        )
    return f"{held} (as MP3). Choose a part to repeat by dragging over the waveform, or by its seconds."


def _linked(name: str, link: dict[str, Any]) -> Markup:
    player = element(
        "audio",
        controls=True,
        preload="none",
        src=link["href"],
        data_gain_db=str(link["gain_db"]),
        aria_label=name.capitalize(),
    )
    return element("p", name.capitalize(), player)


def _pictures(shown: dict[str, Any]) -> Markup:
    target = shown["target"]
    aims = (
        f", dashed: the target, {target['lufs']:g} LUFS, and its ceiling, {target['dbtp']:g} dBTP" if target else ""
    )
    loudness = element(
        "figure",
        canvas("loudness", f"Loudness of 3 s and true peaks over time, before and after{aims}"),
        element(
            "figcaption",
            *(_key("before"), _key("after")),
            f"thick: loudness of 3 s, thin: true peaks{aims}",
        ),
    )
    defects, mended = shown["marks_s"], shown["mended_s"]["after"]
    new = {name: any(base64.b64decode(bits)) for name, bits in shown["added"].items()}
    known = {
        "before": {"defect": defects["before"], "missing": new["before"]},
        "after": {"defect": defects["after"], "mended": mended, "added": new["after"]},
    }
    spectra = [
        spectrum(name, text, *keys)
        for name, drawn in known.items()
        for text in [f"Spectrum {name}{_ends(shown['cutoff_hz'][name])}"]
        for keys in [[_key(mark) for mark, there in drawn.items() if there]]
    ]
    return joined(
        [
            section("Loudness over time", loudness),
            section("Spectrum over time", element("div", *spectra, class_="columns")),
        ]
    )


def spectrum(name: str, text: str, *keys: Markup) -> Markup:
    """Write the place of a spectrum over time, what it shows, and what the marks on it mean."""
    return element("figure", canvas(f"spectrum-{name}", text), element("figcaption", text, " ", *keys))


def _ends(cutoff_hz: float | None) -> str:
    return "" if cutoff_hz is None else f", cut off at {cutoff_hz / 1000:.1f} kHz (dashed)"


def _repeat(shown: dict[str, Any]) -> Markup:
    tags = [element("h2", "What the file says"), table((), shown["tags"].items())] if shown["tags"] else []
    return section(
        "To do the same again",
        element(
            "p",
            "Save this as chain.toml and run ",
            element("code", "aural chain IN OUT --chain chain.toml"),
            class_="quiet",
        ),
        element("pre", element("code", shown["chain"]), tabindex="0", role="region", aria_label="Chain as TOML"),
        *tags,
    )


def _steps(steps: list[dict[str, str]]) -> Markup:
    if not steps:
        return element("p", "nothing")
    return element("dl", *(part for step in steps for part in _described(step)))


def _described(step: dict[str, str]) -> list[Markup]:
    values = [element("br"), element("code", step["settings"])] if step["settings"] else []
    return [element("dt", step["name"]), element("dd", step["reason"], *values)]


def _step(decision: Decision) -> dict[str, str]:
    values = settings(decision.effect) if decision.effect else ""
    return {"name": decision.name, "reason": decision.reason, "settings": values}


def _seconds(name: str) -> Markup:
    return element("input", type="number", id=name, step="0.01", min="0", inputmode="decimal")


def _key(name: str) -> Markup:
    return element("span", element("span", class_=f"key {name}", aria_hidden="true"), name, class_="named")


def _time(passage: dict[str, Any]) -> str:
    return " to ".join(f"{at // 60:.0f}:{at % 60:04.1f}" for at in (passage["from_s"], passage["to_s"]))


def _tags(diagnosis: Diagnosis) -> dict[str, str]:
    tags = diagnosis.info.tags if diagnosis.info else {}
    return {str(k)[:LONGEST_TAG]: str(v)[:LONGEST_TAG] for k, v in list(tags.items())[:MOST_TAGS]}


def _target(done: Cleaned) -> dict[str, float] | None:
    goals = [stage.goal for stage in done.chain.stages if stage.goal]
    return {"lufs": goals[-1][0], "dbtp": goals[-1][1]} if goals else None


def _bits(mask: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(mask).tobytes()).decode("ascii")


def _rounded(values: NDArray[np.float32], digits: int) -> list[float | None]:
    return [round(float(value), digits) if math.isfinite(value) else None for value in values]
