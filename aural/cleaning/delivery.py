"""Results as files: written, and where a codec brings peaks over the ceiling, turned down and written again."""

from __future__ import annotations

import logging

import numpy as np

from aural.audio.atomic import Part
from aural.audio.files import Info, open_audio
from aural.audio.spool import Spool
from aural.audio.writing import LOSSLESS, write_audio
from aural.measure.true_peak import TruePeakMeter
from aural.stage import Effect, Rendering

log = logging.getLogger("aural")

AGAIN = 2  # times that a result may be written again
CLOSE_DB = 0.05


def deliver(part: Part, run: Rendering[Effect], like: Info) -> None:
    """Write a result, no peak of which is to be higher than its last stage promises, also when it is decoded.

    A lossy codec moves peaks. Where they come out too high, the result is turned down by so much and written again,
    at most twice, as streaming services do.

    Raises:
        AudioError: as `aural.audio.writing.write_audio`.
    """
    most_dbtp = run.stage.highest_dbtp
    if part.path.suffix.lower() in LOSSLESS or most_dbtp == np.inf:
        write_audio(part, run.blocks, run.output, like=like)
        return
    spool, gain_db = Spool(run.blocks, run.output.channels), 0.0
    for attempt in range(1 + AGAIN):
        part.restart()
        gain = np.float32(10 ** (gain_db / 20))
        write_audio(part, (gain * block for block in spool), run.output, like=like)
        over_db = true_peak_dbtp(part) - most_dbtp
        if over_db <= CLOSE_DB:
            break
        gain_db -= over_db if attempt < AGAIN else 0.0
    if over_db > CLOSE_DB:
        log.warning("%s: true peaks come out at %.1f dBTP by the codec", part.path, most_dbtp + over_db)
    if gain_db:
        log.warning("%s: turned down by %.1f dB, as the codec makes peaks higher", part.path, -gain_db)


def true_peak_dbtp(part: Part) -> float:
    """Measure the true peak of what is written so far, in dBTP."""
    file = open_audio(part.name)
    meter = TruePeakMeter(file.format)
    for block in file:
        meter.update(block)
    return meter.compute()
