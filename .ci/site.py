"""The pages of the site: the READMEs as they lie in the tree, help and docstrings; no text is written twice.

MkDocs calls the functions whose names begin with `on_`. A page lies where its source lies, so that links between
READMEs hold as they are; a link to a folder leads to its README, one to a file of source to a page that shows it.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import aural
from aural import registry
from aural.cli.commands import COMMANDS
from aural.cli.commands import aural as program

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"(?ms)^(```.*?^```$)")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
HTML_LINK = re.compile(r'(src=")([^"]+)(")')
HOW_TO = ("phone_memo", "lecture", "podcast", "song", "old_mp3", "many_files", "other_people")
SECTIONS = {
    "On the command line": "guide/command_line.md",
    "In the browser": "guide/browser.md",
    "In a program": "guide/program.md",
    "Chains and presets": "guide/chains.md",
    "Mix": "guide/mix.md",
    "Stages": "guide/stages.md",
    "Training and evaluating": "guide/training.md",
    "Figures": "guide/figures.md",
    "Limits": "guide/limits.md",
}
"""Where each section of the README stands."""
MENDED = {
    'data-md-component="search" role="dialog"': 'data-md-component="search" role="dialog" aria-label="Search"',
    "<th></th>": "<td></td>",
    "</head>": "<style>.md-typeset :is(p, li, td) a { text-decoration: underline }</style></head>",
}
NAVIGATION = re.compile('aria-labelledby="__nav_([0-9]+)_label"')
LIBRARY = {
    "Recordings": ("read", "write", "clean", "inspect", "report", "compare", "mix_files"),
    "Stages and chains": (
        "create",
        "param",
        "Stage",
        "Effect",
        "Separator",
        "Stream",
        "Chain",
        "Split",
        "Format",
        "Decision",
    ),
    "Mixing": ("Mix", "Track"),
    "Errors": ("AuralError", "AudioError", "ChainError", "NotReady", "ParameterError", "WeightsError"),
}
MODULES = {"Your own stages": "aural.testing", "Pictures": "aural.plot", "Listening tests": "aural.listening.making",
           "Degradations": "aural.degrade"}  # fmt: skip


class Site:
    """Pages by their names, and whatever they lead to."""

    def __init__(self) -> None:
        self.tracked = set(
            subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
                "\n"
            )
        )
        self.pages: dict[str, str] = {}
        self.copied: set[str] = set()
        self.wanted: list[str] = []
        self.made = {f"library/{slug(title)}.md" for title in (*LIBRARY, *MODULES)}

    def add(self, page: str, source: str, text: str) -> None:
        """Add a page; its links are those of its source."""
        self.pages[page] = "".join(
            part if part.startswith("```") else self._linked(part, page, source) for part in FENCE.split(text)
        )

    def _linked(self, text: str, page: str, source: str) -> str:
        def led(found: re.Match[str]) -> str:
            before, target, after = found.groups()
            if re.match(r"[a-z]+:|#", target):
                return found[0]
            path, _, anchor = target.partition("#")
            real = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
            there = posixpath.relpath(self._page_of(real), posixpath.dirname(page) or ".")
            return f"{before}{there}{'#' + anchor if anchor else ''}{after}"

        return HTML_LINK.sub(led, LINK.sub(led, text))

    def _page_of(self, real: str) -> str:
        """Return where a file or folder of the tree stands on the site, and see that it will."""
        if real == "README.md":
            return "index.md"
        if real == "docs/how_to":
            return f"how_to/{HOW_TO[0]}.md"
        if (ROOT / real).is_dir():
            if f"{real}/README.md" in self.tracked:
                return f"{real}/README.md"
            self.wanted.append(real)
            return f"{real}/index.md"
        if real.removeprefix("docs/") in self.made:
            return real.removeprefix("docs/")
        if real not in self.tracked:
            raise ValueError(f"{real}: is linked to, but is no file of the tree")
        if real.endswith(".md"):
            return real.removeprefix("docs/")
        if Path(real).suffix in (".png", ".m4a"):
            self.copied.add(real)
            return real
        self.wanted.append(real)
        return f"{real}.md"

    def complete(self) -> None:
        """Make the pages of source that others lead to."""
        while self.wanted:
            real = self.wanted.pop()
            if (ROOT / real).is_dir():
                self.pages[f"{real}/index.md"] = self._folder(real)
            else:
                self.pages[f"{real}.md"] = f"# {real}\n\n{fenced(Path(real).suffix[1:], read(real))}"

    def _folder(self, real: str) -> str:
        if f"{real}/__init__.py" in self.tracked:
            return f"# {real}\n\n::: {real.replace('/', '.')}\n"
        files = sorted(
            name for name in self.tracked if name.startswith(f"{real}/") and not name.endswith(".safetensors")
        )
        shown = (f"## {name}\n\n{fenced(Path(name).suffix[1:], read(name))}" for name in files)
        return "\n\n".join([f"# {real}", *shown])


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Say in which order the pages stand."""
    families = sorted(path.parent.name for path in (ROOT / "stages").glob("*/README.md"))
    cards = sorted(
        str(path.relative_to(ROOT))
        for folder in ("stages", "aural")
        for path in (ROOT / folder).rglob("MODEL_CARD.md")
    )
    config.nav = [
        {"Start": ["index.md", "guide/command_line.md", "guide/browser.md", "guide/limits.md", "CHANGELOG.md"]},
        {"How to": [f"how_to/{name}.md" for name in HOW_TO]},
        {
            "Stages": [
                "guide/stages.md",
                "guide/chains.md",
                "guide/mix.md",
                *(f"stages/{name}/README.md" for name in families),
            ]
        },
        {"Commands": [f"commands/{name}.md" for name in (*COMMANDS, *registry.names())]},
        {"Library": ["guide/program.md", *(f"library/{slug(title)}.md" for title in (*LIBRARY, *MODULES))]},
        {"Training": ["guide/training.md", *cards]},
        {"Figures": ["guide/figures.md", "benchmarks.md"]},
        {
            "Behind it": [
                "diagnosis.md",
                "aural/measure/content/README.md",
                "writing_a_stage.md",
                "CONTRIBUTING.md",
                "SECURITY.md",
            ]
        },
    ]
    return config


