"""What meters say of audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aural.measure.loudness import LoudnessMeter
from aural.signals import Block, Format
from aural.testing import SAMPLE_RATE, partition


def lufs(audio: Block, sample_rate: int = SAMPLE_RATE) -> float:
    """Return the integrated loudness of audio of shape (channels, frames)."""
    meter = LoudnessMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    return meter.compute().integrated_lufs


def in_blocks(meter: Callable[[Format], Any], audio: Block, sample_rate: int) -> Any:
    """Return what a meter says of audio of shape (channels, frames) that comes in blocks of all sizes."""
    measured = meter(Format(sample_rate, len(audio)))
    for block in partition(audio, 7001):
        measured.update(block)
    return measured.compute()
