"""Bring a band forward that was recorded in a loud crowd: what people say is lowered by 15 dB, the rest mastered.

python examples/rehearsal.py rehearsal.wav quieter_crowd.wav

A crowd that talks and shouts is a voice to the network, as is a singer: this is for instruments alone.
"""

import argparse

import aural
from aural.audio.files import read
from aural.audio.writing import write

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("target")
given = parser.parse_args()
audio, sample_rate = read(given.source)  # float32, shape (channels, frames)

stems = aural.create("source-separation")(audio, sample_rate)
mix = aural.Mix(
    (aural.Track("rest"), aural.Track("voice", gain_db=-15)),
    master=aural.create("master", target="streaming"),
)

write(given.target, mix(stems, sample_rate), sample_rate)