def on_post_page(output: str, config: MkDocsConfig, **_: Any) -> str:
    """Mend what the theme and Markdown leave unreadable for some: a search, cells and parts of the navigation without
    names, and links that only their colour shows."""
    for before, after in MENDED.items():
        output = output.replace(before, after)
    parts = [title for part in config.nav or [] for title in part]
    return NAVIGATION.sub(lambda found: f'aria-label="{parts[int(found[1]) - 1]}"', output)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make the pages, beside those that lie in `docs`."""
    site = Site()
    for page, text in readme():
        site.add(page, "README.md", text)
    for name in sorted(site.tracked):
        if name.endswith(".md") and name != "README.md" and not name.startswith((".", "docs/")):
            site.add(name, name, read(name))
    for file in files.documentation_pages():
        site.add(file.src_uri, f"docs/{file.src_uri}", read(f"docs/{file.src_uri}"))
    for name in (*COMMANDS, *registry.names()):
        site.pages[f"commands/{name}.md"] = "\n\n".join(helped(name, program.get_command(context(), name)))
    for title, names in LIBRARY.items():
        site.pages[f"library/{slug(title)}.md"] = f"# {title}\n\n" + "\n\n".join(map(described, names))
    for title, module in MODULES.items():
        site.pages[f"library/{slug(title)}.md"] = f"# {title}\n\n::: {module}\n"
    site.complete()
    for page, text in site.pages.items():
        if old := files.get_file_from_path(page):
            files.remove(old)
        files.append(File.generated(config, page, content=text))
    for name in site.copied:
        files.append(File.generated(config, name, content=(ROOT / name).read_bytes()))
    return files


def readme() -> Iterator[tuple[str, str]]:
    """Give the README in pages: what stands before its first section, and each section."""
    parts = re.split(r"(?m)^## (.*)$", read("README.md"))
    yield "index.md", parts[0]
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if sections.keys() != SECTIONS.keys():
        raise ValueError(f"the sections of the README have no pages: {sections.keys() ^ SECTIONS.keys()}")
    for title, text in sections.items():
        raised = "".join(
            part if part.startswith("```") else re.sub(r"(?m)^##(#+ )", r"#\1", part) for part in FENCE.split(text)
        )
        yield SECTIONS[title], f"# {title}\n{raised}"


def helped(name: str, command: click.Command | None, level: int = 1) -> Iterator[str]:
    """Give the help of a command, and of its own commands."""
    assert command
    inner = context(name, command)
    yield f"{'#' * level} aural {name}\n\n{fenced('text', command.get_help(inner))}"
    if isinstance(command, click.Group) and name in ("train", "evaluate"):
        for other in command.list_commands(inner):
            yield from helped(f"{name} {other}", command.get_command(inner, other), level + 1)


def context(name: str = "", command: click.Command = program) -> click.Context:
    return click.Context(command, info_name=f"aural {name}".strip(), terminal_width=100, max_content_width=100)


def described(name: str) -> str:
    """Show a name of the package, which is defined somewhere in it."""
    value: Any = getattr(aural, name)
    return f"::: {value.__module__}.{name}\n    options:\n      heading: aural.{name}\n"


def fenced(language: str, text: str) -> str:
    ticks = "````" if "```" in text else "```"
    return f"{ticks}{ {'py': 'python', 'ipynb': 'json'}.get(language, language) }\n{text.rstrip()}\n{ticks}\n"


def slug(title: str) -> str:
    return title.lower().replace(" ", "_")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")
