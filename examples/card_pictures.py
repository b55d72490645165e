"""Draw the pictures of the model cards: what each network makes of the example recording, or of voice and music.

python examples/card_pictures.py VOICE MUSIC        (48 kHz, 5 s or more; needs pip install "aural[plot]")
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from PIL import Image

import aural
from aural import plot
from aural.degrade.codec import Codec
from aural.dsp import fir
from aural.signals import Block

HERE = Path(__file__).parent
EXAMPLE_S, OTHERS_S = (3.0, 8.0), (0.0, 5.0)
"""The passages that are shown."""
CUTOFF_HZ = 4000.0
COLOURS, LARGEST = 128, 100_000
"""Of a picture, and the most bytes that it may have."""


def main() -> None:
    for card, sample_rate, versions in pictures(*map(Path, sys.argv[1:])):
        path = HERE.parent / "stages" / card / "card.png"
        draw(versions, sample_rate, path)
        size = path.stat().st_size
        print(f"{path.relative_to(HERE.parent)}: {size / 1000:.0f} kB")
        assert size < LARGEST


def pictures(voice: Path, music: Path) -> Iterator[tuple[str, int, Mapping[str, Block]]]:
    """Give the folder of each card, the sample rate and the sounds that its picture shows."""
    example, rate = excerpt(HERE / "phone_memo.m4a", EXAMPLE_S)
    for engine in ("compact", "unet"):
        reduced = aural.create("noise-reduction", engine=engine)(example, rate)
        yield f"noise_reduction/engines/{engine}", rate, {"example": example, f"by {engine}": reduced}
    first, rate = excerpt(voice, OTHERS_S)
    limited = fir.filtered(first, fir.low_pass(2 * CUTOFF_HZ / rate, fir.kaiser(60.0, 0.02))).astype(np.float32)
    wide = aural.create("frequency-expansion", engine="envelope")(limited, rate)
    sounds = {"voice": first, "up to 4 kHz": limited, "by envelope": wide}
    yield "frequency_expansion/engines/envelope", rate, sounds
    second, _ = excerpt(music, OTHERS_S)
    second *= first.std() / second.std()
    stems = aural.create("source-separation", engine="voice")(first + second, rate)
    sounds = {"voice and music": first + second, **stems}
    yield "source_separation/engines/voice", rate, sounds
    coded = Codec("mp3", 32_000).there_and_back(second, rate)
    for engine in ("stochastic", "unet"):
        filled = aural.create("frequency-generation", engine=engine)(coded, rate)
        sounds = {"music": second, "MP3 at 32 kbit/s": coded, f"by {engine}": filled}
        yield f"frequency_generation/engines/{engine}", rate, sounds


def excerpt(path: Path, passage_s: tuple[float, float]) -> tuple[Block, int]:
    """Read a passage of a recording, as one channel."""
    audio, rate = aural.read(path)
    start, end = (round(at * rate) for at in passage_s)
    return audio[:, start:end].mean(axis=0, keepdims=True), rate


def draw(versions: Mapping[str, Block], sample_rate: int, path: Path) -> None:
    """Draw spectra side by side, with few colours so that the file is small."""
    figure, axes = pyplot.subplots(1, len(versions), sharey=True, figsize=(10, 2.6), layout="constrained")
    for (name, audio), ax in zip(versions.items(), axes, strict=True):
        plot.spectrogram(audio, sample_rate, ax=ax).set_title(name, fontsize=10)
        ax.label_outer()
    with tempfile.TemporaryDirectory() as folder:
        figure.savefig(Path(folder) / "card.png", dpi=72)
        Image.open(Path(folder) / "card.png").convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
