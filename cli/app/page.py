"""The HTML of the page; its behaviour is in `app.js`."""

from __future__ import annotations

from aural import __version__, registry
from aural.advice import Wishes
from aural.chainfile import chain_table, presets, read_chain
from aural.cli.app.settings import AppSettings
from aural.cli.stages import description
from aural.markup import Markup, element, joined
from aural.pages.forms import fields, strength
from aural.pages.page import button, page, section
from aural.parameters import parameters
from aural.stage import Effect, Separator

STRENGTHS = {"noise_reduction": "Noise", "dereverb": "Room", "treble": "Treble", "target_lufs": "Loudness"}
"""Wishes that have a slider, and what it is called."""


def app_page(token: str, settings: AppSettings) -> str:
    """Write the page of a session."""
    chains = {name: chain_table(read_chain(name))["stage"] for name in presets()}
    data = {"token": token, "upload_mb": settings.upload_mb, "presets": chains}
    body = element(
        "main",
        element("h1", "AURAL"),
        element("p", "Turns a poor recording into a good one, and says why.", class_="quiet"),
        _drop(settings),
        element("p", id="said", role="status", class_="notice"),
        element(
            "div",
            _tab("clean", "Clean", chosen=True),
            _tab("chain", "Build a chain"),
            _tab("apart", "Take apart"),
            role="tablist",
            aria_label="What to do",
            class_="row",
        ),
        _panel("clean", *_wishes()),
        _panel("chain", *_chain(), hidden=True),
        _panel("apart", *_apart(), hidden=True),
        section("Recordings", element("ul", id="recordings"), id="list", hidden=True),
        *_templates(),
        element("p", f"AURAL {__version__}", class_="quiet"),
    )
    return page("AURAL", body, data, "elements.js", "app.js", served=True)


def _drop(settings: AppSettings) -> Markup:
    where = "this machine" if settings.local else "the machine that runs this page"
    return element(
        "section",
        element(
            "label",
            element("strong", "Choose recordings"),
            " or drop them anywhere on this page",
            element("input", type="file", id="files", multiple=True),
            class_="drop",
        ),
        element(
            "p",
            f"Up to {settings.most_recordings} at the same time, {settings.upload_mb} MB each. They stay on {where}, "
            "nobody else sees them, and they are deleted when this page closes.",
            class_="quiet",
        ),
    )


def _tab(name: str, label: str, chosen: bool = False) -> Markup:
    return button(label, name=f"tab-{name}", role="tab", aria_selected="true" if chosen else "false",
                  aria_controls=f"panel-{name}", tabindex="0" if chosen else "-1")  # fmt: skip


def _panel(name: str, *children: Markup, hidden: bool = False) -> Markup:
    return element("section", *children, id=f"panel-{name}", role="tabpanel", aria_labelledby=f"tab-{name}",
                   hidden=hidden)  # fmt: skip


def _wishes() -> list[Markup]:
    known = {parameter.name: parameter for parameter in parameters(Wishes)}
    more = [one for one, parameter in zip(fields(Wishes), known.values(), strict=True)
            if parameter.name not in STRENGTHS]  # fmt: skip
    return [
        element("label", "Preset", _preset_choice("preset", "auto", "chosen by what the recording is like")),
        element(
            "div",
            *(strength(known[name], label) for name, label in STRENGTHS.items()),
            class_="columns",
            id="strengths",
        ),
        element("details", element("summary", "More"), element("div", *more, id="wishes", class_="columns")),
        _buttons("clean", "Clean"),
    ]


def _preset_choice(name: str, first: str, meaning: str) -> Markup:
    known = {first: meaning} | presets()
    return element("select", *(element("option", f"{value}: {means}" if means else value, value=value)
                               for value, means in known.items()), id=name)  # fmt: skip


def _buttons(name: str, label: str) -> Markup:
    return element(
        "div",
        button(label, name=f"do-{name}", class_="main", disabled=True),
        button("Cancel", class_="cancel", disabled=True),
        class_="row",
    )


def _chain() -> list[Markup]:
    return [
        element(
            "p",
            "Stages run one after the other, whatever the recordings are like. A field that takes a file takes the "
            "name of a recording on this page.",
            class_="quiet",
        ),
        element(
            "div",
            element("label", "Begin with", _preset_choice("begin", "nothing", "")),
            element("label", "Stage", _stage_choice(Effect, "stage")),
            button("Add", name="add"),
            class_="row",
        ),
        element("h2", "Stages"),
        element("ol", id="stages"),
        _buttons("run", "Run"),
        element(
            "details",
            element("summary", "The chain as a file"),
            element("p", "Save this as chain.toml and run ", element("code", "aural chain IN OUT --chain chain.toml"),
                    class_="quiet"),
            element("pre", element("code", id="toml"), tabindex="0", role="region", aria_label="Chain as TOML"),
            button("Save", name="save", disabled=True),
        ),
    ]  # fmt: skip


def _apart() -> list[Markup]:
    return [
        element(
            "p",
            "Takes each recording apart into stems, such as the voice and all else, which add up to it again.",
            class_="quiet",
        ),
        element("div", element("label", "Stage", _stage_choice(Separator, "by")), class_="row"),
        element("div", id="separator"),
        _buttons("separate", "Take apart"),
    ]


def _stage_choice(kind: type, place: str) -> Markup:
    names = (name for name in registry.names() if issubclass(registry.stage_class(name), kind))
    return element("select", *(element("option", name) for name in names), id=place)


def _templates() -> list[Markup]:
    """Write the form of each stage, to be copied wherever it is used."""
    found = []
    for name in registry.names():
        stage = registry.stage_class(name)
        says = description(stage).split("\n")[0]
        form = element("details", element("summary", "Settings"), joined(fields(stage)))
        found.append(element("template", element("p", says, class_="quiet"), form, id=f"stage-{name}"))
    return found
