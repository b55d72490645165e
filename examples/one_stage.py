"""Use one stage as a library call: lower the noise of a recording, and hear what was taken away.

python examples/one_stage.py examples/phone_memo.m4a quieter.wav removed.wav
"""

import sys

import aural
from aural.audio.files import read
from aural.audio.writing import write

source, quieter, removed = sys.argv[1:]
audio, sample_rate = read(source)  # float32, shape (channels, frames)

reduce = aural.create("noise-reduction", max_attenuation_db=12)
result = reduce(audio, sample_rate)

write(quieter, result, sample_rate)
write(removed, audio - result, sample_rate)
