"""Make a backing track of a song: the voice is lowered by 30 dB, so that it can just be followed.

python examples/karaoke.py song.mp3 karaoke.wav

For a dense song, engine="demucs" and two_stems="vocals" separate better: then the stems are vocals and no_vocals,
and a model is downloaded on first use.
"""

import sys

import aural
from aural.audio.files import read
from aural.audio.writing import write

source, target = sys.argv[1:]
audio, sample_rate = read(source)  # float32, shape (channels, frames)

stems = aural.create("source-separation")(audio, sample_rate)
karaoke = aural.Mix((aural.Track("rest"), aural.Track("voice", gain_db=-30)))

write(target, karaoke(stems, sample_rate), sample_rate)
