"""What is read of every container and codec, against the ffmpeg program's decoding and the source itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from containers import GROUPS, OPUS_RATE, Kind, kinds_of, make, needs_ffmpeg, tones

from aural.audio.files import read
from aural.signals import Block


def test_there_are_many() -> None:
    assert sum(len(kinds_of(*group)) for group in GROUPS) >= 300


@needs_ffmpeg
@pytest.mark.parametrize(("rate", "channels"), GROUPS)
def test_is_read_as_ffmpeg_does(tmp_path: Path, rate: int, channels: int) -> None:
    source = tones(rate, channels)
    wrong = []
    for kind, path, reference in make(tmp_path, rate, channels):
        try:
            wrong += [f"{kind}: {what}" for what in faults(kind, *read(path), source, rate, reference)]
        except Exception as error:
            wrong.append(f"{kind}: {error}")
    assert not wrong, "\n".join(wrong)


def faults(kind: Kind, audio: Block, read_rate: int, source: Block, rate: int, reference: Block) -> list[str]:
    """List what is wrong with what was read: length, level, order of channels, place in time."""
    opus = "opus" in kind.options
    if read_rate != (OPUS_RATE if opus else rate):
        return [f"read at {read_rate} Hz"]
    wrong = []
    frames = -(-source.shape[1] * read_rate // rate)
    if kind.exact and abs(audio.shape[1] - frames) > opus:  # ffmpeg's resampler rounds as it likes
        wrong.append(f"{audio.shape[1]} frames of {frames}")
    if not kind.exact and audio.shape[1] != reference.shape[1]:
        wrong.append(f"{audio.shape[1]} frames, ffmpeg {reference.shape[1]}")
    shared = min(audio.shape[1], reference.shape[1])
    if (difference := np.abs(audio[:, :shared] - reference[:, :shared]).max()) > kind.near:
        wrong.append(f"differs from ffmpeg's by {difference:.1e}")
    shared = min(audio.shape[1], source.shape[1])
    if kind.step is not None and (difference := np.abs(audio[:, :shared] - source[:, :shared]).max()) > kind.step:
        wrong.append(f"differs from the source by {difference:.1e}")
    return wrong
