"""Bring a band forward that was recorded in a loud crowd: what people say is lowered by 15 dB, the rest mastered.

python examples/rehearsal.py rehearsal.wav quieter_crowd.wav

A crowd that talks and shouts is a voice to the network, as is a singer: this is for instruments alone.
"""

import sys

import aural
from aural.audio.files import read
from aural.audio.writing import write

source, target = sys.argv[1:]
audio, sample_rate = read(source)  # float32, shape (channels, frames)

stems = aural.create("source-separation")(audio, sample_rate)
mix = aural.Mix(
    (aural.Track("rest"), aural.Track("voice", gain_db=-15)),
    master=aural.create("master", target="streaming"),
)

write(target, mix(stems, sample_rate), sample_rate)
