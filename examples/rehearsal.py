"""Bring a band forward that was recorded among people who talk: the stem of the voice is lowered by 15 dB, the rest
mastered.

python examples/rehearsal.py rehearsal.wav quieter_crowd.wav

One or two people fall by about 10 dB. A dense crowd hardly falls: the network takes little of it for a voice. A
singer is a voice too, so this is for instruments alone.
"""

import argparse
from pathlib import Path

import aural
from aural.audio.files import read
from aural.audio.writing import write

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("target")
given = parser.parse_args()
if Path(given.target).exists():
    parser.error(f"{given.target} exists already")
audio, sample_rate = read(given.source)  # float32, shape (channels, frames)

stems = aural.create("source-separation")(audio, sample_rate)
mix = aural.Mix(
    (aural.Track("rest"), aural.Track("voice", gain_db=-15)),
    master=aural.create("master", target="streaming"),
)

write(given.target, mix(stems, sample_rate), sample_rate)
