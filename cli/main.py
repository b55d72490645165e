"""The entry point of the `aural` command: signals, errors and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType


class Ended(KeyboardInterrupt):
    """A signal asks the program to end. Not KeyboardInterrupt: Python may exit by that even if it was caught."""


class Signals:
    """Turns the signals that ask to end into an exception, and remembers which it was."""

    ASK_TO_END = ("SIGINT", "SIGTERM", "SIGHUP")
    PAUSE_S = 1.0
    """Another signal within this time counts as the same one: it must not interrupt the cleanup."""
    AGAIN_S = 0.2

    def __init__(self) -> None:
        self.came, self.at = 0, -self.PAUSE_S
        for name in self.ASK_TO_END:
            number = getattr(signal, name, None)  # there is no SIGHUP on Windows
            if number and signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self.end)

    def end(self, number: int, frame: FrameType | None) -> None:
        again = time.monotonic() < self.at + self.PAUSE_S
        self.came, self.at = number, time.monotonic()
        if not again:
            self.insist()

    def insist(self, *_: object) -> None:
        """Raise the exception, and again until it arrives: Python swallows what is raised in a callback
        of its own, of which there are many while modules are imported."""
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self.insist)
            signal.setitimer(signal.ITIMER_REAL, self.AGAIN_S)
        handled = sys.exception()
        while handled and not isinstance(handled, Ended):
            handled = handled.__context__
        if not handled:  # else it is on its way, through what cleans up
            raise Ended

    def arrived(self) -> None:
        """Stop raising the exception, so that nothing interrupts the last steps."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def sentence(self) -> str:
        """Say what ended the run."""
        interrupted = self.came in (0, signal.SIGINT)
        how = "interrupted" if interrupted else f"ended by {signal.Signals(self.came).name}"
        return f"{how}; nothing was left half-written"


def main() -> None:
    """Run the command line: one sentence on stderr and exit code 2 for what goes wrong."""
    signals = Signals()  # before anything is imported that takes a while
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads of torch that wait leave their core to others
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # those of NumPy's products, which are small, would not
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch asks Linux for large arrays in pages of 2 MB
    try:
        from aural.cli import terminal

        terminal.prepare()
        from aural.cli.commands import run

        sentence, code = run()
    except BaseException as error:
        signals.arrived()
        if signals.came or isinstance(error, KeyboardInterrupt):
            sentence, code = signals.sentence(), 128 + (signals.came or signal.SIGINT)
        elif isinstance(error, BrokenPipeError):
            sentence, code = "", 1  # whoever read the output has gone
        else:
            terminal.say_debug(error)  # outside of any job, nothing but standard output goes without a name
            sentence, code = terminal.sentence(terminal.of_output(error)), 2
    from aural.cli import terminal  # if even that was interrupted

    if sentence:
        terminal.say(f"aural: {sentence}", err=True)
    terminal.finish()
    if code:
        sys.exit(code)
