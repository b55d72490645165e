"""Work for processes, some of which kills its own; here, where every process finds it by name."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from aural.audio.atomic import Results
from aural.cli.jobs import Job
from aural.signals import Format
from aural.stream import Watch


def doubled(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def killing(job: Job, watch: Watch) -> str:
    if job.source.name == "b.wav":
        os.kill(os.getpid(), signal.SIGKILL)
    return job.source.name


def watching(job: Job, watch: Watch) -> str:
    """Let a second of sound go by under a watch, in one of two passes of which the other is spared."""
    watch.expect(2)
    watch.spare(1)
    list(watch([np.zeros((1, 48000), np.float32)], Format(48000, 1)))
    return job.source.name


def threads(_: int) -> int:
    """Return in how many threads torch computes in this process."""
    import torch

    return torch.get_num_threads()


def half_written(job: Job, watch: Watch) -> None:
    """Write a file for a minute, or, for a.wav, wait until another is being written."""
    assert job.target
    if job.source.name == "a.wav":
        while not list(job.target.parent.glob(".aural-*")):
            time.sleep(0.05)
        return
    with Results(replace=False) as results:
        results.open(job.target).write(b"half")
        time.sleep(60)
