"""Writes results; where a codec raises peaks above the ceiling, they are lowered and written again."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np

from aural.audio.atomic import Part
from aural.audio.files import AudioFile, Info, open_audio
from aural.audio.films import FILMS
from aural.audio.spool import Spool
from aural.audio.writing import LOSSLESS, write_audio
from aural.measure.true_peak import TruePeakMeter
from aural.signals import Block
from aural.stage import Rendering
from aural.stream import pump

log = logging.getLogger("aural")

AGAIN = 2  # times that a result may be written again
CLOSE_DB = 0.05


def deliver(part: Part, run: Rendering[Any], like: Info, audio_only: bool = False) -> AudioFile:
    """Write a result whose true peaks, once decoded, are no higher than its last stage promises.

    A film stays a film, unless only its sound is wanted, or the target is not a film. Returns the written file,
    opened.

    A lossy codec changes peaks. If they come out too high, they are lowered by the excess (see
    `aural.Effect.lowering`), and the result is written again, at most twice.

    Raises:
        AudioError: as `aural.audio.writing.write_audio`.
    """
    most_dbtp, suffix = run.stage.highest_dbtp, part.path.suffix.lower()
    film = like.film and not audio_only and suffix in FILMS
    if like.film and not audio_only and not film:
        log.warning("%s: the picture is left out: %s holds none", part.path, suffix[1:])

    def written(blocks: Iterable[Block]) -> AudioFile:
        write_audio(part, blocks, run.output, like=like, film=film)
        return open_audio(part.name, track=like.track if film else None)

    if suffix in LOSSLESS or most_dbtp == np.inf:
        return written(run.blocks)
    spool, lower_db = Spool(run.blocks, run.output.channels), 0.0
    file = written(spool)
    over_db = true_peak_dbtp(file) - most_dbtp
    for _ in range(AGAIN):
        if over_db <= CLOSE_DB:
            break
        lower_db += over_db
        lower = run.stage.lowering(lower_db)
        assert lower is not None
        part.restart()
        file = written(pump(lower.stream(run.output), spool))
        over_db = true_peak_dbtp(file) - most_dbtp
    if over_db > CLOSE_DB:
        log.warning("%s: true peaks come out at %.1f dBTP by the codec", part.path, most_dbtp + over_db)
    if lower_db:
        log.warning("%s: peaks lowered by %.1f dB, as the codec makes them higher", part.path, lower_db)
    return file


def true_peak_dbtp(file: AudioFile) -> float:
    """Measure the true peak of a recording, in dBTP."""
    meter = TruePeakMeter(file.format)
    for block in file:
        meter.update(block)
    return meter.compute()
