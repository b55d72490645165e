"""An interview: what noise reduction took from the pauses is not given back by what follows it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from recordings import CORPUS, needs_corpus, write

import aural
from aural.audio.files import read
from aural.signals import Block

pytestmark = [pytest.mark.corpus, needs_corpus]

RATE = 48000
TURN, PAUSE = 3 * RATE, 2 * RATE


def interview() -> tuple[Block, list[slice], list[slice]]:
    """Return a near and a far voice taking turns over noise 27 dB below the near one; where it speaks, and pauses."""
    near, far = (
        np.concatenate([read(file)[0][0] for file in sorted((CORPUS / "speech" / name).rglob("*.opus"))[:12]])
        for name in ("freeswitch_richard", "rhasspy_nathalie")
    )
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.standard_normal(8 * (TURN + PAUSE) + RATE))
    noise = (noise - np.convolve(noise, np.ones(200) / 200, "same"))[RATE:]
    audio = 0.1 * 10 ** (-27 / 20) * noise / np.std(noise)
    begins = range(0, audio.size - TURN, TURN + PAUSE)
    for number, begin in enumerate(begins):
        voice = (near, far)[number % 2][number // 2 * TURN :][:TURN]
        audio[begin : begin + voice.size] += 0.1 * 10 ** (-14 / 20 * (number % 2)) * voice / np.std(voice)
    speaks = [slice(begin, begin + TURN) for begin in list(begins)[::2]]
    pauses = [slice(a + TURN + RATE // 2, b - RATE // 3) for a, b in pairwise(begins)]
    return audio[None].astype(np.float32), speaks, pauses


def below_db(audio: Block, speaks: list[slice], pauses: list[slice]) -> float:
    """Return how far pauses are below the near voice."""
    power = [np.mean([np.mean(np.square(audio[:, part])) for part in parts]) for parts in (speaks, pauses)]
    return float(10 * np.log10(power[0] / power[1]))


@pytest.mark.parametrize("preset", ["auto", "podcast"])
def test_pauses_stay_as_quiet_as_noise_reduction_made_them(tmp_path: Path, preset: str) -> None:
    audio, speaks, pauses = interview()
    done = aural.clean(write(tmp_path / "a.wav", audio), tmp_path / "b.wav", preset)
    assert {"noise-reduction", "leveller", "dynamic-compression"} <= {stage.name for stage in done.chain.stages}
    before, after = (below_db(read(path)[0], speaks, pauses) for path in (tmp_path / "a.wav", tmp_path / "b.wav"))
    assert after > before + 2.5  # the compressor of a podcast takes about 5 dB of what noise reduction gave
