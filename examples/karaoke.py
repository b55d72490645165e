"""Make a backing track of a song: the stem of the voice is lowered by 30 dB.

What the network leaves of the voice in the other stem stays: in simple songs the voice falls by about 15 dB.

python examples/karaoke.py song.mp3 karaoke.wav

For a dense song, engine="demucs" and two_stems="vocals" separate better: then the stems are vocals and no_vocals,
and a model is downloaded on first use.
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
karaoke = aural.Mix((aural.Track("rest"), aural.Track("voice", gain_db=-30)))

write(given.target, karaoke(stems, sample_rate), sample_rate)
