"""Work that kills the process it runs in; here, where every process finds it by name."""

from __future__ import annotations

import os
import signal

from aural.cli import work
from aural.stream import Watch


def doubled(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def killing(job: work.Job, watch: Watch) -> str:
    if job.source.name == "b.wav":
        os.kill(os.getpid(), signal.SIGKILL)
    return job.source.name
