"""Run a chain live, in blocks of 10 ms as a sound card delivers them.

python examples/live.py examples/phone_memo.m4a live.wav

A stage that would need a first pass is given the value it would measure: then it is ready at once.
"""

import sys

import numpy as np

import aural
from aural.audio.files import read
from aural.audio.writing import write

source, target = sys.argv[1:]
audio, sample_rate = read(source)

chain = aural.Chain((  # mmse, since the network of compact lags by a second
    aural.create("noise-reduction", engine="mmse", hum_hz=50.0, hum_harmonics=(1, 2, 3)),
    aural.create("equaliser", bands=("high-pass:70", "peak:250:-2", "high-shelf:6000:2")),
    aural.create("gate", threshold_db=-50, range_db=10),
    aural.create("dynamic-compression", threshold_db=-30, ratio=3),
    aural.create("master", gain_db=6.0),
))  # fmt: skip
stream = chain.open(aural.Format(sample_rate, audio.shape[0]))
frames = sample_rate // 100
result = [stream.push(audio[:, start : start + frames]) for start in range(0, audio.shape[1], frames)]
result.append(stream.flush())  # what the stages still held back

write(target, np.concatenate(result, axis=-1), sample_rate)
