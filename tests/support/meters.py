"""What meters say of audio."""

from __future__ import annotations

from aural.measure.loudness import LoudnessMeter
from aural.signals import Block, Format
from aural.testing import SAMPLE_RATE


def lufs(audio: Block, sample_rate: int = SAMPLE_RATE) -> float:
    """Return the integrated loudness of audio of shape (channels, frames)."""
    meter = LoudnessMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    return meter.compute().integrated_lufs
