"""Run a chain live: a callback as a sound card calls it, with 10 ms, and wants as many back.

python examples/live.py examples/phone_memo.m4a live.wav

A stage that would need a first pass is given the value it would measure: then it is ready at once. What comes back is
late by LAG_S, since a stream may give nothing for a while and then more at a time.
"""

import argparse
from pathlib import Path

import numpy as np

import aural
from aural.audio.files import read
from aural.audio.writing import write

LAG_S = 0.55  # mmse listens to the noise for half a second before it lets anything out

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("target")
given = parser.parse_args()
if Path(given.target).exists():
    parser.error(f"{given.target} exists already")
audio, sample_rate = read(given.source)

chain = aural.Chain((  # mmse, since the network of compact lags by more than a second
    aural.create("noise-reduction", engine="mmse", hum_hz=50.0, hum_harmonics=(1, 2, 3)),
    aural.create("equaliser", bands=("high-pass:70", "peak:250:-2", "high-shelf:6000:2")),
    aural.create("gate", threshold_db=-50, range_db=10),
    aural.create("dynamic-compression", threshold_db=-30, ratio=3),
    aural.create("master", gain_db=6.0),
))  # fmt: skip
stream = chain.open(aural.Format(sample_rate, audio.shape[0]))
waiting = np.zeros((audio.shape[0], round(LAG_S * sample_rate)), np.float32)


def callback(block: aural.Block) -> aural.Block:
    """Take the next frames, shape (channels, frames), and return as many."""
    global waiting
    waiting = np.concatenate([waiting, stream.push(block)], axis=-1)
    ready, waiting = np.split(waiting, [block.shape[-1]], axis=-1)
    assert ready.shape == block.shape
    return ready


blocks = np.array_split(audio, range(0, audio.shape[1], sample_rate // 100)[1:], axis=-1)
played = [callback(block) for block in blocks]
write(given.target, np.concatenate(played, axis=-1), sample_rate)
