"""Write the generated parts of the documentation: the parameter table of every stage."""

from __future__ import annotations

from pathlib import Path

from aural import registry
from aural.parameters import markdown

STAGES = Path(__file__).parent.parent / "stages"


def main() -> None:
    for name in registry.names():
        stage = registry.stage_class(name)
        if stage.__module__.startswith("aural.stages."):
            readme = STAGES / stage.__module__.split(".")[-2] / "README.md"
            begin = f"<!-- parameters {name} -->"
            head, _, rest = readme.read_text().partition(begin)
            _, end, tail = rest.partition("<!-- /parameters -->")
            readme.write_text(f"{head}{begin}\n{markdown(stage)}\n{end}{tail}")


if __name__ == "__main__":
    main()
