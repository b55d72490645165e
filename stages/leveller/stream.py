"""The leveller as a stream."""

from __future__ import annotations

import numpy as np

from aural.dsp.decibels import db_to_gain
from aural.dsp.segments import SegmentStream
from aural.measure.loudness import PIECES
from aural.signals import Block, Format
from aural.stages.leveller.dsp import Law, SpeechMeter, reach_s

SEGMENT_S = 8


class LevellerStream(SegmentStream):
    """Finds the gain segment by segment, the same for all channels."""

    def __init__(self, source: Format, law: Law) -> None:
        rate = source.sample_rate
        super().__init__(source, SEGMENT_S * rate, reach_s(law.window_s) * rate)
        self.law = law

    def process(self, audio: Block) -> Block:
        meter = SpeechMeter(self.output)
        meter.update(audio)
        speech = meter.compute()
        if not speech.level.size:
            return audio
        middles = (np.arange(speech.level.size) + 0.5) * self.output.sample_rate / PIECES
        gain_db = np.interp(np.arange(audio.shape[-1]), middles, self.law.gains_db(speech))
        return audio * db_to_gain(gain_db).astype(np.float32)
