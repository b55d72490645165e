"""The commands of `aural`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from aural import __version__, registry
from aural.cli import terminal
from aural.cli.options import HintingGroup
from aural.errors import AuralError

COMMANDS = {
    "clean": "aural.cli.clean:clean",
    "inspect": "aural.cli.clean:inspect",
    "chain": "aural.cli.chain:chain",
    "mix": "aural.cli.mix:mix",
    "train": "aural.cli.learning:train",
    "evaluate": "aural.cli.learning:evaluate",
    "listen": "aural.cli.listen:command",
    "app": "aural.cli.app.command:command",
    "shortcut": "aural.cli.app.shortcut:command",
    "stages": "aural.cli.lists:stages",
    "presets": "aural.cli.lists:presets",
    "models": "aural.cli.lists:models",
}


class AuralGroup(HintingGroup):
    """The commands of this package and one for each stage, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *registry.names()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            module, attribute = COMMANDS[name].split(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        if name in registry.names():
            return import_module("aural.cli.stages").stage_command(name)  # type: ignore[no-any-return]
        return None

    def meant(self, typed: str, known: list[str]) -> str:
        """Take a recording for one to clean, and a word for the stage that it describes."""
        from aural.audio.files import READABLE

        if Path(typed).suffix.lower() in READABLE or Path(typed).exists():
            return f"; did you mean 'aural clean {typed}'?"
        described = (name for name in registry.names() if typed.lower() in registry.stage_class(name).described_as)
        stage = next(described, None)
        return f"; did you mean {stage!r}?" if stage else super().meant(typed, known)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups = {
            "Recordings": ("clean", "inspect", "chain", "mix", "app", "shortcut"),
            "Stages": registry.names(),
            "Learning": ("train", "evaluate", "listen"),
            "Lists": ("stages", "presets", "models"),
        }
        for title, names in groups.items():
            with formatter.section(title):
                formatter.write_dl([(name, self._summary(ctx, name)) for name in names])

    def _summary(self, ctx: click.Context, name: str) -> str:
        if name not in COMMANDS:
            from aural.cli.stages import summary

            try:
                return summary(name)
            except AuralError as error:  # a stage of another package that cannot be loaded
                return f"({error})"
        command = self.get_command(ctx, name)
        return command.get_short_help_str(100) if command else ""


@click.group(cls=AuralGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="aural")
@click.option("-v", "--verbose", is_flag=True, help="Report what the stages measure.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def aural(verbose: bool, debug: bool) -> None:
    """AURAL turns a poor recording into a good one.

    \b
      aural clean memo.m4a          diagnose, choose, run, master: memo_clean.wav
      aural inspect memo.m4a        only say what is wrong
      aural COMMAND --help          what a command can do
    """
    terminal.prepare(verbose)


def run() -> tuple[str, int]:
    """Do what is typed; return the sentence that says what was typed wrong, empty for nothing, and the exit code."""
    try:
        aural.main(prog_name="aural", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return "", error.exit_code
    except click.ClickException as error:
        return _usage(error), error.exit_code
    except click.Abort as error:  # what click makes of these two
        raise error.__cause__ if isinstance(error.__cause__, EOFError) else KeyboardInterrupt from None
    except SystemExit as end:
        return "", end.code if isinstance(end.code, int) else 0
    return "", 0


def _usage(error: click.ClickException) -> str:
    """Make click's message a sentence like the others, with where to read on."""
    message = error.format_message().rstrip(".")
    text = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    return f"{text}; see {context.command_path} --help" if context else text
