"""Use one stage as a library call: lower the noise of a recording, and hear what was taken away.

python examples/one_stage.py examples/phone_memo.m4a quieter.wav removed.wav
"""

import argparse
from pathlib import Path

import aural
from aural.audio.files import read
from aural.audio.writing import write

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("quieter")
parser.add_argument("removed")
given = parser.parse_args()
for target in given.quieter, given.removed:
    if Path(target).exists():
        parser.error(f"{target} exists already")
audio, sample_rate = read(given.source)  # float32, shape (channels, frames)

reduce = aural.create("noise-reduction", max_attenuation_db=12)
result = reduce(audio, sample_rate)

write(given.quieter, result, sample_rate)
write(given.removed, audio - result, sample_rate)
